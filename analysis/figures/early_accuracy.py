"""Accuracy after the same few images, by batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of
from analysis.measures.along import value_after
from analysis.wording import axis_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Validation accuracy after the same few images"
CAPTION: Final = (
    "Every network has seen the same number of training images; larger batches have taken fewer "
    "steps with them. Each point is one seed, the line joins the means; ✕: runs that had diverged."
)
_KIND: Final = response.Response(
    panel="panel",
    x="batch_size",
    y="accuracy",
    x_label="batch size (images)",
    y_label="validation accuracy (%)",
    log_x=True,
    state="status",
)
_NOTHING: Final = "No accuracy after so few images in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Read the validation curve where the claim reads it.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (the learning rate), ``batch_size``, ``norm``, ``seed``, ``accuracy`` (per cent;
        missing where the run had diverged), ``status`` (empty where it trained).
    """
    images = evidence.comparison.after
    trials = trials_of(evidence, ("batch_size", "learning_rate"))
    if trials.empty or images is None or trials["batch_size"].nunique() < 2:
        return pd.DataFrame()
    accuracy = 100 * value_after(evidence.samples, trials, evidence.comparison.metric, images)
    found = pd.DataFrame(
        {
            "panel": "learning rate " + trials["learning_rate"].map(axis_value),
            "learning_rate": trials["learning_rate"],
            "batch_size": trials["batch_size"],
            "norm": trials["norm"],
            "seed": trials["seed"],
            "accuracy": accuracy,
            "status": trials["status"].where(trials["status"] == "diverged", ""),
        }
    )
    found = found[found["accuracy"].notna() | (found["status"] != "")]
    order = ["learning_rate", "norm", "batch_size", "seed"]
    found = found.sort_values(order, ignore_index=True).drop(columns="learning_rate")
    return found if found["accuracy"].notna().any() else pd.DataFrame()


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel a learning rate."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
