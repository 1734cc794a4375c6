"""Kaplan–Meier curves of steps-to-target: which share of seeds has arrived after how many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator

from analysis.figures import grammar
from analysis.figures.evidence import arms_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "How soon the seeds arrive, for each target"
CAPTION: Final = (
    "Kaplan–Meier curves at the claim's own setting: the share of seeds whose validation accuracy "
    "has reached the target after that many steps. A curve that ends below 100 % with a bar: the "
    "others had not arrived when the budget ended."
)


def frame(evidence: Evidence) -> pd.DataFrame:
    """Collect steps-to-target, one row a seed, arm and target.

    Returns
    -------
    pandas.DataFrame
        ``target``, ``norm``, ``seed``, ``steps`` (at the budget where not reached), ``reached``.
    """
    trials = evidence.trials(primary=True)
    columns = [c for c in trials.columns if c.startswith("steps_to_target@")]
    if trials.empty or not columns:
        return pd.DataFrame()
    done = trials[trials["status"].isin(["ok", "diverged"])]
    budget = done["budget_steps"].max()
    long = done[["norm", "seed", *columns]].melt(["norm", "seed"], columns, "target", "steps")
    long["target"] = long["target"].str.partition("@")[2].astype(float)
    long["reached"] = np.isfinite(long["steps"].astype(float))
    long["steps"] = long["steps"].astype(float).where(long["reached"], budget)
    return long.sort_values(["target", "norm", "seed"]).reset_index(drop=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw one panel a target."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No steps-to-target in this store")
    targets = sorted(data["target"].unique())
    columns = 1 if shape.narrow else min(3, len(targets))
    rows = -(-len(targets) // columns)
    margins = grammar.Margins(left=56, right=12, top=58, bottom=48, across=18, down=36)
    height = (
        margins.top
        + margins.bottom
        + rows * (130 if shape.narrow else 180)
        + (rows - 1) * margins.down
    )
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins)
    norms = arms_of(data["norm"])
    grammar.key(
        figure,
        [(grammar.norm_title(n), grammar.norm_colour(n), grammar.norm_marker(n)) for n in norms],
    )
    low = max(1.0, float(data["steps"].min()) / 1.6)
    for ax, target in zip(axes.flat, targets, strict=False):
        grammar.grid_lines(ax)
        ax.set_title(f"{grammar.plain(100 * target)} % accuracy", fontsize=grammar.SMALL, pad=5)
        for norm in norms:
            arm = data[(data["target"] == target) & (data["norm"] == norm)]
            if arm.empty:
                continue
            arrived = np.sort(arm.loc[arm["reached"], "steps"].to_numpy())
            end = float(data["steps"].max())
            x = np.concatenate([[low], arrived, [end]])
            y = np.concatenate([[0], np.arange(1, len(arrived) + 1), [len(arrived)]]) / len(arm)
            colour = grammar.norm_colour(norm)
            ax.step(x, y, where="post", color=colour)
            ax.plot(
                arrived,
                y[1:-1],
                grammar.norm_marker(norm),
                color=colour,
                markersize=4.5,
                markeredgewidth=0,
            )
            if len(arrived) < len(arm):
                ax.plot([end], [y[-1]], "|", color=colour, markersize=12, markeredgewidth=2)
    for ax in axes.flat[len(targets) :]:
        ax.set_axis_off()
    first = axes.flat[0]
    first.set_ylim(-0.03, 1.05)
    first.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    grammar.percent_axis(first)
    grammar.log_axis(first, "x")
    first.set_xlim(low, float(data["steps"].max()) * 1.12)
    for row in axes[:, 0]:
        row.set_ylabel("seeds arrived")
    figure.supxlabel(
        "steps (optimizer updates)",
        y=10 / height,
        va="bottom",
        fontsize=grammar.TEXT,
        color=grammar.LIGHT["muted"],
    )
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No steps-to-target."
    parts = []
    for (target, norm), arm in data.groupby(["target", "norm"]):
        parts.append(
            f"{100 * float(target):.0f} % {grammar.norm_title(str(norm))}: "
            f"{int(arm['reached'].sum())} of {len(arm)} seeds arrive, median "
            f"{arm['steps'].median():,.0f} steps"
        )
    return "Share of seeds that have reached each target. " + "; ".join(parts) + "."
