"""How far the running statistics are behind the network that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import along
from analysis.figures.select import narrowed, study_with

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The lag of the running statistics"
CAPTION: Final = (
    "Running statistics are averages over past batches of a network that has moved on. Accuracy "
    "lost: validation accuracy with the statistics of the batch less that with running statistics. "
    "Distances: of running mean and variance from the minibatches' own. Line: mean over seeds; "
    "band: the middle 80 % of them."
)
_PANELS: Final = {
    "running_statistics_lag": ("train_eval", 100.0, "Accuracy lost to the lag (points)"),
    "running_mean_gap": ("landscape", 1.0, "Distance of the mean (standard dev.)"),
    "running_variance_gap": ("landscape", 1.0, "Distance of ln variance"),
}
_KIND: Final = along.Along(panel="panel", series="trained_with", shared=False, zero=True, across=3)
_NOTHING: Final = "No running statistics along training in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Summarise the lag and the distances.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``trained_with`` (batch size), ``step``, ``seeds``, ``mean``, ``low``, ``high``.
    """
    parts = []
    for quantity, (preferred, factor, title) in _PANELS.items():
        study = study_with(evidence, quantity, preferred)
        if not study:
            continue
        points = evidence.samples.curves(quantity, study)
        points = points[(points["facet"] == "") & (points["norm"] == "batch")]
        points = narrowed(points, ("batch_size",), evidence.condition())
        if points.empty:
            continue
        points = points.assign(
            value=factor * points["value"],
            trained_with="batches of " + points["batch_size"].astype(str),
            panel=title,
        ).sort_values(["batch_size", "step"], kind="stable")
        parts.append(along.summarise(points, ["panel", "trained_with"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel for what is lost and for each distance."""
    return along.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return along.describe(data, _KIND, _NOTHING)
