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
from typing import TYPE_CHECKING, Final, Protocol, cast

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
    overview
        Shown once, before the claims, from the first claim that has data for it.
    metrics, measures, decisions
        A claim whose primary comparison has one of each shows the figure; empty: any.
    """

    name: str
    overview: bool = False
    metrics: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()

    def load(self) -> FigureModule:
        """Import the figure's module."""
        return cast("FigureModule", importlib.import_module(f"{__name__}.{self.name}"))

    def suits(self, comparison: Comparison) -> bool:
        """Whether a claim with this primary comparison shows the figure."""
        return (
            not self.overview
            and (not self.metrics or comparison.metric in self.metrics)
            and (not self.measures or comparison.measure in self.measures)
            and (not self.decisions or comparison.decision in self.decisions)
        )


FIGURES: Final[tuple[FigureSpec, ...]] = (
    FigureSpec("effect_heatmap", overview=True),
    FigureSpec("learning_curves", overview=True),
    FigureSpec("survival", metrics=("steps_to_target",)),
    FigureSpec("learning_rate_response", measures=("spread", "largest")),
    FigureSpec("notebook_runs", decisions=("typical",)),
    FigureSpec("loss_traces", decisions=("typical",)),
    FigureSpec("memory_kinds", metrics=("training_bytes",)),
    FigureSpec("effect_by_batch", metrics=("training_bytes", "pass_seconds")),
    FigureSpec("throughput", metrics=("images_per_second",)),
    FigureSpec("paired_seeds", decisions=("superiority",)),
    FigureSpec("forest", decisions=("superiority",)),
)
