"""Figures: one file each, all with the same three pure functions, and the registry of them.

A figure module has ``TITLE``, ``CAPTION`` and

- ``frame(evidence)``: the tidy table behind the figure, empty where the store holds nothing for it;
- ``draw(frame, shape)``: that table as a matplotlib figure, for a wide page or a phone;
- ``describe(frame)``: what it shows, in words, for those who can't see it.

The report prints the same table beside the figure and as a download. A new figure is one file and
one line here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.comparison import Comparison
    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape


class FigureModule(Protocol):
    """What every figure file offers."""

    TITLE: str
    CAPTION: str

    def frame(self, evidence: Evidence) -> pd.DataFrame:
        """Return the table behind the figure."""

    def draw(self, data: pd.DataFrame, shape: Shape) -> Figure:
        """Draw that table."""

    def describe(self, data: pd.DataFrame) -> str:
        """Say in words what the figure shows."""


@dataclass(frozen=True)
class FigureSpec:
    """Where a figure belongs.

    Parameters
    ----------
    name
        Module in this package.
    place
        ``claim``: in the sections of the claims that it suits; ``overview`` and ``mechanics``:
        once, in that section, from the first claim that it suits and that has data for it.
    metrics, measures, decisions, studies, axes
        A claim whose primary comparison has one of each (``axes``: of its arms) shows the figure;
        empty: any.
    """

    name: str
    place: Literal["claim", "overview", "mechanics"] = "claim"
    metrics: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()

    def load(self) -> FigureModule:
        """Import the figure's module."""
        return load_figure(self.name)

    def suits(self, comparison: Comparison) -> bool:
        """Whether a claim with this primary comparison shows the figure."""
        wanted = (
            (self.metrics, comparison.metric),
            (self.measures, comparison.measure),
            (self.decisions, comparison.decision),
            (self.studies, comparison.study),
            (self.axes, comparison.arms.axis),
        )
        return all(not any_of or it in any_of for any_of, it in wanted)


def load_figure(name: str) -> FigureModule:
    """Import the module of a figure of this package."""
    return cast("FigureModule", importlib.import_module(f"{__name__}.{name}"))


FIGURES: Final[tuple[FigureSpec, ...]] = (
    FigureSpec("effect_heatmap", "overview"),
    FigureSpec("learning_curves", "overview", metrics=("steps_to_target",)),
    FigureSpec("histograms", "mechanics"),
    FigureSpec("affine_along", "mechanics"),
    FigureSpec("running_lag", "mechanics"),
    FigureSpec("batch_mates", "mechanics"),
    FigureSpec("moments", metrics=("normalized_variance_error",)),
    FigureSpec("affine_arms", studies=("affine",)),
    FigureSpec("drift", metrics=("input_drift",)),
    FigureSpec("survival", metrics=("steps_to_target",)),
    FigureSpec("loss_paths", measures=("matched",)),
    FigureSpec("gradients_by_depth", metrics=("gradient_imbalance",)),
    FigureSpec("loss_along_gradient", metrics=("landscape_loss_range",)),
    FigureSpec("accuracy_by_init", studies=("init",)),
    FigureSpec("learning_rate_response", measures=("spread",), studies=("grid",)),
    FigureSpec("advantage_by_batch", measures=("interaction",)),
    FigureSpec("small_statistics", measures=("interaction",)),
    FigureSpec("early_accuracy", axes=("batch_size",), metrics=("validation_accuracy",)),
    FigureSpec("noise_by_batch", measures=("trend",)),
    FigureSpec("images_to_target", metrics=("samples_to_target",)),
    FigureSpec("tuned_by_batch", axes=("batch_size",), measures=("tuned",)),
    FigureSpec("best_batch", measures=("best",)),
    FigureSpec("batch_mates", axes=("outcome",)),
    FigureSpec("notebook_runs", decisions=("typical",)),
    FigureSpec("loss_traces", decisions=("typical",)),
    FigureSpec("memory_kinds", metrics=("training_bytes",)),
    FigureSpec("times", metrics=("pass_seconds",)),
    FigureSpec("effect_by_batch", metrics=("training_bytes", "pass_seconds")),
    FigureSpec("throughput", metrics=("images_per_second",)),
    FigureSpec("paired_seeds", decisions=("superiority",)),
    FigureSpec("forest"),
)
