"""Measured times of a training step and of inference, by batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Time of one pass"
CAPTION: Final = (
    "Each point is one fresh process, the line joins the geometric means. Folded: the scale and "
    "shift of batch normalization are worked into the layer before it, which only inference can "
    "do. Both axes are logarithmic."
)
_PANELS: Final = {
    "train_step": "Training step",
    "inference": "Inference",
    "inference_folded": "Inference, folded",
}
_KIND: Final = response.Response(
    panel="panel",
    x="batch_size",
    y="milliseconds",
    x_label="batch size (images)",
    y_label="time of one pass (ms)",
    log_x=True,
    log_y=True,
    geometric=True,
)
_NOTHING: Final = "No times were measured"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the times of every replicate.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``batch_size``, ``norm``, ``replicate``, ``milliseconds``. Of several devices or
        networks that of the claim is shown; the others are in the exports.
    """
    rows = trials_of(evidence, ("batch_size",), all_statuses=True)
    parts = []
    for activity, title in _PANELS.items():
        column = f"pass_seconds@{activity}"
        if column not in rows:
            continue
        timed = rows.dropna(subset=[column])
        parts.append(
            pd.DataFrame(
                {
                    "panel": title,
                    "batch_size": timed["batch_size"],
                    "norm": timed["norm"],
                    "replicate": timed["seed"],
                    "milliseconds": 1000 * timed[column].astype(float),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel an activity."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
