"""A measured value against a setting: each seed a point, the means joined, one line an arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from analysis.figures import grammar, palette
from analysis.figures.kinds.multiples import (
    Multiples,
    finish,
    lay_out,
    look,
    of_panel,
    panel_names,
    series_of,
)
from analysis.wording import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.grammar import Shape


@dataclass(frozen=True, kw_only=True)
class Response(Multiples):
    """Which columns are drawn.

    Parameters
    ----------
    x
        The setting: numbers, or words in the order of the rows, at equal distances.
    y
        The value, one row a seed; missing where ``state`` says why.
    state
        Column that says why a value is missing (``diverged``); empty: none is.
    lost_at
        The edge at which missing values are marked with ✕.
    geometric
        Whether means are geometric, as for times.
    joined
        Whether a line joins the means; else each is a dash, for settings that have no order.
    """

    x: str
    y: str
    state: str = ""
    lost_at: Literal["bottom", "top"] = "bottom"
    geometric: bool = False
    joined: bool = True


def draw(data: pd.DataFrame, shape: Shape, response: Response, nothing: str) -> Figure:
    """Draw it; where there is no data, say so."""
    if data.empty or (data[response.y].isna().all() and not response.state):
        return grammar.nothing_to_show(shape, nothing)
    figure, axes, titles = lay_out(data, shape, response)
    names = series_of(data, response)
    for ax, title in zip(axes.flat, titles, strict=False):
        panel = of_panel(data, response, title)
        settings = data if response.shared else panel
        words = _words(settings, response)
        _panel(ax, panel, response, names, words)
        _horizontal(ax, settings, response, words, shape)
    finish(axes, titles, response)
    return figure


def describe(data: pd.DataFrame, response: Response, nothing: str) -> str:
    """Give the means of each line at its first and last setting."""
    shown = data.dropna(subset=[response.y]) if not data.empty else data
    if shown.empty:
        return f"{nothing}."
    parts = []
    names = series_of(shown, response)
    for title in panel_names(shown, response):
        rows = of_panel(shown, response, title)
        for name in names:
            line = rows[rows[response.series].astype(str) == name]
            means = line.groupby(response.x, sort=False)[response.y].agg(_mean(response))
            if means.empty:
                continue
            ends = means.iloc[[0, -1]] if len(means) > 1 else means
            values = listed([f"{_value(v, response)} at {_setting(x)}" for x, v in ends.items()])
            where = f"{title}, " if title else ""
            parts.append(f"{where}{look(response, names, name)[0]}: {values}")
    return f"{response.y_label or 'Means'} by {response.x_label}. " + "; ".join(parts) + "."


def _mean(response: Response) -> Any:
    def geometric(values: pd.Series) -> float:
        return float(np.exp(np.log(values).mean()))

    return geometric if response.geometric else "mean"


def _value(value: float, response: Response) -> str:
    if response.percent:
        return f"{100 * value:.2f} %"
    return grammar.plain(float(f"{value:.3g}"))


def _setting(value: object) -> str:
    return grammar.plain(float(value)) if isinstance(value, (int, float)) else str(value)


def _words(data: pd.DataFrame, response: Response) -> list[str]:
    """Give the settings where they are words; empty where they are numbers."""
    if pd.api.types.is_numeric_dtype(data[response.x]):
        return []
    return list(dict.fromkeys(data[response.x].astype(str)))


def _panel(
    ax: Axes, panel: pd.DataFrame, response: Response, names: list[str], words: list[str]
) -> None:
    for i, name in enumerate(names):
        line = panel[panel[response.series].astype(str) == name]
        if line.empty:
            continue
        _, colour, marker = look(response, names, name)
        side = i - (len(names) - 1) / 2
        x = _places(line[response.x], response, words, side)
        mean = line.assign(_x=x).groupby("_x")[response.y].agg(_mean(response)).dropna()
        if response.joined:
            ax.plot(mean.index, mean.to_numpy(), color=colour, linewidth=1.7, zorder=3)
        else:
            ax.plot(mean.index, mean.to_numpy(), "_", color=colour, markersize=20, zorder=3)
        ax.plot(
            x,
            line[response.y],
            linestyle="none",
            marker=marker,
            color=colour,
            markersize=4.5,
            alpha=0.5,
            markeredgewidth=0,
            zorder=2,
        )
        if response.state:
            lost = x[line[response.y].isna() & (line[response.state] != "")].unique()
            edge = 0.03 if response.lost_at == "bottom" else 0.97
            ax.plot(
                lost,
                [edge] * len(lost),
                "x",
                color=colour,
                markersize=7,
                markeredgewidth=1.8,
                transform=ax.get_xaxis_transform(),
                clip_on=False,
            )


def _places(
    values: pd.Series, response: Response, words: list[str], side: float
) -> pd.Series[float]:
    """Where the points of a line stand: beside those of the others, so that none is covered."""
    if words:
        place = {word: i for i, word in enumerate(words)}
        return values.astype(str).map(place).astype(float) + 0.1 * side
    numbers = values.astype(float)
    return numbers * 1.05 ** (2 * side) if response.log_x else numbers


def _horizontal(
    ax: Axes, data: pd.DataFrame, response: Response, words: list[str], shape: Shape
) -> None:
    if words:
        ax.set_xlim(-0.5, len(words) - 0.5)
        ax.set_xticks(
            range(len(words)), [palette.clip(w, 14 if shape.narrow else 18) for w in words]
        )
        return
    settings = sorted(data[response.x].dropna().unique())
    if not settings:
        return
    if response.log_x:
        grammar.log_axis(ax, "x")
        ax.set_xlim(settings[0] / 1.5, settings[-1] * 1.5)
    if len(settings) <= 6:
        ax.set_xticks(settings, [grammar.plain(s) for s in settings])
