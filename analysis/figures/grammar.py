"""The figure grammar: what all figures share, so that a reader learns it once.

One palette (in ``palette.py``), one type scale, units on every axis, direct labels before legends.
One unit is one CSS pixel: a figure is drawn for the width at which it is shown, once wide and once
for a phone.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from analysis.figures.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from matplotlib.axes import Axes

TEXT: Final = 12.0
SMALL: Final = 11.0
RC: Final[Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "batchnorm-bench",
    "text.parse_math": False,  # names are data: a dollar sign in one is a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "text.color": LIGHT["ink"],
    "axes.labelcolor": LIGHT["muted"],
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.titley": 1.0,  # where it would be put anyway, after measuring every tick
    "axes.edgecolor": LIGHT["axis"],
    "axes.linewidth": 1.0,
    "axes.facecolor": "none",
    "axes.grid": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "xtick.color": LIGHT["axis"],
    "ytick.color": LIGHT["axis"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.labelcolor": LIGHT["muted"],
    "xtick.major.size": 4.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 1.0,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "lines.markersize": 6.0,
    "figure.facecolor": "none",
    "figure.dpi": 72,
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class Shape:
    """Where a figure will be shown.

    Parameters
    ----------
    name
        ``wide`` or ``narrow``.
    width
        CSS pixels.
    """

    name: str
    width: float

    @property
    def narrow(self) -> bool:
        """Whether it is the form for a phone."""
        return self.name == "narrow"

    def columns(self, panels: int, most: int = 4, narrow_most: int = 2) -> int:
        """Columns of small multiples for that many panels."""
        return max(1, min(panels, narrow_most if self.narrow else most))


WIDE: Final = Shape("wide", 800.0)
NARROW: Final = Shape("narrow", 344.0)


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw inside this context: the shared type scale, lines and colours."""
    with mpl.rc_context(RC):
        yield


def new_figure(shape: Shape, height: float) -> Figure:
    """Make an empty figure of a height in CSS pixels."""
    return Figure(figsize=(shape.width / 72, height / 72), dpi=72)


@dataclass(frozen=True)
class Margins:
    """Room around the axes in CSS pixels, and between small multiples."""

    left: float = 56.0
    right: float = 12.0
    top: float = 28.0
    bottom: float = 46.0
    across: float = 28.0
    down: float = 44.0


def panels(
    figure: Figure, rows: int, columns: int, margins: Margins, *, share: bool = True
) -> np.ndarray[Any, Any]:
    """Lay out small multiples with margins in pixels.

    Returns
    -------
    numpy.ndarray
        Axes of shape (rows, columns).
    """
    width, height = figure.get_size_inches() * 72
    inner_width = (width - margins.left - margins.right - margins.across * (columns - 1)) / columns
    inner_height = (height - margins.top - margins.bottom - margins.down * (rows - 1)) / rows
    axes = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex=share,
        sharey=share,
        gridspec_kw={
            "left": margins.left / width,
            "right": 1 - margins.right / width,
            "top": 1 - margins.top / height,
            "bottom": margins.bottom / height,
            "wspace": margins.across / inner_width,
            "hspace": margins.down / inner_height,
        },
    )
    found: np.ndarray[Any, Any] = axes
    return found


def grid_lines(ax: Axes, axis: str = "y") -> None:
    """Draw quiet guide lines."""
    ax.grid(visible=True, axis=axis, color=LIGHT["grid"], linewidth=1.0)  # type: ignore[arg-type]


def log_axis(ax: Axes, axis: str = "x", *, ticks: int = 6) -> None:
    """Make an axis logarithmic with plain numbers as labels."""
    low, high = ax.dataLim.intervalx if axis == "x" else ax.dataLim.intervaly
    if low == high > 0:  # a single value has no span of its own
        (ax.set_xlim if axis == "x" else ax.set_ylim)(low / 2, high * 2)
    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    side = ax.xaxis if axis == "x" else ax.yaxis
    side.set_major_locator(LogLocator(numticks=ticks))
    side.set_major_formatter(FuncFormatter(lambda v, _: plain(v)))
    side.set_minor_formatter(NullFormatter())
    side.set_minor_locator(NullLocator())


