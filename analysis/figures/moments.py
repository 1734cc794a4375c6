"""How far every feature is from mean 0 and variance 1 while the network trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.figures.kinds import along

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The worst feature's mean and variance along training"
CAPTION: Final = (
    "Of all features of all layers, the one that is farthest off, measured over the batch before γ "
    "and β. Without batch normalization the same place in the network is measured. Line: mean over "
    "seeds; band: the middle 80 % of them. Both axes are logarithmic."
)
_PANELS: Final = {
    "normalized_mean_error": "Distance of the mean from 0",
    "normalized_variance_error": "Distance of the variance from 1",
}
_KIND: Final = along.Along(panel="panel", shared=False, log_y=True, across=2)
_NOTHING: Final = "No moments along training in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Summarise both distances.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``norm``, ``step``, ``seeds``, ``mean``, ``low``, ``high``.
    """
    return along.summarise_positive(evidence, _PANELS)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw the means at the left, the variances at the right."""
    return along.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return along.describe(data, _KIND, _NOTHING)
