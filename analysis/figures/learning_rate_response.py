"""Final accuracy against the learning rate, both arms, seeds as points."""

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

TITLE: Final = "Test accuracy against the learning rate"
CAPTION: Final = (
    "Each point is one seed, the line joins the means. Points on the bottom line marked ✕ are runs "
    "that diverged. The flatter the line, the less the learning rate matters."
)


def frame(evidence: Evidence) -> pd.DataFrame:
    """List test accuracy by learning rate.

    Returns
    -------
    pandas.DataFrame
        ``batch_size``, ``learning_rate``, ``norm``, ``seed``, ``accuracy`` (per cent; missing where
        the run diverged), ``status``.
    """
    trials = evidence.trials()
    if trials.empty or "test_accuracy" not in trials or trials["learning_rate"].nunique() < 2:
        return pd.DataFrame()
    done = trials[trials["status"].isin(["ok", "diverged"])]
    found = done[["batch_size", "learning_rate", "norm", "seed", "status"]].copy()
    accuracy = 100 * done["test_accuracy"].astype(float)
    found["accuracy"] = accuracy.where(done["status"] == "ok", np.nan)
    return found.sort_values(["batch_size", "norm", "learning_rate", "seed"]).reset_index(drop=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw one panel a batch size."""
    if data.empty:
        return grammar.nothing_to_show(shape, "Only one learning rate in this store")
    batches = sorted(data["batch_size"].unique())
    columns = shape.columns(len(batches), most=2, narrow_most=1)
    rows = -(-len(batches) // columns)
    margins = grammar.Margins(left=52, right=14, top=60, bottom=48, across=22, down=36)
    height = margins.top + margins.bottom + rows * 140 + (rows - 1) * margins.down
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins)
    norms = arms_of(data["norm"])
    grammar.key(
        figure,
        [(palette.norm_title(n), palette.norm_colour(n), palette.norm_marker(n)) for n in norms],
    )
    finite = data["accuracy"].dropna()
    floor = float(finite.min()) if len(finite) else 0.0
    top = float(finite.max()) if len(finite) else 100.0
    bottom = floor - 0.12 * max(1.0, top - floor)
    for ax, batch in zip(axes.flat, batches, strict=False):
        ax.set_title(f"batch size {grammar.plain(batch)}", fontsize=grammar.SMALL, pad=5)
        _panel(ax, data[data["batch_size"] == batch], norms, bottom)
    for ax in axes.flat[len(batches) :]:
        ax.set_axis_off()
    grammar.log_axis(axes.flat[0], "x")
    rates = sorted(data["learning_rate"].unique())
    axes.flat[0].set_xlim(rates[0] / 1.8, rates[-1] * 1.8)
    axes.flat[0].set_ylim(bottom - 0.06 * max(1.0, top - floor), top + 0.04 * max(1.0, top - floor))
    for ax in axes[:, 0]:
        ax.set_ylabel("test accuracy (%)")
    grammar.shared_label(figure, "learning rate")
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "Only one learning rate."
    parts = []
    for norm in arms_of(data["norm"]):
        arm = data[data["norm"] == norm]
        means = arm.groupby(["batch_size", "learning_rate"])["accuracy"].mean().dropna()
        diverged = int((arm["status"] == "diverged").sum())
        if len(means):
            parts.append(
                f"{palette.norm_title(norm)}: condition means from {means.min():.1f} to "
                f"{means.max():.1f} %, {diverged} runs diverged"
            )
    return "Test accuracy over learning rates and batch sizes. " + "; ".join(parts) + "."


def _panel(ax: Axes, panel: pd.DataFrame, norms: list[str], bottom: float) -> None:
    grammar.grid_lines(ax)
    for i, norm in enumerate(norms):
        arm = panel[panel["norm"] == norm]
        if arm.empty:
            continue
        colour, marker = palette.norm_colour(norm), palette.norm_marker(norm)
        shift = 1.06 ** (2 * i - len(norms) + 1)
        means = arm.groupby("learning_rate")["accuracy"].mean().dropna()
        ax.plot(means.index * shift, means.to_numpy(), color=colour, linewidth=1.6)
        ax.plot(
            arm["learning_rate"] * shift,
            arm["accuracy"],
            linestyle="none",
            marker=marker,
            color=colour,
            markersize=4.5,
            alpha=0.55,
            markeredgewidth=0,
        )
        lost = arm[arm["status"] == "diverged"].groupby("learning_rate").size()
        if len(lost):
            ax.plot(lost.index * shift, [bottom] * len(lost), "x", color=colour, markersize=6)
