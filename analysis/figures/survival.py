"""Kaplan–Meier curves of steps-to-target: which share of seeds has arrived after how many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator

from analysis.figures import grammar, palette
from analysis.figures.evidence import arms_of
from analysis.stats.survival import kaplan_meier, paired_log_rank
from analysis.wording import p_phrase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "How soon the seeds arrive, for each target"
CAPTION: Final = (
    "Kaplan–Meier curves at the setting that decides the claim: the share of seeds whose "
    "validation accuracy has reached the target after that many steps, with a 95 % band. A curve "
    "that ends below 100 %: the others had not arrived when the budget ended. p: paired "
    "permutation log-rank, for the picture; the verdict does not rest on it."
)


def frame(evidence: Evidence) -> pd.DataFrame:
    """Estimate the curves.

    Returns
    -------
    pandas.DataFrame
        ``target``, ``norm``, ``step``, ``arrived`` with ``low`` and ``high`` (fractions of seeds),
        ``n``, ``reached`` (seeds), ``median`` (steps), ``log_rank_p``.
    """
    trials = evidence.trials(primary=True)
    targets = evidence.targets()
    done = trials[trials["status"].isin(["ok", "diverged"])] if len(trials) else trials
    if done.empty or not targets or done["budget_steps"].isna().all():
        return pd.DataFrame()
    budget = float(done["budget_steps"].max())
    frames = []
    for target in targets:
        times = {
            norm: arm.drop_duplicates("seed").set_index("seed")[f"steps_to_target@{target}"]
            for norm, arm in done.groupby("norm")
        }
        times = {norm: t.astype(float).fillna(np.inf) for norm, t in times.items()}
        p = _log_rank(times, evidence.arms(), budget)
        frames += [_curve(str(norm), t, budget, float(target), p) for norm, t in times.items()]
    found = pd.concat(frames, ignore_index=True)
    found.attrs["budget"] = budget
    return found


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw one panel a target."""
    if data.empty:
        return grammar.nothing_to_show(shape, "No steps-to-target in this store")
    targets = sorted(data["target"].unique())
    columns = 1 if shape.narrow else min(3, len(targets))
    rows = -(-len(targets) // columns)
    margins = grammar.Margins(left=54, right=12, top=58, bottom=48, across=18, down=38)
    panel = 130 if shape.narrow else 190
    height = margins.top + margins.bottom + rows * panel + (rows - 1) * margins.down
    figure = grammar.new_figure(shape, height)
    axes = grammar.panels(figure, rows, columns, margins)
    norms = arms_of(data["norm"])
    grammar.key(
        figure,
        [(palette.norm_title(n), palette.norm_colour(n), palette.norm_marker(n)) for n in norms],
    )
    budget = float(data.attrs.get("budget", data["step"].max()))
    arrivals = data.loc[data["step"] > 0, "step"]
    low = max(1.0, float(arrivals.min()) / 1.7 if len(arrivals) else 1.0)
    for ax, target in zip(axes.flat, targets, strict=False):
        _panel(ax, data[data["target"] == target], norms, (low, budget))
    for ax in axes.flat[len(targets) :]:
        ax.set_axis_off()
    first = axes.flat[0]
    first.set_ylim(-0.03, 1.06)
    first.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    grammar.percent_axis(first)
    grammar.log_axis(first, "x")
    first.set_xlim(low, budget * 1.1)
    grammar.few_ticks(first, low, budget * 1.1, most=4)
    for ax in axes[:, 0]:
        ax.set_ylabel("seeds arrived")
    grammar.shared_label(figure, "steps (optimizer updates)")
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "No steps-to-target."
    parts = []
    for (target, norm), arm in data.groupby(["target", "norm"]):
        row = arm.iloc[0]
        median = f", median {row['median']:,.0f} steps" if np.isfinite(row["median"]) else ""
        parts.append(
            f"{100 * float(str(target)):.0f} % {palette.norm_title(str(norm))}: "
            f"{int(row['reached'])} of {int(row['n'])} seeds arrive{median}"
        )
    return "Share of seeds that have reached each target. " + "; ".join(parts) + "."


def _log_rank(times: dict[Any, pd.Series], arms: tuple[str, str], budget: float) -> float:
    if not all(arm in times for arm in arms):
        return float("nan")
    first, second = (times[arm] for arm in arms)
    seeds = first.index.intersection(second.index)
    if seeds.empty:
        return float("nan")
    return paired_log_rank(first.loc[seeds].to_numpy(), second.loc[seeds].to_numpy(), budget).p


def _curve(norm: str, times: pd.Series, budget: float, target: float, p: float) -> pd.DataFrame:
    curve = kaplan_meier(times.to_numpy(), budget)
    return pd.DataFrame(
        {
            "target": target,
            "norm": norm,
            "step": curve.times,
            "arrived": 1 - curve.survival,
            "low": 1 - curve.high,
            "high": 1 - curve.low,
            "n": curve.n,
            "reached": curve.reached,
            "median": curve.median,
            "log_rank_p": p,
        }
    )


def _panel(ax: Axes, panel: pd.DataFrame, norms: list[str], span: tuple[float, float]) -> None:
    grammar.grid_lines(ax)
    ax.set_title(f"{grammar.plain(100 * float(panel['target'].iloc[0]))} % accuracy", pad=6)
    for norm in norms:
        arm = panel[panel["norm"] == norm]
        if arm.empty:
            continue
        colour = palette.norm_colour(norm)
        x = np.append(arm["step"].clip(lower=span[0]), span[1])
        y, low, high = (np.append(arm[c], arm[c].iloc[-1]) for c in ("arrived", "low", "high"))
        # Before the first arrival and after the last the band only says how many seeds there are.
        under_way = (y > 0) & (y < 1)
        ax.fill_between(
            x, low, high, where=under_way, step="post", color=colour, alpha=0.14, linewidth=0
        )
        ax.step(x, y, where="post", color=colour)
        ax.plot(
            x[1:-1],
            y[1:-1],
            linestyle="none",
            marker=palette.norm_marker(norm),
            color=colour,
            markersize=4.5,
            markeredgewidth=0,
        )
    words = p_phrase(float(panel["log_rank_p"].iloc[0])).removeprefix("adjusted ")
    if words:
        ax.text(
            0.03,
            0.9,
            words,
            transform=ax.transAxes,
            fontsize=grammar.SMALL,
            color=palette.LIGHT["muted"],
        )
