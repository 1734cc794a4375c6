"""Training loss along the first epoch, averaged over windows of steps, as the notebook plots it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.figures import grammar, palette
from analysis.figures.evidence import arms_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Training loss in the first epoch"
CAPTION: Final = (
    "Mean loss of the minibatches over each window of steps, as in the notebook. Line: mean over "
    "seeds; band: from the lowest to the highest seed."
)


def frame(evidence: Evidence) -> pd.DataFrame:
    """Average the traces of the first epoch over seeds.

    Returns
    -------
    pandas.DataFrame
        ``norm``, ``step``, ``seeds``, ``mean``, ``low``, ``high`` (nats).
    """
    traces = evidence.curves("trace_loss")
    if traces.empty:
        return pd.DataFrame()
    trials = evidence.trials()
    first = first_epoch(trials)
    kept = traces[traces["step"] <= first] if first else traces
    return (
        kept.groupby(["norm", "step"], observed=True)["value"]
        .agg(seeds="size", mean="mean", low="min", high="max")
        .reset_index()
    )


def first_epoch(trials: pd.DataFrame) -> int | None:
    """Count the steps of the first epoch, where the budget is stated in epochs; None elsewhere."""
    if trials.empty or trials["budget_steps"].isna().all():
        return None
    epochs = json.loads(str(trials["protocol"].iloc[0]))["budget"]["epochs"]
    return round(float(trials["budget_steps"].max()) / epochs) if epochs else None


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw one line with a band for each arm."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No loss traces in this store")
    margins = grammar.Margins(left=52, right=100 if not shape.narrow else 84, top=12, bottom=48)
    figure = grammar.new_figure(shape, 250 if shape.narrow else 280)
    ax = grammar.panels(figure, 1, 1, margins)[0, 0]
    grammar.grid_lines(ax)
    ends = []
    for norm in arms_of(data["norm"]):
        line = data[data["norm"] == norm].sort_values("step")
        colour = palette.norm_colour(norm)
        ax.fill_between(line["step"], line["low"], line["high"], color=colour, alpha=0.2, lw=0)
        ax.plot(
            line["step"],
            line["mean"],
            color=colour,
            marker=palette.norm_marker(norm),
            markersize=5,
            markeredgewidth=0,
        )
        last = line.iloc[-1]
        ends.append((float(last["mean"]), float(last["step"]), norm, colour))
    ax.set_ylim(0, None)
    _labels(ax, ends)
    ax.set_xlabel("steps (optimizer updates)")
    ax.set_ylabel("training loss (nats)")
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No loss traces."
    parts = []
    for norm in arms_of(data["norm"]):
        line = data[data["norm"] == norm].sort_values("step")
        parts.append(
            f"{palette.norm_title(norm)} falls from {line['mean'].iloc[0]:.2f} to "
            f"{line['mean'].iloc[-1]:.2f} nats by step {int(line['step'].iloc[-1])}"
        )
    return "Mean training loss along the first epoch: " + "; ".join(parts) + "."


def _labels(ax: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Name each line at its end, the lower names pushed apart where the lines nearly meet."""
    gap = 0.075 * ax.get_ylim()[1]
    places = np.array([end[0] for end in sorted(ends)])
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    places -= max(0.0, float(places.mean() - np.mean([end[0] for end in ends])))
    places += max(0.0, 0.4 * gap - float(places[0]))
    for place, (_, x, norm, colour) in zip(places, sorted(ends), strict=True):
        grammar.direct_label(ax, x, place, palette.norm_title(norm), colour, xytext=(9, 0))
