"""Batch normalization over virtual batches: only the statistics' batch gets smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Statistics over few images, all else equal"
CAPTION: Final = (
    "The optimizer's batch stays the same; batch normalization takes its statistics over so many "
    "images of it. Steps and gradient noise of the batch are equal, so only the statistics differ. "
    "Each point is one seed, the line joins the means."
)
_STUDY: Final = "ghost"
_KIND: Final = response.Response(
    series="series",
    x="images",
    y="accuracy",
    x_label="images that the statistics are taken over",
    y_label="test accuracy (%)",
    log_x=True,
    keyed=False,
)
_NOTHING: Final = "No virtual batches in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List test accuracy by the size of the virtual batch.

    Returns
    -------
    pandas.DataFrame
        ``images``, ``norm``, ``seed``, ``accuracy`` (per cent).
    """
    trials = trials_of(evidence, (), _STUDY)
    if trials.empty or "test_accuracy" not in trials:
        return pd.DataFrame()
    size = trials["norm"].str.extract(r"^ghost:(\d+)$", expand=False).astype("float64")
    size = size.fillna(trials["batch_size"].where(trials["norm"] == "batch"))
    found = pd.DataFrame(
        {
            "series": "batch norm",
            "images": size,
            "norm": trials["norm"],
            "seed": trials["seed"],
            "accuracy": 100 * trials["test_accuracy"].astype(float),
        }
    ).dropna(subset=["images", "accuracy"])
    if found["images"].nunique() < 2:
        return pd.DataFrame()
    return found.sort_values(["images", "seed"], ignore_index=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw accuracy against the number of images."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
