"""The effect at each batch size and learning rate, for every claim that compares pairs there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from analysis.figures import grammar, palette

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.contrasts import Verdict
    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Where it helps and where it does not"
CAPTION: Final = (
    "Each cell compares the two arms on the same seeds at one batch size and learning rate. Blue: "
    "as the claim says; orange: the other way; grey: smaller than the margin. The framed cell "
    "decides the claim. ✕ counts the runs that diverged, with | without batch normalization; "
    "for accuracy they count as guessing, for steps as never arrived."
)
_AXES: Final = ("batch_size", "learning_rate")
_CELL: Final = 44.0


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the cells of every claim whose primary comparison has both axes.

    Returns
    -------
    pandas.DataFrame
        ``claim``, ``panel`` (what the numbers are), ``batch_size``, ``learning_rate``, ``seeds``,
        ``effect`` (as shown: a ratio, or the difference in display units), ``margins`` (the effect
        in units of the margin, positive as claimed), ``verdict``, ``text``, ``decides``, and the
        trials of either arm that diverged.
    """
    rows = [row for verdict in evidence.all_verdicts for row in _cells(verdict)]
    found = pd.DataFrame(rows)
    if found.empty:
        return found
    sizes = found.groupby("claim")[list(_AXES)].nunique().min(axis=1)
    return found[found["claim"].isin(sizes[sizes > 1].index)].reset_index(drop=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw one map a claim, side by side or one above the other."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No grid of batch sizes and learning rates")
    claims = list(dict.fromkeys(data["claim"]))
    columns = 1 if shape.narrow else min(2, len(claims))
    rows = -(-len(claims) // columns)
    most = int(data.groupby("claim")["learning_rate"].nunique().max())
    margins = grammar.Margins(left=58, right=10, top=30, bottom=46, across=56, down=80)
    height = margins.top + margins.bottom + rows * _CELL * most + (rows - 1) * margins.down
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins, share=False)
    for ax, claim in zip(axes.flat, claims, strict=False):
        _heat_map(ax, data[data["claim"] == claim])
    for ax in axes.flat[len(claims) :]:
        ax.set_axis_off()
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No grid of batch sizes and learning rates."
    parts = []
    for claim, cells in data.groupby("claim", sort=False):
        shown = cells.dropna(subset=["effect"])
        if shown.empty:
            continue
        clear = int((shown["margins"] >= 1).sum())
        against = int((shown["margins"] <= -1).sum())
        parts.append(
            f"{claim}, {shown['panel'].iloc[0]}: from {_words(shown, shown['effect'].min())} to "
            f"{_words(shown, shown['effect'].max())}; in {clear} of {len(shown)} settings at least "
            f"the margin as claimed, in {against} the other way"
        )
    return "Heat maps over batch size and learning rate. " + ". ".join(parts) + "."


def _cells(verdict: Verdict) -> list[dict[str, Any]]:
    comparison = verdict.claim.primary
    if comparison.measure != "paired" or verdict.primary is None:
        return []
    deciding = verdict.primary.contrast.condition
    ratio = comparison.scale == "log_ratio"
    rows = []
    for result in verdict.results:
        contrast = result.contrast
        condition = contrast.condition
        others = {a: v for a, v in condition.items() if a not in _AXES}
        if (
            contrast.comparison.name != comparison.name
            or not all(a in condition for a in _AXES)
            or any(deciding.get(a, v) != v for a, v in others.items())
        ):
            continue
        estimate = result.estimate
        shown = np.exp(estimate) if ratio else comparison.sign * estimate * comparison.factor
        rows.append(
            {
                "claim": verdict.claim.id,
                "panel": _panel_title(verdict),
                "batch_size": condition["batch_size"],
                "learning_rate": condition["learning_rate"],
                "seeds": result.n,
                "effect": float(shown) if np.isfinite(estimate) else np.nan,
                "margins": estimate / result.margin if result.margin else np.nan,
                "verdict": result.word,
                "text": result.text,
                "decides": contrast.role == "primary",
                "diverged_treatment": contrast.diverged.get(str(comparison.arms.treatment), 0),
                "diverged_control": contrast.diverged.get(str(comparison.arms.control), 0),
                "ratio": ratio,
            }
        )
    return rows


def _panel_title(verdict: Verdict) -> str:
    comparison = verdict.claim.primary
    name = comparison.metric.replace("_", " ")
    if comparison.scale == "log_ratio":
        word = comparison.reads[0].split()[0]
        return f"{name}: times {word}"
    return f"{name}: difference in {comparison.unit}"


def _heat_map(ax: Axes, cells: pd.DataFrame) -> None:
    rates = sorted(cells["learning_rate"].unique())
    batches = sorted(cells["batch_size"].unique())
    ax.set_xlim(-0.5, len(batches) - 0.5)
    ax.set_ylim(-0.5, len(rates) - 0.5)
    ax.set_title(str(cells["panel"].iloc[0]).capitalize())
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xticks(range(len(batches)), [grammar.plain(b) for b in batches])
    ax.set_yticks(range(len(rates)), [grammar.plain(r) for r in rates])
    ax.set_xlabel("batch size (images)")
    ax.set_ylabel("learning rate")
    for cell in cells.to_dict("records"):
        _cell(ax, batches.index(cell["batch_size"]), rates.index(cell["learning_rate"]), cell)


def _cell(ax: Axes, x: int, y: int, cell: dict[Any, Any]) -> None:
    there = bool(np.isfinite(cell["effect"]))
    fill, ink = _colours(float(cell["margins"])) if there else ("shade", "muted")
    ax.add_patch(
        Rectangle(
            (x - 0.47, y - 0.455),
            0.94,
            0.91,
            facecolor=palette.LIGHT[fill],
            edgecolor=palette.LIGHT["ink"] if cell["decides"] else "none",
            linewidth=2.2 if cell["decides"] else 0,
        )
    )
    lost = int(cell["diverged_treatment"]) + int(cell["diverged_control"])
    write: Callable[..., Any] = ax.text
    settings = {"ha": "center", "va": "center", "color": palette.LIGHT[ink]}
    text = _number(cell["effect"], ratio=bool(cell["ratio"])) if there else "–"
    write(x, y + (0.16 if lost else 0), text, fontsize=grammar.TEXT, **settings)
    if lost:
        counts = f"✕ {cell['diverged_treatment']} | {cell['diverged_control']}"
        write(x, y - 0.22, counts, fontsize=9.5, **settings)


def _number(value: float, *, ratio: bool) -> str:
    if ratio:
        return f"{value:.1f}×" if 0.1 <= value < 9.95 else f"{value:.2g}×"
    return f"{value:+.1f}".replace("-", "−") if abs(value) < 99.5 else f"{value:+.0f}"


def _words(cells: pd.DataFrame, value: float) -> str:
    return _number(float(value), ratio=bool(cells["ratio"].iloc[0]))


def _colours(margins: float) -> tuple[str, str]:
    """Colour of a cell and of its text: three steps each way around a neutral middle."""
    level = int(np.searchsorted((1.0, 2.0, 6.0), abs(margins), side="right"))
    if level == 0:
        return "even", "onlight"
    return ("for" if margins > 0 else "against") + str(level), "ondark" if level == 3 else "onlight"