def few_ticks(ax: Axes, low: float, high: float, *, axis: str = "x", most: int = 7) -> None:
    """Label a logarithmic axis that spans less than two decades at 1, 2, 5 or closer."""
    if low <= 0 or high / low > 100:
        return
    ratio = high / low
    steps = (1, 2, 5) if ratio > 4 else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside = [t for e in decades for m in steps if low <= (t := m * 10.0**e) <= high]
    ticks = inside[:: -(-len(inside) // most)] if inside else []
    if len(ticks) < 3:
        ticks = [t for t in MaxNLocator(5).tick_values(low, high) if low <= t <= high]
    (ax.set_xticks if axis == "x" else ax.set_yticks)(ticks)


def shared_label(figure: Figure, text: str) -> None:
    """Name the horizontal axis that small multiples share."""
    height = figure.get_size_inches()[1] * 72
    figure.supxlabel(text, y=9 / height, va="bottom", fontsize=TEXT, color=LIGHT["muted"])


def percent_axis(ax: Axes, axis: str = "y") -> None:
    """Show fractions as per cent."""
    side = ax.xaxis if axis == "x" else ax.yaxis
    side.set_major_formatter(FuncFormatter(lambda v, _: f"{plain(100 * v)} %"))


def plain(value: float) -> str:
    """Write a number as people do: 10,000, 0.25, 1e-4; never more digits than it has."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    if abs(value) >= 0.001:
        return f"{value:.4g}".replace("-", "−")
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    digits = mantissa.rstrip("0").rstrip(".")
    return f"{digits}e{int(exponent)}"


def direct_label(ax: Axes, x: float, y: float, text: str, colour: str, **options: Any) -> None:
    """Name a line where it is, in its colour."""
    settings: dict[str, Any] = {
        "xytext": (6, 0),
        "textcoords": "offset points",
        "va": "center",
        "ha": "left",
        "fontsize": SMALL,
        "color": colour,
        "fontweight": "bold",
        "annotation_clip": False,
    }
    ax.annotate(text, (x, y), **{**settings, **options})


def key(figure: Figure, entries: Sequence[tuple[str, str, str]], *, left: float = 8.0) -> None:
    """Write one line of names in their colours at the top: the key of small multiples.

    Parameters
    ----------
    entries
        Text, colour and marker of each.
    left
        Where it starts, in CSS pixels.
    """
    width, height = figure.get_size_inches() * 72
    for (text, colour, marker), (x, line) in zip(
        entries, _key_places(entries, width, left), strict=True
    ):
        y = height - 11 - 17 * line
        figure.add_artist(
            mpl.lines.Line2D(
                [(x + 5) / width],
                [y / height],
                marker=marker,
                color=colour,
                markersize=7,
                linestyle="none",
                markeredgewidth=0,
            )
        )
        figure.text(
            (x + 14) / width,
            y / height - 0.5 / height,
            text,
            color=colour,
            fontsize=SMALL,
            fontweight="bold",
            va="center",
        )


def key_lines(entries: Sequence[tuple[str, str, str]], shape: Shape) -> int:
    """Count the lines that a key of these entries takes."""
    return 1 + max((line for _, line in _key_places(entries, shape.width, 8.0)), default=-1)


def _key_places(
    entries: Sequence[tuple[str, str, str]], width: float, left: float
) -> list[tuple[float, int]]:
    """Give each entry its place from the left, in CSS pixels, and its line."""
    places, x, line = [], left, 0
    for text, _, _ in entries:
        needed = 16 + 7.2 * len(text)
        if x > left and x + needed > width:
            x, line = left, line + 1
        places.append((x, line))
        x += needed + 14
    return places


def nothing_to_show(shape: Shape, reason: str) -> Figure:
    """Make the figure that stands where there is no data, and says why."""
    figure = new_figure(shape, 90)
    figure.text(
        0.5, 0.5, reason, ha="center", va="center", color=LIGHT["muted"], fontsize=TEXT, wrap=True
    )
    return figure
