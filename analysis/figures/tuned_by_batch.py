"""Test accuracy and gap of every batch size at the learning rate that suits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of
from analysis.stats.tuned import selecting_seeds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Each batch size at its best learning rate"
CAPTION: Final = (
    "The learning rate of every batch size and network was chosen by a third of the seeds on "
    "validation images; the points are the other seeds on test images. The line joins the means. "
    "The table names the rates."
)
_ACCURACY: Final = "Test accuracy (%)"
_GAP: Final = "Train less test accuracy (points)"
_KIND: Final = response.Response(
    panel="panel",
    x="batch_size",
    y="value",
    x_label="batch size (images)",
    log_x=True,
    shared=False,
    across=2,
)
_NOTHING: Final = "Several batch sizes and learning rates are needed"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Choose the rates, and list the seeds that did not choose.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``norm``, ``batch_size``, ``learning_rate`` (the chosen one), ``seed``,
        ``value``.
    """
    trials = trials_of(evidence, ("batch_size", "learning_rate"))
    needed = {"validation_accuracy", "test_accuracy", "train_accuracy"}
    if trials.empty or not needed <= set(trials.columns) or trials["batch_size"].nunique() < 2:
        return pd.DataFrame()
    tested = tuned(trials)
    if tested.empty:
        return pd.DataFrame()
    place = tested[["norm", "batch_size", "learning_rate", "seed"]]
    accuracy = 100 * tested["test_accuracy"].astype(float)
    gap = 100 * tested["train_accuracy"].astype(float) - accuracy
    parts = [place.assign(panel=p, value=v) for p, v in ((_ACCURACY, accuracy), (_GAP, gap))]
    found = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
    return found[["panel", "norm", "batch_size", "learning_rate", "seed", "value"]]


def tuned(trials: pd.DataFrame) -> pd.DataFrame:
    """Take each norm and batch size at the rate that a third of the seeds chooses on validation.

    Returns
    -------
    pandas.DataFrame
        The other seeds' trials at that rate. A rate at which a choosing seed diverged is not
        chosen.
    """
    seeds = sorted(trials["seed"].unique())
    choosing = seeds[: selecting_seeds(len(seeds))]
    parts = []
    for _, rows in trials.groupby(["norm", "batch_size"], sort=True):
        chooses = rows["seed"].isin(choosing)
        score = rows["validation_accuracy"].astype(float).where(rows["status"] == "ok")
        means = score[chooses].groupby(rows["learning_rate"]).agg(lambda s: s.mean(skipna=False))
        if means.notna().any():
            best = means.idxmax()
            parts.append(rows[~chooses & (rows["learning_rate"] == best)])
    return pd.concat(parts) if parts else trials.iloc[:0]


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw accuracy at the left, the gap at the right."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
