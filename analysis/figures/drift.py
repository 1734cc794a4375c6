"""Internal covariate shift along training, by both of its definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.figures.kinds import along

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "How much the inputs of the layers move"
CAPTION: Final = (
    "Left: how far mean and standard deviation of a layer's inputs moved since the point before. "
    "Right: by how much a layer's gradient changes when the layers before it are updated, over the "
    "size of the gradient. Mean over layers. Line: mean over seeds; band: the middle 80 % of them."
)
_PANELS: Final = {
    "input_drift": "Drift of inputs (standard deviations)",
    "gradient_shift": "Shift of the gradient (share of its size)",
}
_KIND: Final = along.Along(panel="panel", shared=False, log_y=True, across=2)
_NOTHING: Final = "No drift along training in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Summarise both shifts.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``norm``, ``step``, ``seeds``, ``mean``, ``low``, ``high``.
    """
    return along.summarise_positive(evidence, _PANELS)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw both side by side."""
    return along.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return along.describe(data, _KIND, _NOTHING)
