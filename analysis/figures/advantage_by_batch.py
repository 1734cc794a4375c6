"""What each norm gains over no norm, seed by seed, as batches or their statistics get small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "What normalizing gains at each batch size"
CAPTION: Final = (
    "Test accuracy less that of the network without normalization on the same seed, so 0 is no "
    "gain. All batch sizes see the same images, so smaller batches take more steps. Each point is "
    "one seed, the line joins the means. Layer and group norm take no statistics over the batch: "
    "what happens to them too is not due to the batch's statistics."
)
_KIND: Final = response.Response(
    x="batch_size",
    y="gain",
    x_label="batch size (images)",
    y_label="accuracy gained (points)",
    log_x=True,
    zero=True,
)
_NOTHING: Final = "No other norm to compare at several batch sizes"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Take the accuracy without normalization off that of each norm.

    Returns
    -------
    pandas.DataFrame
        ``batch_size``, ``norm``, ``seed``, ``gain`` (percentage points).
    """
    trials = trials_of(evidence, ("batch_size",))
    if trials.empty or "test_accuracy" not in trials or "none" not in set(trials["norm"]):
        return pd.DataFrame()
    place = ["batch_size", "seed"]
    values = trials[[*place, "norm", "test_accuracy"]].dropna()
    base = values.loc[values["norm"] == "none", [*place, "test_accuracy"]]
    pairs = values[values["norm"] != "none"].merge(base, on=place, suffixes=("", "_none"))
    pairs["gain"] = 100 * (pairs["test_accuracy"] - pairs["test_accuracy_none"])
    found = pairs[["batch_size", "norm", "seed", "gain"]]
    return found.sort_values(["norm", "batch_size", "seed"], ignore_index=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw one line a norm."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
