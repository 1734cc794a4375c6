"""Both arms of every seed, joined: the pairs that the verdict is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.figures import grammar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The pairs behind the verdict, seed by seed"
CAPTION: Final = (
    "Each row is one seed: both arms started from the same weights and saw the images in the same "
    "order. Sorted by the difference."
)
MOST_ROWS: Final = 40


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the pairs of the primary contrast.

    Returns
    -------
    pandas.DataFrame
        ``seed``, ``arm``, ``value`` (in display units), ``difference`` (oriented, on the test's
        scale); ``attrs`` hold the axis label and whether the axis is logarithmic.
    """
    primary = evidence.verdict.primary
    if primary is None or primary.n == 0 or len(primary.contrast.arms) < 2:
        return pd.DataFrame()
    contrast, comparison = primary.contrast, primary.contrast.comparison
    found = pd.concat(
        [
            pd.DataFrame(
                {
                    "seed": contrast.seeds,
                    "arm": arm,
                    "value": np.asarray(values) * comparison.factor,
                    "difference": contrast.differences,
                }
            )
            for arm, values in contrast.arms.items()
        ],
        ignore_index=True,
    )
    found.attrs["label"] = axis_label(evidence)
    found.attrs["log"] = comparison.scale == "log_ratio"
    return found


def axis_label(evidence: Evidence) -> str:
    """Name the metric with its unit, as an axis does."""
    comparison = evidence.comparison
    name = comparison.metric.replace("_", " ")
    if comparison.metric.endswith("_to_target") and evidence.target():
        return f"{name.split()[0]} to {grammar.plain(100 * float(evidence.target()))} % accuracy"
    if comparison.measure == "spread" and comparison.over:
        name = f"spread of {name} over {comparison.over.replace('_', ' ')}s"
    # Values of an arm are per cent; only differences, spreads and slopes are points.
    unit = (
        "%" if comparison.unit == "points" and comparison.measure == "paired" else comparison.unit
    )
    return f"{name} ({unit})" if unit and comparison.scale != "log_ratio" else name


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a row a seed; where there are too many seeds for rows, the distributions."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No complete pair in this store")
    order = data.drop_duplicates("seed").sort_values("difference")["seed"].tolist()
    many = len(order) > MOST_ROWS
    margins = grammar.Margins(left=56 if not many else 50, right=16, top=34, bottom=48)
    height = margins.top + margins.bottom + (190 if many else max(4, len(order)) * 17)
    figure = grammar.new_figure(shape, height)
    ax = grammar.panels(figure, 1, 1, margins)[0, 0]
    arms = list(dict.fromkeys(data["arm"]))
    grammar.key(
        figure,
        [(grammar.norm_title(a), grammar.norm_colour(a), grammar.norm_marker(a)) for a in arms],
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
        grammar.few_ticks(ax, low, high)
    ax.set_xlabel(str(data.attrs.get("label", "value")))
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No complete pair."
    differences = data.drop_duplicates("seed")["difference"]
    means = "; ".join(
        f"mean {grammar.norm_title(str(arm))} {group['value'].mean():.4g}"
        for arm, group in data.groupby("arm", sort=False)
    )
    return (
        f"{data.attrs.get('label', 'Values')} of {len(differences)} seeds: {means}. In "
        f"{int((differences > 0).sum())} of them the difference points the way that the claim says."
    )


def _rows(ax: Axes, data: pd.DataFrame, arms: list[str], order: list[int]) -> None:
    places = {seed: i for i, seed in enumerate(order)}
    wide = data.pivot_table(index="seed", columns="arm", values="value", sort=False)
    for seed, y in places.items():
        ax.plot(
            [wide.loc[seed].min(), wide.loc[seed].max()],
            [y, y],
            color=grammar.LIGHT["axis"],
            linewidth=1.5,
            zorder=1,
        )
    for arm in reversed(arms):
        ax.plot(
            wide.loc[order, arm],
            range(len(order)),
            linestyle="none",
            marker=grammar.norm_marker(arm),
            color=grammar.norm_colour(arm),
            markersize=8,
            markeredgecolor=grammar.LIGHT["paper"],
            markeredgewidth=1,
        )
    ax.set_ylim(-0.8, len(order) - 0.2)
    step = 1 if len(order) <= 24 else 2
    ax.set_yticks(range(0, len(order), step), [f"seed {s}" for s in order[::step]])
    ax.spines["left"].set_visible(False)
    grammar.grid_lines(ax, "x")


def _distributions(ax: Axes, data: pd.DataFrame, arms: list[str]) -> None:
    for arm in arms:
        values = np.sort(data.loc[data["arm"] == arm, "value"].to_numpy())
        share = 100 * np.arange(1, len(values) + 1) / len(values)
        ax.step(values, share, where="post", color=grammar.norm_colour(arm))
    ax.set_ylabel("seeds at or below (%)")
    ax.set_ylim(0, 101)
    grammar.grid_lines(ax)
