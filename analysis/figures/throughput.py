"""Images a second against the batch size, and how near that is to what the machine can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures import grammar, palette
from analysis.figures.evidence import arms_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Training throughput against the batch size"
CAPTION: Final = (
    "Each small point is one fresh process, the line joins the means. Left: images per second of a "
    "full training step; right: its floating-point rate as a share of the fastest matrix product "
    "measured on the same machine."
)
_PANELS: Final = {
    "images_per_second": "Images per second",
    "peak_share": "Share of the matrix-product peak (%)",
}
_RATE: Final = "images_per_second@train_step"
_SHARE: Final = "matmul_peak_share@train_step"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the throughput of every replicate.

    Returns
    -------
    pandas.DataFrame
        ``device``, ``norm``, ``batch_size``, ``replicate``, ``images_per_second``, ``peak_share``
        (per cent). Of several devices or networks that of the claim is shown; the others are in the
        exports.
    """
    rows = evidence.samples.study(evidence.comparison.study)
    if rows.empty or _RATE not in rows or rows[_RATE].isna().all():
        return pd.DataFrame()
    rows = rows.dropna(subset=[_RATE])
    wanted = evidence.condition()
    for axis in ("dataset", "model", "device"):
        values = sorted(rows[axis].unique())
        kept = wanted.get(axis) if wanted.get(axis) in values else values[0]
        rows = rows[rows[axis] == kept]
    share = rows[_SHARE] if _SHARE in rows else float("nan")
    found = pd.DataFrame(
        {
            "device": rows["device"],
            "norm": rows["norm"],
            "batch_size": rows["batch_size"],
            "replicate": rows["seed"],
            "images_per_second": rows[_RATE],
            "peak_share": 100 * share,
        }
    )
    found = found.dropna(subset=["images_per_second"])
    return found.sort_values(["norm", "batch_size", "replicate"], ignore_index=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw throughput and the share of the peak side by side or one above the other."""
    if data.empty:
        return grammar.nothing_to_show(shape, "Throughput was not measured")
    columns_shown = [c for c in _PANELS if data[c].notna().any()]
    rows, columns = (len(columns_shown), 1) if shape.narrow else (1, len(columns_shown))
    margins = grammar.Margins(left=66, right=14, top=56, bottom=48, across=70, down=74)
    height = margins.top + margins.bottom + rows * 180 + (rows - 1) * margins.down
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins, share=False)
    norms = arms_of(data["norm"])
    grammar.key(
        figure,
        [(palette.norm_title(n), palette.norm_colour(n), palette.norm_marker(n)) for n in norms],
    )
    for ax, column in zip(axes.flat, columns_shown, strict=True):
        ax.set_title(_PANELS[column])
        _panel(ax, data.dropna(subset=[column]), column, norms)
    first = axes.flat[0]
    grammar.log_axis(first, "y")
    grammar.few_ticks(first, *first.get_ylim(), axis="y", most=5)
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "Throughput was not measured."
    means = data.groupby(["norm", "batch_size"])["images_per_second"].mean().reset_index()
    parts = [
        f"{palette.norm_title(str(norm))} at batch size {batch}: {rate:,.0f} images per second"
        for norm, batch, rate in means.itertuples(index=False)
    ]
    return "Training throughput. " + "; ".join(parts) + "."


def _panel(ax: Axes, data: pd.DataFrame, column: str, norms: list[str]) -> None:
    grammar.grid_lines(ax)
    for norm in norms:
        arm = data[data["norm"] == norm]
        if arm.empty:
            continue
        colour, marker = palette.norm_colour(norm), palette.norm_marker(norm)
        means = arm.groupby("batch_size")[column].mean()
        ax.plot(means.index, means.to_numpy(), color=colour, marker=marker, markersize=7)
        ax.plot(
            arm["batch_size"],
            arm[column],
            linestyle="none",
            marker=marker,
            color=colour,
            markersize=3.5,
            alpha=0.5,
            markeredgewidth=0,
        )
    grammar.log_axis(ax, "x")
    sizes = sorted(data["batch_size"].unique())
    if sizes:
        ax.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
        ax.set_xticks(sizes)
    if column == "peak_share":
        ax.set_ylim(0, None)
    ax.set_xlabel("batch size (images)")
