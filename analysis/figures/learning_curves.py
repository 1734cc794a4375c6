"""Validation accuracy along training, both arms, one small panel for each condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures import grammar, palette
from analysis.figures.evidence import Evidence, arms_of, setting_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.grammar import Shape

TITLE: Final = "Validation accuracy along training"
CAPTION: Final = (
    "Line: mean over the seeds that still train; band: the middle 80 % of them. Both axes are "
    "stretched: steps on a logarithmic scale, accuracy so that each halving of the error takes the "
    "same height. Dotted: the targets."
)
_MOST_POINTS: Final = 24
_TICKS: Final = (0.1, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def frame(evidence: Evidence) -> pd.DataFrame:
    """Summarise the curves.

    Returns
    -------
    pandas.DataFrame
        ``batch_size``, ``learning_rate``, ``norm``, ``step``, ``seeds``, ``mean``, ``low``,
        ``high`` (fractions), with ``diverged`` and ``planned`` trials of the condition.
    """
    curves = evidence.curves("validation_accuracy")
    if curves.empty:
        return pd.DataFrame()
    keys = ["batch_size", "learning_rate", "norm"]
    curves = curves[curves["step"] > 0]
    grouped = curves.groupby([*keys, "step"], observed=True)["value"]
    columns = {"seeds": grouped.size(), "mean": grouped.mean()}
    columns |= {"low": grouped.quantile(0.1), "high": grouped.quantile(0.9)}
    found = pd.DataFrame(columns).reset_index()
    # A run that diverged ends at a step of its own; a point must stand for most of the seeds.
    found = found[found["seeds"] * 2 > found.groupby(keys)["seeds"].transform("max")]
    trials = evidence.trials()
    counts = trials.groupby(keys, observed=True).agg(
        diverged=("status", lambda s: int((s == "diverged").sum())), planned=("status", "size")
    )
    found = found.merge(counts.reset_index(), on=keys, how="left").sort_values([*keys, "step"])
    found.attrs["targets"] = [float(t) for t in evidence.targets()]
    return found


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw small multiples: learning rates down, batch sizes across."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No validation curves in this store")
    settings = sorted(
        {(r, b) for r, b in zip(data["learning_rate"], data["batch_size"], strict=True)}
    )
    across = len({b for _, b in settings})
    columns = shape.columns(len(settings), most=max(across, 1) if across <= 5 else 4)
    rows = -(-len(settings) // columns)
    margins = grammar.Margins(left=66, right=10, top=58, bottom=48, across=14, down=34)
    height = margins.top + margins.bottom + rows * 104 + (rows - 1) * margins.down
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins)
    norms = arms_of(data["norm"])
    grammar.key(
        figure,
        [(palette.norm_title(n), palette.norm_colour(n), palette.norm_marker(n)) for n in norms],
    )
    floor = float(data["low"].min())
    for ax, (rate, batch) in zip(axes.flat, settings, strict=False):
        panel = data[(data["learning_rate"] == rate) & (data["batch_size"] == batch)]
        _panel(ax, panel, norms)
        ax.set_title(
            setting_words(batch, rate, short=True),
            fontsize=grammar.SMALL,
            color=palette.LIGHT["ink"],
            pad=5,
        )
    for ax in axes.flat[len(settings) :]:
        ax.set_axis_off()
    first = axes.flat[0]
    _accuracy_axis(first, floor, float(data["high"].max()))
    grammar.log_axis(first, "x", ticks=4)
    for target in data.attrs.get("targets", ()):
        for ax in axes.flat[: len(settings)]:
            ax.axhline(target, color=palette.LIGHT["axis"], linewidth=1, linestyle=(0, (1, 2)))
    grammar.shared_label(figure, "steps (optimizer updates)")
    figure.supylabel(
        "validation accuracy",
        x=4 / shape.width,
        ha="left",
        fontsize=grammar.TEXT,
        color=palette.LIGHT["muted"],
    )
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No validation curves."
    last = data.sort_values("step").groupby(["norm", "batch_size", "learning_rate"]).tail(1)
    parts = []
    for norm in arms_of(last["norm"]):
        ends = last.loc[last["norm"] == norm, "mean"]
        parts.append(
            f"{palette.norm_title(norm)}, mean accuracy at the last step lies between "
            f"{100 * ends.min():.1f} and {100 * ends.max():.1f} %"
        )
    return (
        f"Learning curves in {last.groupby(['batch_size', 'learning_rate']).ngroups} settings: "
        + ("; ".join(parts) + ".")
    )


def _panel(ax: Axes, panel: pd.DataFrame, norms: list[str]) -> None:
    grammar.grid_lines(ax)
    for norm in norms:
        line = panel[panel["norm"] == norm]
        if line.empty:
            continue
        # A panel is narrower than its points are many; the first and the last are always drawn.
        shown = np.unique(np.linspace(0, len(line) - 1, _MOST_POINTS).round().astype(int))
        line = line.iloc[shown]
        colour = palette.norm_colour(norm)
        ax.fill_between(line["step"], line["low"], line["high"], color=colour, alpha=0.2, lw=0)
        ax.plot(line["step"], line["mean"], color=colour, linewidth=1.8)
    counted: Any = panel.drop_duplicates("norm")
    y = 0.74
    for name, diverged, planned in zip(
        counted["norm"], counted["diverged"], counted["planned"], strict=True
    ):
        if diverged > 0:
            ax.text(
                0.03,
                y,
                f"✕ {int(diverged)} of {int(planned)} diverged",
                transform=ax.transAxes,
                ha="left",
                va="top",
                fontsize=9.5,
                color=palette.norm_colour(str(name)),
            )
            y -= 0.15


def _accuracy_axis(ax: Axes, low: float, high: float) -> None:
    """Stretch accuracy by the logarithm of the error, labelled with accuracy."""
    ax.set_yscale(
        "function",
        functions=(
            lambda v: -np.log10(np.clip(1 - np.asarray(v, dtype=float), 1e-4, None)),
            lambda v: 1 - 10 ** -np.asarray(v, dtype=float),
        ),
    )
    top = min(0.9995, 1 - (1 - high) / 1.35)
    bottom = max(0.0, 1 - (1 - low) * 1.1)
    ax.set_ylim(bottom, max(top, bottom + 0.01))
    inside = [t for t in _TICKS if bottom <= t <= top]
    ax.yaxis.set_major_locator(FixedLocator(inside))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{grammar.plain(100 * v)} %"))
