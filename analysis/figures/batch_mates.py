"""What the other images of a test batch do to a network that uses their statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import narrowed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "What batch mates change"
CAPTION: Final = (
    "The trained network classifies test images with the statistics of the test batch in place of "
    "those stored in training. One panel: accuracy gained or lost by that, in batches of several "
    "sizes, and in batches that hold one class only. The other: the share of images whose answer "
    "changes when other images share the batch. Each point is one seed, each dash the mean."
)
_MODE: Final = "test_accuracy_train_mode@"
_STORED: Final = "test_accuracy_eval_mode@"
_FLIPS: Final = "prediction_flips@"
_ACCURACY_PANEL: Final = "Accuracy against stored statistics (points)"
_FLIPS_PANEL: Final = "Answers that change (% of images)"
_KIND: Final = response.Response(
    panel="panel",
    series="trained_with",
    x="test_batch",
    y="value",
    x_label="images in a test batch",
    shared=False,
    zero=True,
    joined=False,
    across=2,
)
_NOTHING: Final = "No test in train mode in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List what changes for every seed.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``trained_with`` (batch size of training), ``test_batch``, ``seed``, ``value``.
    """
    trials = evidence.samples.trials
    columns = [c for c in trials.columns if c.startswith((_MODE, _FLIPS))]
    if not columns or trials[columns].isna().to_numpy().all():
        return pd.DataFrame()
    trials = trials[(trials["norm"] == "batch") & trials[columns].notna().any(axis=1)]
    if trials.empty:
        return pd.DataFrame()
    trials = trials[trials["study"] == trials["study"].iloc[0]]
    trials = narrowed(trials, ("norm", "batch_size"), evidence.condition())
    parts = []
    for size in sorted(trials["batch_size"].unique()):
        rows = trials[trials["batch_size"] == size]
        values = [
            (_ACCURACY_PANEL, _words(f), 100 * (rows[f"{_MODE}{f}"] - rows[f"{_STORED}{f}"]))
            for f in evidence.samples.facets("test_accuracy_train_mode")
            if f"{_STORED}{f}" in rows
        ]
        values += [
            (_FLIPS_PANEL, _words(f), 100 * rows[f"{_FLIPS}{f}"])
            for f in evidence.samples.facets("prediction_flips")
        ]
        parts += [
            pd.DataFrame(
                {
                    "panel": panel,
                    "trained_with": f"trained in batches of {size}",
                    "test_batch": batch,
                    "seed": rows["seed"],
                    "value": value,
                }
            )
            for panel, batch, value in values
        ]
    found = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
    return found.sort_values("panel", kind="stable", ignore_index=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw accuracy at the left, changed answers at the right."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)


def _words(facet: str) -> str:
    return "one class" if facet == "sorted" else f"{int(facet):,}" if facet.isdigit() else facet
