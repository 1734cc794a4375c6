"""Small multiples: one panel for each value of a column, with one key for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from analysis.figures import grammar, palette

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.grammar import Shape

_OTHER_LOOKS: Final = (("group", "D"), ("ghost", "v"), ("layer", "^"), ("other", "h"))
_PANEL_HEIGHT: Final = (176.0, 150.0)  # wide, narrow


@dataclass(frozen=True, kw_only=True)
class Multiples:
    """What small multiples have in common.

    Parameters
    ----------
    panel
        Column whose values are the panels, in the order of the rows; empty: one panel.
    series
        Column whose values are the lines. ``norm`` has the norms' own colours and names.
    x_label, y_label
        Names of the axes with units. Where panels don't share an axis (``shared``) ``y_label`` is
        empty and each panel's title says what it shows.
    log_x, log_y
        Logarithmic axes.
    shared
        Whether all panels have the same axes.
    percent
        Whether the vertical axis is a fraction, shown as per cent.
    zero, one
        Whether a line at 0, or at 1, says "no difference".
    keyed
        Whether the lines need a key; a single line does not.
    across
        Most panels side by side on a wide page.
    """

    panel: str = ""
    series: str = "norm"
    x_label: str
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    shared: bool = True
    percent: bool = False
    zero: bool = False
    one: bool = False
    keyed: bool = True
    across: int = 3


def series_of(data: pd.DataFrame, layout: Multiples) -> list[str]:
    """Names of the lines, in the order in which every figure shows them."""
    if layout.series == "norm":
        return ordered_norms(data["norm"])
    return list(dict.fromkeys(data[layout.series].astype(str)))


def ordered_norms(norms: Iterable[object]) -> list[str]:
    """Norms that are there, in the order of the palette."""
    order = {name: i for i, name in enumerate(palette.MARKERS)}
    found = {str(n) for n in norms}
    return sorted(found, key=lambda n: (order.get(n.partition(":")[0], len(order)), n))


def look(layout: Multiples, names: list[str], name: str) -> tuple[str, str, str]:
    """Words, colour and marker of a line."""
    if layout.series == "norm":
        return palette.norm_title(name), palette.norm_colour(name), palette.norm_marker(name)
    colour, marker = _OTHER_LOOKS[names.index(name) % len(_OTHER_LOOKS)]
    return palette.clip(name, 40), palette.LIGHT[colour], marker


def panel_names(data: pd.DataFrame, layout: Multiples) -> list[str]:
    """Titles of the panels in the order of the rows."""
    return list(dict.fromkeys(data[layout.panel].astype(str))) if layout.panel else [""]


def of_panel(data: pd.DataFrame, layout: Multiples, name: str) -> pd.DataFrame:
    """Rows of one panel."""
    return data[data[layout.panel].astype(str) == name] if layout.panel else data


def lay_out(
    data: pd.DataFrame, shape: Shape, layout: Multiples
) -> tuple[Figure, np.ndarray[Any, Any], list[str]]:
    """Make the figure with its key, titles and labels; the panels are still empty.

    Returns
    -------
    tuple
        The figure, its axes of shape (rows, columns), the panels' names.
    """
    titles = panel_names(data, layout)
    names = series_of(data, layout)
    entries = [look(layout, names, n) for n in names]
    columns = shape.columns(len(titles), most=layout.across, narrow_most=1)
    rows = -(-len(titles) // columns)
    lines = grammar.key_lines(entries, shape) if layout.keyed else 0
    titled = layout.panel != ""
    margins = grammar.Margins(
        left=62 if layout.y_label else 52,
        right=14,
        top=8 + 17 * lines + (24 if titled else 6),
        bottom=50,
        across=24 if layout.shared else 58,
        down=42 if layout.shared else 64,
    )
    panel = _PANEL_HEIGHT[shape.narrow] + (40 if len(titles) == 1 else 0)
    height = margins.top + margins.bottom + rows * panel + (rows - 1) * margins.down
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins, share=layout.shared)
    if layout.keyed:
        grammar.key(figure, entries)
    for ax, title in zip(axes.flat, titles, strict=False):
        if titled:
            ax.set_title(palette.clip(title, 52), fontsize=grammar.SMALL, pad=6)
        grammar.grid_lines(ax)
        for shown, level in ((layout.zero, 0), (layout.one, 1)):
            if shown:
                ax.axhline(level, color=palette.LIGHT["axis"], linewidth=1.3, zorder=1)
    for ax in axes.flat[len(titles) :]:
        ax.set_axis_off()
    if layout.y_label:
        for ax in axes[:, 0]:
            ax.set_ylabel(layout.y_label)
    grammar.shared_label(figure, layout.x_label)
    return figure, axes, titles


def finish(axes: np.ndarray[Any, Any], titles: list[str], layout: Multiples) -> None:
    """Scale the axes when everything is drawn."""
    drawn: list[Axes] = list(axes.flat[: len(titles)])
    for ax in drawn[:1] if layout.shared else drawn:
        if layout.log_y:
            grammar.log_axis(ax, "y", ticks=5)
            grammar.few_ticks(ax, *ax.get_ylim(), axis="y", most=5)
        elif layout.percent:
            grammar.percent_axis(ax)
    if layout.shared:  # panels above an empty place have no labels of their own
        rows, columns = axes.shape
        for place in range(len(titles), rows * columns):
            above = axes[place // columns - 1, place % columns]
            above.xaxis.set_tick_params(labelbottom=True)
