"""Which batch size is best for each dataset and network, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.figures import grammar, palette
from analysis.figures.kinds.multiples import Multiples, lay_out, of_panel, series_of
from analysis.figures.select import trials_of
from analysis.figures.tuned_by_batch import tuned
from analysis.stats.best import probability_best
from analysis.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The best batch size, and how sure it is"
CAPTION: Final = (
    "Bar: how often this batch size has the best mean validation accuracy when the seeds are drawn "
    "again (bootstrap), each at a learning rate that other seeds chose. One tall bar is a clear "
    "best; bars of equal height say that it does not matter or can't be told. Below the bars: mean "
    "validation accuracy in per cent."
)
_KIND: Final = Multiples(
    panel="place", x_label="batch size (images)", y_label="best in (% of resamples)", across=2
)
_NOTHING: Final = "Several batch sizes on a dataset and network are needed"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Count how often each batch size comes out best.

    Returns
    -------
    pandas.DataFrame
        ``place`` (dataset and network), ``norm``, ``batch_size``, ``learning_rate`` (chosen),
        ``seeds``, ``accuracy`` (mean on validation, per cent), ``best`` (per cent of resamples).
    """
    trials = trials_of(evidence, ("dataset", "model", "batch_size", "learning_rate"))
    if trials.empty or "validation_accuracy" not in trials:
        return pd.DataFrame()
    rows = []
    for (dataset, model), place in trials.groupby(["dataset", "model"], sort=True):
        for norm, arm in tuned(place).groupby("norm", sort=True):
            table = arm.pivot_table(
                index="seed", columns="batch_size", values="validation_accuracy", aggfunc="first"
            ).dropna()
            if table.shape[1] < 2 or len(table) < 2:
                continue
            shares = probability_best(table.to_numpy(np.float64))
            rates = arm.groupby("batch_size")["learning_rate"].first()
            rows += [
                {
                    "place": f"{dataset}, {model}",
                    "norm": norm,
                    "batch_size": batch,
                    "learning_rate": rates[batch],
                    "seeds": len(table),
                    "accuracy": 100 * float(table[batch].mean()),
                    "best": 100 * float(share),
                }
                for batch, share in zip(table.columns, shares, strict=True)
            ]
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel for each dataset and network, a bar for each batch size and arm."""
    if data.empty:
        return grammar.nothing_to_show(shape, _NOTHING)
    figure, axes, titles = lay_out(data, shape, _KIND)
    norms = series_of(data, _KIND)
    batches = sorted(data["batch_size"].unique())
    for ax, title in zip(axes.flat, titles, strict=False):
        _bars(ax, of_panel(data, _KIND, title), norms, batches)
    first = axes.flat[0]
    first.set_ylim(-16, 106)
    first.set_yticks([0, 50, 100])
    first.set_xlim(-0.5, len(batches) - 0.5)
    first.set_xticks(range(len(batches)), [grammar.plain(b) for b in batches])
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return f"{_NOTHING}."
    best = data.loc[data.groupby(["place", "norm"])["best"].idxmax()]
    parts = [
        f"{r.place} {palette.norm_title(str(r.norm))}: batch size {r.batch_size} in {r.best:.0f} % "
        "of resamples"
        for r in best.itertuples()
    ]
    return "Best batch size. " + "; ".join(parts) + "."


def _bars(ax: Axes, panel: pd.DataFrame, norms: list[str], batches: list[int]) -> None:
    width = 0.8 / len(norms)
    for i, norm in enumerate(norms):
        arm = panel[panel["norm"] == norm]
        x = arm["batch_size"].map(batches.index) + width * (i - (len(norms) - 1) / 2)
        colour = palette.norm_colour(norm)
        ax.bar(x, arm["best"], width=0.9 * width, color=colour, linewidth=0, zorder=2)
        for place, accuracy in zip(x, arm["accuracy"], strict=True):
            ax.text(
                place, -4, number(accuracy, 4), ha="center", va="top", color=colour, fontsize=9.5
            )
