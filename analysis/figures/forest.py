"""Every comparison of a claim with its interval: where it holds, where not, and by how much."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.figures import grammar, palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.contrasts import ContrastResult
    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The effect in every condition"
CAPTION: Final = (
    "Point: estimate; line: its 95 % interval over seeds. Right of the zero line is what the claim "
    "predicts. Shaded: differences too small to matter (the margin). Filled: the condition that "
    "decides the claim; open: further evidence; small grey: context that decides nothing. An arrow "
    "at the edge: farther than the axis goes."
)
_ROOM: Final = 34  # characters beside the axis
_AT_ITS_BEST: Final = re.compile(r", each arm at its best [a-z ]+$")
_RATIOS: Final = (1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the results of the primary comparison's scale and unit, and of the others beside it.

    Returns
    -------
    pandas.DataFrame
        ``comparison``, ``condition``, ``role``, ``n``, ``estimate``, ``low``, ``high`` (oriented,
        on the display scale), ``margin``, ``word``, ``text``. Comparisons in another unit than the
        primary's are left to the table, since they can't share an axis.
    """
    first = evidence.comparison
    rows = [
        _row(r)
        for r in evidence.verdict.results
        if (r.contrast.comparison.scale, r.contrast.comparison.unit, r.contrast.comparison.metric)
        == (first.scale, first.unit, first.metric)
    ]
    found = pd.DataFrame(rows)
    found.attrs["log"] = first.scale == "log_ratio"
    found.attrs["unit"] = first.unit
    found.attrs["reads"] = first.reads
    return found


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a row a condition: name, estimate with interval, and the numbers in words."""
    finite = data[np.isfinite(data["estimate"])] if not data.empty else data
    if finite.empty:
        return grammar.nothing_to_show(shape, "No condition has a finished pair")
    row = 40.0 if shape.narrow else 26.0
    margins = (
        grammar.Margins(left=12, right=12, top=12, bottom=62)
        if shape.narrow
        else grammar.Margins(left=218, right=218, top=8, bottom=62)
    )
    places, headings = _places(data)
    last = places[-1]
    height = margins.top + margins.bottom + row * (last + 1)
    figure = grammar.new_figure(shape, height)
    ax = grammar.panels(figure, 1, 1, margins)[0, 0]
    _scale(ax, data, finite)
    ax.set_ylim(last + 0.6, -0.75 if shape.narrow else -0.6)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    margin = float(data["margin"].iloc[0])
    ax.axvspan(-margin, margin, color=palette.LIGHT["shade"], zorder=0, linewidth=0)
    ax.axvline(0, color=palette.LIGHT["axis"], linewidth=1.2, zorder=1)
    for y, text in headings:
        _heading(ax, y, text, shape)
    _intervals(ax, places, data)
    for y, item in zip(places, data.itertuples(), strict=True):
        _words(ax, y, item, shape)
    claimed, opposite = data.attrs.get("reads", ("as claimed", "the other way"))
    sides = f"← {opposite}  ·  {claimed} →"
    ax.set_xlabel(sides if claimed != opposite else f"{claimed} (0: not at all)", labelpad=8)
    return figure


def _places(data: pd.DataFrame) -> tuple[list[float], list[tuple[float, str]]]:
    """Give each condition its line, and the name of each comparison the line above its first.

    A claim with a single comparison needs no heading: the section is about nothing else.
    """
    names = data["comparison"].tolist()
    several = len(set(names)) > 1
    places, headings, line, before = [], [], 0.0, None
    for name in names:
        if several and name != before:
            headings.append((line, str(name)))
            line, before = line + 1, name
        places.append(line)
        line += 1
    return places, headings


def _heading(ax: Axes, y: float, text: str, shape: Shape) -> None:
    left = 0.0 if shape.narrow else -218 / (shape.width - 436)
    ax.text(
        left,
        y + (0.12 if not shape.narrow else 0.2),
        palette.clip(text[:1].upper() + text[1:], 54 if shape.narrow else 110),
        transform=ax.get_yaxis_transform(),
        ha="left",
        va="center",
        fontsize=grammar.SMALL,
        color=palette.LIGHT["muted"],
    )


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    finite = data[np.isfinite(data["estimate"])] if not data.empty else data
    if finite.empty:
        return "No condition has a finished pair."
    clear = int((finite["low"] > 0).sum())
    against = int((finite["high"] < 0).sum())
    return (
        f"Estimates with 95 % intervals in {len(finite)} conditions: {clear} lie wholly on the "
        f"side that the claim predicts, {against} wholly on the other. "
        f"{finite['condition'].iloc[0]}: {finite['text'].iloc[0]}."
    )


def _row(result: ContrastResult) -> dict[str, object]:
    test = result.contrast.comparison
    factor = 1.0 if test.scale == "log_ratio" else test.factor
    return {
        "comparison": test.name,
        # The comparison's name says it, and stands above its conditions.
        "condition": _AT_ITS_BEST.sub("", result.contrast.label) or test.name,
        "role": result.contrast.role,
        "n": result.n,
        "estimate": result.estimate * factor,
        "low": result.low * factor,
        "high": result.high * factor,
        "margin": result.margin * factor,
        "word": result.word,
        "text": result.text,
    }


def _scale(ax: Axes, data: pd.DataFrame, finite: pd.DataFrame) -> None:
    """Span what most conditions show; what lies far outside is drawn as an arrow at the edge."""
    margin = float(data["margin"].iloc[0])
    first = finite.iloc[0]
    reach = max(
        2 * margin,
        1.6 * float(max(abs(first["low"]), abs(first["high"])))
        if np.isfinite([first["low"], first["high"]]).all()
        else 2 * abs(float(first["estimate"])),
        2.5 * float(finite["estimate"].abs().median()),
    )
    ends = pd.concat([finite["low"], finite["high"], finite["estimate"]])
    ends = ends[np.isfinite(ends)].clip(-reach, reach)
    low, high = min(-1.5 * margin, float(ends.min())), max(1.5 * margin, float(ends.max()))
    pad = 0.06 * (high - low)
    ax.set_xlim(low - pad, high + pad)
    if data.attrs.get("log"):
        ratios = [r for r in _RATIOS if np.log(r) <= max(-low, high)]
        ticks = sorted({0.0, *(np.log(r) for r in ratios), *(-np.log(r) for r in ratios)})
        ax.xaxis.set_major_locator(FixedLocator(_spaced(ticks, low, high)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: _ratio(float(v))))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: grammar.plain(round(v, 9))))


def _spaced(ticks: list[float], low: float, high: float) -> list[float]:
    """Keep 0 and of the others those that leave room for their labels."""
    gap = (high - low) / 8
    kept = [0.0]
    for tick in sorted((t for t in ticks if low <= t <= high), key=abs, reverse=True):
        if all(abs(tick - other) >= gap for other in kept):
            kept.append(tick)
    return sorted(kept)


def _ratio(log_value: float) -> str:
    if abs(log_value) < 1e-9:
        return "equal"
    return f"{grammar.plain(float(f'{np.exp(abs(log_value)):.3g}'))}×"


def _intervals(ax: Axes, places: list[float], data: pd.DataFrame) -> None:
    """Draw the intervals and points, one artist a role and look: each artist costs time."""
    left, right = ax.get_xlim()
    inset = 0.012 * (right - left)
    ys = np.asarray(places)
    estimates, lows, highs = (
        data[k].to_numpy(dtype=np.float64) for k in ("estimate", "low", "high")
    )
    roles = data["role"].to_numpy()
    for role in dict.fromkeys(roles):
        mine = (roles == role) & np.isfinite(estimates)
        y, low, high, estimate = ys[mine], lows[mine], highs[mine], estimates[mine]
        colour = palette.LIGHT["muted" if role == "context" else "ink"]
        # Between two intervals stands what is no number: there the pen is lifted.
        ends = np.full((len(y), 3), np.nan)
        ends[:, 0], ends[:, 1] = np.clip(low, left, right), np.clip(high, left, right)
        ax.plot(
            ends.ravel(),
            np.repeat(y, 3),
            color=colour,
            linewidth=2.4 if role == "primary" else 1.4,
            solid_capstyle="butt",
            zorder=2,
        )
        arrow: dict[str, Any] = {"color": colour, "markersize": 6, "markeredgewidth": 0}
        _marks(ax, left + inset, y[low < left], marker="<", **arrow)
        _marks(ax, right - inset, y[high > right], marker=">", **arrow)
        inside = (left <= estimate) & (estimate <= right)
        _marks(
            ax,
            estimate[inside],
            y[inside],
            color=colour,
            marker="o",
            markersize={"primary": 10, "evidence": 7.5}.get(role, 5),
            markerfacecolor=palette.LIGHT["paper"] if role == "evidence" else colour,
            markeredgecolor=colour,
            markeredgewidth=1.6,
            zorder=3,
        )


def _marks(ax: Axes, x: np.ndarray | float, y: np.ndarray, **look: Any) -> None:
    if len(y):
        ax.plot(np.broadcast_to(x, len(y)), y, linestyle="none", **look)


def _two_lines(text: str, at: str = ", ") -> str:
    """Break a long text at the last such mark, or else space, that leaves room; or else cut it."""
    if len(text) <= _ROOM:
        return text
    for mark in (at, " "):
        kept = mark.rstrip(" [")  # of the mark, on the first line; a bracket opens the second
        end = text[: _ROOM + len(mark) - len(kept)].rfind(mark)
        if end > 0:
            tail = mark.strip(" ,") + text[end + len(mark) :]
            return f"{text[:end]}{kept}\n{palette.clip(tail, _ROOM)}"
    return palette.clip(text, _ROOM)


def _words(ax: Axes, y: float, item: object, shape: Shape) -> None:
    primary = getattr(item, "role", "") == "primary"
    weight = "bold" if primary else "normal"
    name = str(getattr(item, "condition", ""))
    text = str(getattr(item, "text", ""))
    transform = ax.get_yaxis_transform()
    small: dict[str, Any] = {"fontsize": grammar.SMALL, "va": "center", "linespacing": 1.05}
    if shape.narrow:
        ax.text(0, y - 0.44, palette.clip(name, 46), transform=transform, ha="left",
                color=palette.LIGHT["ink"], fontweight=weight, **small)  # fmt: skip
        return
    ax.text(-0.03, y, _two_lines(palette.clip(name, 64)), transform=transform, ha="right",
            color=palette.LIGHT["ink"], fontweight=weight, **small)  # fmt: skip
    ax.text(1.03, y, _two_lines(palette.clip(text, 60), " ["), transform=transform, ha="left",
            color=palette.LIGHT["muted"], fontweight=weight, **small)  # fmt: skip
