"""Both arms of every seed, joined: the pairs that the verdict is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.figures import grammar, palette
from suite.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The pairs behind the verdict, one by one"
CAPTION: Final = (
    "Each row is one seed: both arms started from the same weights and saw the images in the same "
    "order. Sorted by the difference."
)
_COST_CAPTION: Final = (
    "Each row is one replicate: both arms were measured in turn in one fresh process. Sorted by "
    "the difference."
)
_REDUCED: Final = ("spread", "trend", "interaction")
_MODES: Final = {
    "_eval_mode": "stored statistics",
    "_train_mode": "test batches {}",
    "_population": "recomputed statistics",
}
MOST_ROWS: Final = 40


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the pairs of the primary contrast.

    Returns
    -------
    pandas.DataFrame
        ``seed`` (or replicate), ``arm``, ``value`` (in display units), ``difference`` (oriented, on
        the comparison's scale); ``attrs`` hold the words of the axes and whether the axis is
        logarithmic.
    """
    primary = evidence.verdict.primary
    if primary is None or primary.n == 0 or len(primary.contrast.arms) < 2:
        return pd.DataFrame()
    contrast, comparison = primary.contrast, primary.contrast.comparison
    timed = quantity(comparison.metric).unit == "s"
    factor = 1000.0 if timed else comparison.factor
    found = pd.concat(
        [
            pd.DataFrame(
                {
                    "seed": contrast.seeds,
                    "arm": arm,
                    "value": np.asarray(values) * factor,
                    "difference": contrast.differences,
                }
            )
            for arm, values in contrast.arms.items()
        ],
        ignore_index=True,
    )
    axis = comparison.arms.axis
    found.attrs["label"] = axis_label(evidence)
    found.attrs["log"] = comparison.scale == "log_ratio"
    found.attrs["unit"] = evidence.unit
    found.attrs["axis"] = "" if axis == "norm" else axis.replace("_", " ")
    if evidence.unit != "seed":
        found.attrs["caption"] = _COST_CAPTION
    return found


def axis_label(evidence: Evidence) -> str:
    """Name the metric with its unit, as an axis does."""
    comparison = evidence.comparison
    name = comparison.metric.replace("_", " ")
    if comparison.metric.endswith("_to_target") and evidence.target():
        return f"{name.split()[0]} to {grammar.plain(100 * float(evidence.target()))} % accuracy"
    if comparison.facet:
        name = f"{name}, {comparison.facet.replace('_', ' ')}"
    if comparison.measure == "spread" and comparison.over:
        name = f"spread of {name} over {comparison.over.replace('_', ' ')}s"
    if quantity(comparison.metric).unit == "s":
        return f"{name.replace('pass seconds', 'time of a pass')} (ms)"
    # Values of an arm are per cent; spreads, slopes and differences of differences are points.
    stored = quantity(comparison.metric).unit
    unit = comparison.unit if comparison.factor != 1 else stored
    levels = comparison.measure not in _REDUCED and not comparison.minus
    unit = "%" if unit == "points" and levels else unit
    return f"{name} ({unit})" if unit not in ("", "1", "fraction") else name


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a row a seed; where there are too many seeds for rows, the distributions."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No complete pair in this store")
    order = data.drop_duplicates("seed").sort_values("difference")["seed"].tolist()
    many = len(order) > MOST_ROWS
    margins = grammar.Margins(
        left=84 if data.attrs.get("unit") == "replicate" else 58, right=16, top=34, bottom=48
    )
    height = margins.top + margins.bottom + (190 if many else max(4, len(order)) * 17)
    figure = grammar.new_figure(shape, height)
    ax = grammar.panels(figure, 1, 1, margins)[0, 0]
    arms = list(dict.fromkeys(data["arm"]))
    grammar.key(
        figure,
        [_look(data, a) for a in arms],
        left=margins.left - 6,
    )
    if many:
        _distributions(ax, data, arms)
    else:
        _rows(ax, data, arms, order)
    if data.attrs.get("log") and (data["value"] > 0).all():
        grammar.log_axis(ax, "x")
        low, high = data["value"].min() / 1.08, data["value"].max() * 1.08
        ax.set_xlim(low, high)
        grammar.few_ticks(ax, low, high, most=4 if shape.narrow else 7)
    ax.set_xlabel(str(data.attrs.get("label", "value")))
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No complete pair."
    differences = data.drop_duplicates("seed")["difference"]
    means = "; ".join(
        f"mean {_look(data, str(arm))[0]} {group['value'].mean():.4g}"
        for arm, group in data.groupby("arm", sort=False)
    )
    unit = data.attrs.get("unit", "seed")
    return (
        f"{data.attrs.get('label', 'Values')} of {len(differences)} {unit}s: {means}. In "
        f"{int((differences > 0).sum())} of them the difference points the way that the claim says."
    )


