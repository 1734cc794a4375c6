"""How a cost changes with the batch size: each comparison's effect with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from analysis.figures import grammar, palette
from analysis.units import displayed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.contrasts import ContrastResult
    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "The overhead at each batch size"
CAPTION: Final = (
    "Point: with batch normalization against without, measured side by side; line: its 95 % "
    "interval over fresh processes. Shaded: too small to matter (the margin). Above the zero line "
    "batch normalization costs more."
)
_STYLES: Final = (("batch", "o"), ("other", "D"), ("layer", "^"), ("ghost", "v"))
_WIDEST: Final = 250.0


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the effect of every comparison of the claim at every batch size of the cost study.

    Returns
    -------
    pandas.DataFrame
        ``comparison``, ``batch_size``, ``replicates``, ``percent`` with ``low`` and ``high`` (how
        much more the treatment costs), ``margin`` (per cent), ``text``. Of several networks or
        devices that of the claim is shown.
    """
    results = [
        result
        for result in evidence.verdict.results
        if result.contrast.comparison.study == evidence.comparison.study
        and result.contrast.comparison.scale == "log_ratio"
        and "batch_size" in result.contrast.condition
        and np.isfinite(result.estimate)
    ]
    found = pd.DataFrame([_row(result) for result in _in_one_place(results, evidence)])
    if found.empty or found["batch_size"].nunique() < 2:
        return pd.DataFrame()
    return found.sort_values(["comparison", "batch_size"], kind="stable", ignore_index=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw one line a comparison over the batch sizes."""
    if data.empty:
        return grammar.nothing_to_show(shape, "Costs were measured at one batch size at most")
    names = list(dict.fromkeys(data["comparison"]))
    top = 16 + 17 * (len(names) if shape.narrow else 1)
    margins = grammar.Margins(left=58, right=14, top=top, bottom=48)
    figure = grammar.new_figure(shape, margins.top + margins.bottom + 210)
    ax = grammar.panels(figure, 1, 1, margins)[0, 0]
    styles = {n: _STYLES[i % len(_STYLES)] for i, n in enumerate(names)}
    grammar.key(
        figure,
        [(palette.clip(n, 44), palette.LIGHT[c], m) for n, (c, m) in styles.items()],
    )
    margin = float(data["margin"].iloc[0])
    ax.axhspan(-margin, margin, color=palette.LIGHT["shade"], linewidth=0, zorder=0)
    ax.axhline(0, color=palette.LIGHT["axis"], linewidth=1.2, zorder=1)
    grammar.grid_lines(ax)
    for i, name in enumerate(names):
        _line(ax, data[data["comparison"] == name], styles[name], 1.07 ** (2 * i - len(names) + 1))
    _limits(ax, data, margin)
    sizes = sorted(data["batch_size"].unique())
    grammar.log_axis(ax, "x")
    ax.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
    ax.set_xticks(sizes)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: _signed(float(v))))
    ax.set_xlabel("batch size (images)")
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "Costs were measured at one batch size at most."
    parts = []
    for name, line in data.groupby("comparison", sort=False):
        values = "; ".join(
            f"batch size {int(b)}: {p:+.0f} %"
            for b, p in zip(line["batch_size"], line["percent"], strict=True)
        )
        parts.append(f"{name}: {values}")
    return "Cost with batch normalization against without. " + ". ".join(parts) + "."


def _in_one_place(results: list[ContrastResult], evidence: Evidence) -> list[ContrastResult]:
    """Keep one dataset, network and device: the claim's own, or the first in order."""
    wanted = evidence.condition()
    for axis in ("dataset", "model", "depth", "optimizer", "device"):
        values = {result.contrast.condition.get(axis) for result in results}
        if len(values) > 1:
            kept = wanted.get(axis) if wanted.get(axis) in values else min(values, key=str)
            results = [r for r in results if r.contrast.condition.get(axis) == kept]
    return results


def _row(result: ContrastResult) -> dict[str, object]:
    contrast = result.contrast
    sign = contrast.comparison.sign
    ends = sorted((sign * result.low, sign * result.high))
    return {
        "comparison": contrast.comparison.name,
        "batch_size": contrast.condition["batch_size"],
        "replicates": result.n,
        "percent": _percent(sign * result.estimate),
        "low": _percent(ends[0]),
        "high": _percent(ends[1]),
        "margin": displayed(contrast.comparison, contrast.comparison.scaled_margin)[0],
        "text": result.text,
    }


def _percent(log_ratio: float) -> float:
    return 100 * (float(np.exp(min(log_ratio, 50))) - 1)


def _signed(percent: float) -> str:
    return f"{percent:+.0f} %".replace("-", "−") if abs(percent) >= 0.5 else "0 %"


def _line(ax: Axes, line: pd.DataFrame, look: tuple[str, str], shift: float) -> None:
    colour, marker = palette.LIGHT[look[0]], look[1]
    x = line["batch_size"].astype(float) * shift
    ax.vlines(x, line["low"], line["high"], color=colour, linewidth=1.8)
    ax.plot(x, line["percent"], color=colour, marker=marker, markersize=7, linewidth=1.2)


def _limits(ax: Axes, data: pd.DataFrame, margin: float) -> None:
    """Span the estimates and the intervals that fit; an endless interval runs off the edge."""
    ends = pd.concat([data["percent"], data["low"], data["high"]])
    ends = ends[np.isfinite(ends) & (ends.abs() < max(_WIDEST, 2 * data["percent"].abs().max()))]
    low, high = min(-2 * margin, float(ends.min())), max(2 * margin, float(ends.max()))
    pad = 0.08 * (high - low)
    ax.set_ylim(low - pad, high + pad)
