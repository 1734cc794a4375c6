"""A value along training: the mean of the seeds and the middle 80 % of them, one line an arm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures import grammar
from analysis.figures.kinds.multiples import (
    Multiples,
    finish,
    lay_out,
    look,
    of_panel,
    panel_names,
    series_of,
)
from analysis.figures.select import points_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape


@dataclass(frozen=True, kw_only=True)
class Along(Multiples):
    """Lines over ``step``: columns ``mean``, ``low`` and ``high``.

    Parameters
    ----------
    x_label
        Names the axis.
    """

    x_label: str = "steps (optimizer updates)"
    log_x: bool = True


def summarise(points: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Reduce curves to mean and middle 80 % of the seeds.

    Parameters
    ----------
    points
        Rows with ``step``, ``seed`` and ``value``.
    by
        Columns that tell the lines apart.

    Returns
    -------
    pandas.DataFrame
        ``by``, ``step``, ``seeds``, ``mean``, ``low``, ``high``; points that most seeds of the line
        lack, since their runs diverged, are left out.
    """
    if points.empty:
        return pd.DataFrame()
    grouped = points.groupby([*by, "step"], sort=False, observed=True)["value"]
    columns = {"seeds": grouped.size(), "mean": grouped.mean()}
    columns |= {"low": grouped.quantile(0.1), "high": grouped.quantile(0.9)}
    found = pd.DataFrame(columns).reset_index()
    most = found.groupby(by, sort=False, observed=True)["seeds"].transform("max")
    return found[found["seeds"] * 2 > most].reset_index(drop=True)


def summarise_positive(evidence: Evidence, panels: Mapping[str, str]) -> pd.DataFrame:
    """Reduce several quantities, for logarithmic panels side by side.

    Parameters
    ----------
    evidence
        Where the curves are.
    panels
        Quantity → title of its panel.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``norm``, ``step``, ``seeds``, ``mean``, ``low``, ``high``; of values above 0.
    """
    parts = []
    for quantity, title in panels.items():
        points = points_of(evidence, quantity)
        part = summarise(points[points["value"] > 0], ["norm"])
        if not part.empty:
            part.insert(0, "panel", title)
            parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def draw(data: pd.DataFrame, shape: Shape, along: Along, nothing: str) -> Figure:
    """Draw it; where there is no data, say so. Step 0 stands at the left edge."""
    if data.empty:
        return grammar.nothing_to_show(shape, nothing)
    figure, axes, titles = lay_out(data, shape, along)
    names = series_of(data, along)
    later = data.loc[data["step"] > 0, "step"]
    first = float(later.min()) / 1.6 if len(later) else 0.6
    for ax, title in zip(axes.flat, titles, strict=False):
        panel = of_panel(data, along, title)
        for name in names:
            line = panel[panel[along.series].astype(str) == name].sort_values("step")
            if line.empty:
                continue
            _, colour, marker = look(along, names, name)
            x = line["step"].clip(lower=first)
            ax.fill_between(x, line["low"], line["high"], color=colour, alpha=0.18, linewidth=0)
            every = max(1, len(line) // 8)
            ax.plot(
                x, line["mean"], color=colour, linewidth=1.8, marker=marker, markersize=4.5,
                markevery=every,
            )  # fmt: skip
    finish(axes, titles, along)
    drawn = axes.flat[: len(titles)]
    for ax in drawn[:1] if along.shared else drawn:
        grammar.log_axis(ax, "x", ticks=5)
        last = float(data["step"].max())
        ax.set_xlim(first / 1.1, max(last, 1.0) * 1.1)
        _step_ticks(ax, first, last, zero=bool((data["step"] == 0).any()))
    return figure


def describe(data: pd.DataFrame, along: Along, nothing: str) -> str:
    """Give the mean of each line at its first and last step."""
    if data.empty:
        return f"{nothing}."
    names = series_of(data, along)
    parts = []
    for title in panel_names(data, along):
        panel = of_panel(data, along, title)
        for name in names:
            line = panel[panel[along.series].astype(str) == name].sort_values("step")
            if line.empty:
                continue
            start, end = line.iloc[0], line.iloc[-1]
            where = f"{title}, " if title else ""
            parts.append(
                f"{where}{look(along, names, name)[0]}: mean {_value(start['mean'], along)} at "
                f"step {int(start['step']):,}, {_value(end['mean'], along)} at step "
                f"{int(end['step']):,}"
            )
    return f"{along.y_label or 'Values'} along training. " + "; ".join(parts) + "."


def _step_ticks(ax: Axes, first: float, last: float, *, zero: bool) -> None:
    """Label powers of ten; step 0 has no place on a logarithmic axis and stands at its left end."""
    decades = range(math.ceil(math.log10(first * 1.2)), math.floor(math.log10(max(last, 1.0))) + 1)
    every = -(-len(decades) // 4) or 1
    ticks = [10.0**d for d in decades][::every]
    ax.set_xticks(
        [first, *ticks] if zero else ticks,
        (["0"] if zero else []) + [grammar.plain(t) for t in ticks],
    )


def _value(value: float, along: Along) -> str:
    return f"{100 * value:.2f} %" if along.percent else grammar.plain(float(f"{value:.3g}"))
