"""Training images that each batch size needs to the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of
from analysis.wording import axis_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Images to the target at each batch size"
CAPTION: Final = (
    "Training images, with repeats, until validation accuracy first reaches the target. Each point "
    "is one seed, the line joins the geometric means of those that arrived; ✕ at the top: not "
    "within the budget. The vertical axis is logarithmic."
)
_PREFIX: Final = "samples_to_target@"
_KIND: Final = response.Response(
    panel="panel",
    x="batch_size",
    y="thousand_images",
    x_label="batch size (images)",
    y_label="thousand images",
    log_x=True,
    log_y=True,
    geometric=True,
    state="state",
    lost_at="top",
)
_NOTHING: Final = "No images-to-target at several batch sizes"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the images to the claim's target.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (the learning rate), ``batch_size``, ``norm``, ``seed``, ``thousand_images``
        (missing where the target was not reached), ``state``.
    """
    trials = trials_of(evidence, ("batch_size", "learning_rate"))
    column = f"{_PREFIX}{evidence.target()}"
    if trials.empty or column not in trials or trials["batch_size"].nunique() < 2:
        return pd.DataFrame()
    images = trials[column].astype(float)
    arrived = np.isfinite(images)
    target = f"{100 * float(evidence.target()):g} %"
    found = pd.DataFrame(
        {
            "panel": "learning rate " + trials["learning_rate"].map(axis_value),
            "learning_rate": trials["learning_rate"],
            "batch_size": trials["batch_size"],
            "norm": trials["norm"],
            "seed": trials["seed"],
            "thousand_images": images.where(arrived) / 1000,
            "state": pd.Series("", trials.index).where(arrived, f"{target} not reached"),
        }
    )
    order = ["learning_rate", "norm", "batch_size", "seed"]
    found = found.sort_values(order, ignore_index=True).drop(columns="learning_rate")
    found.attrs["setting"] = f"Target: {target} validation accuracy."
    return found if found["thousand_images"].notna().any() else pd.DataFrame()


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel a learning rate."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
