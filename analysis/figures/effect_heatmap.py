"""What BN changes at each batch size and learning rate: speed to the target, and accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from analysis.figures import grammar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Where BN helps and where it does not: batch size × learning rate"
CAPTION: Final = (
    "Each cell compares with BN and without BN on the same seeds. Blue: better with BN; orange: "
    "worse; the deeper, the larger. A crossed cell holds runs that diverged; "
    "a cell without a number has too few finished pairs."
)


def frame(evidence: Evidence) -> pd.DataFrame:
    """Compare the arms in every cell.

    Returns
    -------
    pandas.DataFrame
        ``batch_size``, ``learning_rate``, ``seeds``, ``speed`` (geometric mean over seeds of steps
        without BN over steps with BN, runs that never arrive counted at the budget),
        ``accuracy_points`` (mean difference of test accuracy in percentage points), ``reached_with``,
        ``reached_without``, ``diverged_with``, ``diverged_without`` (trials), ``target``.
    """
    trials = evidence.trials()
    target = evidence.target()
    steps = f"steps_to_target@{target}"
    if trials.empty or steps not in trials or "test_accuracy" not in trials:
        return pd.DataFrame()
    treatment, control = evidence.arms()
    rows: list[dict[str, Any]] = []
    for (batch, rate), cell in trials.groupby(["batch_size", "learning_rate"], observed=True):
        arms = {
            arm: cell[(cell["norm"] == arm) & cell["status"].isin(["ok", "diverged"])]
            .drop_duplicates("seed")
            .set_index("seed")
            for arm in (treatment, control)
        }
        with_bn, without = arms[treatment], arms[control]
        seeds = with_bn.index.intersection(without.index)
        # A run that diverged stopped early; it counts at the budget like any that never arrived.
        budget = cell["budget_steps"].max()
        speed = np.log(_at_budget(without, steps, seeds, budget)) - np.log(
            _at_budget(with_bn, steps, seeds, budget)
        )
        points = 100 * (with_bn["test_accuracy"] - without["test_accuracy"]).reindex(seeds)
        reached = {a: int(np.isfinite(arms[a][steps].astype(float)).sum()) for a in arms}
        someone = any(reached.values())
        rows.append(
            {
                "batch_size": batch,
                "learning_rate": rate,
                "seeds": len(seeds),
                "speed": float(np.exp(speed.mean())) if len(seeds) and someone else np.nan,
                "accuracy_points": float(points.mean()) if points.notna().any() else np.nan,
                "reached_with": reached[treatment],
                "reached_without": reached[control],
                "diverged_with": int((with_bn["status"] == "diverged").sum()),
                "diverged_without": int((without["status"] == "diverged").sum()),
                "target": target,
            }
        )
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw both heat maps, side by side or one above the other."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No pairs with and without BN in this store")
    rates = sorted(data["learning_rate"].unique())
    batches = sorted(data["batch_size"].unique())
    rows, columns = (2, 1) if shape.narrow else (1, 2)
    margins = grammar.Margins(left=58, right=10, top=32, bottom=46, across=20, down=78)
    height = margins.top + margins.bottom + rows * 46 * len(rates) + (rows - 1) * margins.down
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins, share=False)
    target = float(data["target"].iloc[0])
    _heat_map(
        axes.flat[0],
        data,
        "speed",
        f"Speed to {grammar.plain(100 * target)} % validation accuracy",
        lambda v: f"{v:.1f}×" if v < 9.95 else f"{v:.0f}×",
        lambda v: float(np.log(v)),
        (np.log(1.1), np.log(1.5), np.log(2.5)),
    )
    _heat_map(
        axes.flat[1],
        data,
        "accuracy_points",
        "Test accuracy, percentage points",
        lambda v: f"{v:+.1f}".replace("-", "−"),
        lambda v: v,
        (0.1, 0.5, 2.0),
    )
    for ax in axes.flat:
        ax.set_xticks(range(len(batches)), [grammar.plain(b) for b in batches])
        ax.set_yticks(range(len(rates)), [grammar.plain(r) for r in rates])
        ax.set_xlabel("batch size (images)")
    axes.flat[0].set_ylabel("learning rate")
    if shape.narrow:
        axes.flat[1].set_ylabel("learning rate")
    else:
        axes.flat[1].set_yticklabels([])
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No pairs with and without BN."
    speed, points = data["speed"].dropna(), data["accuracy_points"].dropna()
    parts = [f"Heat maps of BN's effect in {len(data)} settings."]
    if len(speed):
        parts.append(
            f"BN reaches the target sooner in {int((speed > 1).sum())} of {len(speed)}, "
            f"from {speed.min():.1f} to {speed.max():.1f} times as fast."
        )
    if len(points):
        parts.append(
            f"Test accuracy differs by {points.min():+.1f} to {points.max():+.1f} percentage points."
        )
    diverged = int((data["diverged_with"] + data["diverged_without"] > 0).sum())
    if diverged:
        parts.append(f"Runs diverged in {diverged} settings.")
    return " ".join(parts)


def _at_budget(arm: pd.DataFrame, steps: str, seeds: pd.Index, budget: float) -> pd.Series:
    return arm.loc[seeds, steps].astype(float).fillna(np.inf).clip(lower=1, upper=budget)


def _heat_map(  # noqa: PLR0917
    ax: Axes,
    data: pd.DataFrame,
    column: str,
    title: str,
    words: Any,
    size: Any,
    edges: tuple[float, float, float],
) -> None:
    rates = sorted(data["learning_rate"].unique())
    batches = sorted(data["batch_size"].unique())
    ax.set_xlim(-0.5, len(batches) - 0.5)
    ax.set_ylim(-0.5, len(rates) - 0.5)
    ax.set_title(title)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    for row in data.itertuples():
        x, y = batches.index(row.batch_size), rates.index(row.learning_rate)
        value = float(getattr(row, column))
        fill, ink = _cell(size(value), edges) if np.isfinite(value) else ("shade", "muted")
        ax.add_patch(
            Rectangle((x - 0.475, y - 0.46), 0.95, 0.92, facecolor=grammar.LIGHT[fill], linewidth=0)
        )
        lost = int(row.diverged_with) + int(row.diverged_without)
        if np.isfinite(value):
            text = words(value)
        else:
            text = "neither" if column == "speed" and row.seeds else "–"
        ax.text(
            x,
            y + (0.14 if lost else 0),
            text,
            ha="center",
            va="center",
            color=grammar.LIGHT[ink],
            fontsize=grammar.TEXT,
        )
        if lost:
            ax.plot(
                [x - 0.475, x + 0.475],
                [y - 0.46, y + 0.46],
                color=grammar.LIGHT[ink],
                linewidth=0.8,
                alpha=0.35,
            )
            ax.text(
                x,
                y - 0.24,
                f"✕ {int(row.diverged_with)} | {int(row.diverged_without)}",
                ha="center",
                va="center",
                color=grammar.LIGHT[ink],
                fontsize=9.5,
            )


def _cell(value: float, edges: tuple[float, float, float]) -> tuple[str, str]:
    """Colour of the cell and of its text: three steps each way around a neutral middle."""
    level = int(np.searchsorted(edges, abs(value), side="right"))
    if level == 0:
        return "even", "onlight"
    return ("for" if value > 0 else "against") + str(level), "ondark" if level == 3 else "onlight"
