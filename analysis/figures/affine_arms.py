"""Batch normalization taken apart: with and without γ and β, and these alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures import palette
from analysis.figures.kinds import response
from analysis.figures.kinds.multiples import ordered_norms
from analysis.figures.select import trials_of
from analysis.wording import axis_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Which part of batch normalization it is"
CAPTION: Final = (
    "Each point is one seed, each dash the mean. From left to right: nothing, only the "
    "learned scale and shift, only the normalizing, and both."
)
_KIND: Final = response.Response(
    panel="panel",
    series="series",
    x="network",
    y="accuracy",
    x_label="",
    y_label="test accuracy (%)",
    across=2,
    keyed=False,
    joined=False,
)
_ORDER: Final = ("none", "affine_only", "batch_no_affine", "batch")
_NOTHING: Final = "No trial without γ and β in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List test accuracy by what is left of batch normalization.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (the learning rate), ``network``, ``seed``, ``accuracy`` (per cent).
    """
    trials = trials_of(evidence, ("learning_rate",))
    if trials.empty or "test_accuracy" not in trials:
        return pd.DataFrame()
    parts = []
    for rate in sorted(trials["learning_rate"].unique()):
        here = trials[trials["learning_rate"] == rate]
        norms = [n for n in _ORDER if n in set(here["norm"])]
        norms += [n for n in ordered_norms(here["norm"]) if n not in _ORDER]
        for norm in norms:
            rows = here[here["norm"] == norm].dropna(subset=["test_accuracy"])
            parts.append(
                pd.DataFrame(
                    {
                        "panel": f"learning rate {axis_value(rate)}",
                        "series": "seeds",
                        "network": palette.norm_title(norm),
                        "seed": rows["seed"],
                        "accuracy": 100 * rows["test_accuracy"].astype(float),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel a learning rate."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
