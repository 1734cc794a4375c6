"""The band of losses that a step along the gradient can reach, while the network trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import along
from analysis.figures.select import narrowed
from analysis.wording import axis_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The loss along the gradient"
CAPTION: Final = (
    "At each point of training the network is moved along its gradient by steps of several sizes, "
    "and put back. Line: the loss where it stands, mean over seeds; band: from the smallest to the "
    "largest loss along the way, mean over seeds. The narrower the band, the smoother the "
    "landscape. After Santurkar et al. 2018, Fig. 4. The vertical axis is logarithmic."
)
_QUANTITY: Final = "landscape_loss"
_KIND: Final = along.Along(panel="panel", y_label="minibatch loss (nats)", log_y=True, across=2)
_NOTHING: Final = "No loss along the gradient in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Reduce the losses of all step sizes to a band.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (the learning rate of training), ``norm``, ``step``, ``seeds``, ``mean`` (loss
        where the network stands), ``low``, ``high`` (smallest and largest along the gradient).
    """
    curves = evidence.samples.curves(_QUANTITY, evidence.comparison.study)
    curves = narrowed(curves, ("norm", "learning_rate"), evidence.condition())
    if curves.empty:
        return pd.DataFrame()
    line = ["learning_rate", "norm", "step"]
    ends = curves.groupby([*line, "seed"])["value"].agg(["min", "max"]).reset_index()
    here = curves.loc[curves["facet"] == "0", [*line, "seed", "value"]]
    each = ends.merge(here, on=[*line, "seed"])
    found = each.groupby(line, as_index=False).agg(
        seeds=("seed", "nunique"), mean=("value", "mean"), low=("min", "mean"), high=("max", "mean")
    )
    found = found[found["low"] > 0]
    found.insert(0, "panel", "trained at rate " + found["learning_rate"].map(axis_value))
    return found.drop(columns="learning_rate").reset_index(drop=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel a learning rate."""
    return along.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return along.describe(data, _KIND, _NOTHING)