def _look(data: pd.DataFrame, arm: str) -> tuple[str, str, str]:
    """Words, colour and marker of an arm; arms that are no norms have colours of their own."""
    axis = data.attrs.get("axis", "")
    if not axis and arm.partition(":")[0] in palette.MARKERS:
        return palette.norm_title(arm), palette.norm_colour(arm), palette.norm_marker(arm)
    name = "group" if arm == data["arm"].iloc[0] else "ghost"
    words = f"{axis} {arm}" if axis and arm.isdigit() else _outcome_words(arm)
    return palette.clip(words, 46), palette.LIGHT[name], palette.MARKERS[name]


def _outcome_words(arm: str) -> str:
    """Name an arm that is an outcome of the same trial: in which mode, over which batches."""
    name, _, facet = arm.partition("@")
    of = "of one class" if facet == "sorted" else f"of {facet}"
    for ending, words in _MODES.items():
        if name.endswith(ending):
            return words.format(of)
    return name.replace("_", " ") + (f", {facet}" if facet else "")


def _rows(ax: Axes, data: pd.DataFrame, arms: list[str], order: list[int]) -> None:
    wide = data.pivot_table(index="seed", columns="arm", values="value", sort=False)
    ends = wide.loc[order]
    ax.hlines(
        range(len(order)),
        ends.min(axis=1),
        ends.max(axis=1),
        color=palette.LIGHT["axis"],
        linewidth=1.5,
        zorder=1,
    )
    for arm in reversed(arms):
        ax.plot(
            wide.loc[order, arm],
            range(len(order)),
            linestyle="none",
            marker=_look(data, arm)[2],
            color=_look(data, arm)[1],
            markersize=8,
            markeredgecolor=palette.LIGHT["paper"],
            markeredgewidth=1,
        )
    ax.set_ylim(-0.8, len(order) - 0.2)
    unit = data.attrs.get("unit", "seed")
    step = 1 if len(order) <= 24 else 2
    # Not as labels of ticks: a tick has five parts, and this needs one.
    ax.set_yticks([])
    for y in range(0, len(order), step):
        grammar.direct_label(
            ax,
            0,
            y,
            f"{unit} {order[y]}",
            palette.LIGHT["muted"],
            xycoords=ax.get_yaxis_transform(),
            xytext=(-3.5, 0),
            ha="right",
            fontweight="normal",
        )
    ax.spines["left"].set_visible(False)
    grammar.grid_lines(ax, "x")


def _distributions(ax: Axes, data: pd.DataFrame, arms: list[str]) -> None:
    for arm in arms:
        values = np.sort(data.loc[data["arm"] == arm, "value"].to_numpy())
        share = 100 * np.arange(1, len(values) + 1) / len(values)
        ax.step(values, share, where="post", color=_look(data, arm)[1])
    ax.set_ylabel(f"{data.attrs.get('unit', 'seed')}s at or below (%)")
    ax.set_ylim(0, 101)
    grammar.grid_lines(ax)
