"""What a training step keeps in memory, by kind, with and without batch normalization."""

from __future__ import annotations

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

TITLE: Final = "What a training step keeps in memory"
CAPTION: Final = (
    "Exact bytes of the tensors that a training step keeps, counted once each; not what the "
    "operating system reports. Upper bar of a pair: with batch normalization."
)
_PREFIX: Final = "memory_bytes@"
_KINDS: Final = {
    "parameters": ("parameters", "batch"),
    "buffers": ("buffers", "other"),
    "gradients": ("gradients", "batch_no_affine"),
    "optimizer_state": ("optimizer state", "group"),
    "batch": ("the batch", "axis"),
    "saved_activations": ("saved activations", "none"),
}


def frame(evidence: Evidence) -> pd.DataFrame:
    """Average the bytes of each kind over replicates.

    Returns
    -------
    pandas.DataFrame
        ``batch_size``, ``norm``, ``kind``, ``megabytes`` (10⁶ bytes), ``share`` of the total.
    """
    rows = evidence.trials()
    columns = [c for c in rows.columns if c.startswith(_PREFIX)]
    if rows.empty or not columns or rows[columns].isna().to_numpy().all():
        return pd.DataFrame()
    means = rows.groupby(["batch_size", "norm"])[columns].mean().dropna(how="all").reset_index()
    long = means.melt(["batch_size", "norm"], columns, "kind", "megabytes")
    long["kind"] = long["kind"].str.removeprefix(_PREFIX)
    long["megabytes"] = long["megabytes"].fillna(0) / 1e6
    long["share"] = long["megabytes"] / long.groupby(["batch_size", "norm"])["megabytes"].transform(
        "sum"
    )
    order = {kind: i for i, kind in enumerate(_KINDS)}
    return (
        long.assign(_order=long["kind"].map(order).fillna(len(order)))
        .sort_values(["batch_size", "norm", "_order"], ignore_index=True)
        .drop(columns="_order")
    )


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a pair of stacked bars for each batch size."""
    if data.empty:
        return grammar.nothing_to_show(shape, "Memory was not measured")
    bars = [
        (batch, norm)
        for batch in sorted(data["batch_size"].unique())
        for norm in arms_of(data.loc[data["batch_size"] == batch, "norm"])
    ]
    kinds = list(dict.fromkeys(data["kind"]))
    top = 22 + 17 * (3 if shape.narrow else 1)
    margins = grammar.Margins(left=116 if shape.narrow else 130, right=64, top=top, bottom=48)
    figure = grammar.new_figure(shape, margins.top + margins.bottom + 25 * len(bars))
    ax = grammar.panels(figure, 1, 1, margins)[0, 0]
    grammar.key(figure, [(_look(k)[0], palette.LIGHT[_look(k)[1]], "s") for k in kinds])
    grammar.grid_lines(ax, "x")
    for y, (batch, norm) in enumerate(bars):
        rows = data[(data["batch_size"] == batch) & (data["norm"] == norm)]
        _bar(ax, y, rows)
    labels = [f"{grammar.plain(b)}, {palette.norm_title(n)}" for b, n in bars]
    ax.set_yticks(range(len(bars)), labels)
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("memory (MB)")
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "Memory was not measured."
    totals = data.groupby(["batch_size", "norm"])["megabytes"].sum().reset_index()
    parts = [
        f"batch size {batch} {palette.norm_title(str(norm))}: {total:.2f} MB"
        for batch, norm, total in totals.itertuples(index=False)
    ]
    return "Bytes kept by a training step. " + "; ".join(parts) + "."


def _look(kind: str) -> tuple[str, str]:
    return _KINDS.get(kind, (palette.clip(kind.replace("_", " ")), "layer"))


def _bar(ax: Axes, y: int, rows: pd.DataFrame) -> None:
    starts = np.r_[0.0, np.cumsum(rows["megabytes"].to_numpy())]
    for left, width, kind in zip(starts, rows["megabytes"], rows["kind"], strict=False):
        ax.barh(y, width, left=left, height=0.68, color=palette.LIGHT[_look(kind)[1]], linewidth=0)
    ax.annotate(
        f"{grammar.plain(float(f'{starts[-1]:.3g}'))} MB",
        (starts[-1], y),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=grammar.SMALL,
        color=palette.LIGHT["muted"],
        annotation_clip=False,
    )
