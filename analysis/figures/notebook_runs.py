"""Where the notebook's two single runs fall among ours."""

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

TITLE: Final = "The notebook's two numbers among our runs of its protocol"
CAPTION: Final = (
    "Each point is one seed; the pale bar holds the central 95 % of single runs to be expected "
    "from them (normal, mean ± 1.96 standard deviations). The long tick is the notebook's own run."
)


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the runs of the claim's protocol.

    Returns
    -------
    pandas.DataFrame
        ``norm``, ``seed``, ``accuracy`` (per cent), ``notebook`` (per cent).
    """
    reference = evidence.comparison.reference
    metric = evidence.comparison.metric
    trials = evidence.samples.trials
    if metric not in trials or not reference:
        return pd.DataFrame()
    found = trials[
        (trials["study"] == evidence.comparison.study)
        & trials["norm"].isin(list(reference))
        & trials[metric].notna()
    ]
    result = pd.DataFrame(
        {
            "norm": found["norm"],
            "seed": found["seed"],
            "accuracy": 100 * found[metric].astype(float),
            "notebook": 100 * found["norm"].map(reference).astype(float),
        }
    )
    return result.sort_values(["norm", "seed"]).reset_index(drop=True)


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a row an arm: seeds as points, the notebook's run as a tick."""
    if data.empty:
        return grammar.nothing_to_show(shape, "The notebook's protocol was not run")
    norms = arms_of(data["norm"])
    row = 104.0
    margins = grammar.Margins(left=14, right=14, top=14, bottom=48)
    figure = grammar.new_figure(shape, margins.top + margins.bottom + row * len(norms))
    ax = grammar.panels(figure, 1, 1, margins)[0, 0]
    values = np.concatenate([data["accuracy"].to_numpy(), data["notebook"].to_numpy()])
    pad = max(0.05, 0.08 * float(np.ptp(values)))
    ax.set_xlim(float(values.min()) - pad, float(values.max()) + pad)
    ax.set_ylim(len(norms) - 0.42, -0.72)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    grammar.grid_lines(ax, "x")
    for y, norm in enumerate(norms):
        arm = data[data["norm"] == norm]
        _row(ax, y, norm, arm["accuracy"].to_numpy(), float(arm["notebook"].iloc[0]))
    ax.set_xlabel("test accuracy (%)")
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return "The notebook's protocol was not run."
    parts = []
    for norm in arms_of(data["norm"]):
        arm = data[data["norm"] == norm]
        below = int((arm["accuracy"] < arm["notebook"]).sum())
        parts.append(
            f"{palette.norm_title(norm)}: {len(arm)} runs from {arm['accuracy'].min():.2f} to "
            f"{arm['accuracy'].max():.2f} %, mean {arm['accuracy'].mean():.2f} %; the notebook's "
            f"{arm['notebook'].iloc[0]:.2f} % lies above {below} of them"
        )
    return "Test accuracy of the notebook's protocol. " + "; ".join(parts) + "."


def _row(ax: Axes, y: int, norm: str, values: np.ndarray, notebook: float) -> None:
    colour = palette.norm_colour(norm)
    if len(values) > 1:
        mean, spread = float(values.mean()), float(values.std(ddof=1))
        ax.barh(
            y, 2 * 1.96 * spread, left=mean - 1.96 * spread, height=0.5, color=colour, alpha=0.13
        )
        ax.plot([mean, mean], [y - 0.25, y + 0.25], color=colour, linewidth=1.2)
    x, lift = _pile(values, ax.get_xlim())
    ax.plot(
        x,
        y - lift,
        linestyle="none",
        marker=palette.norm_marker(norm),
        color=colour,
        markersize=6.5,
        alpha=0.85,
        markeredgecolor=palette.LIGHT["paper"],
        markeredgewidth=0.7,
    )
    ax.plot([notebook, notebook], [y - 0.34, y + 0.34], color=palette.LIGHT["ink"], linewidth=2.6)
    left, right = ax.get_xlim()
    far = notebook > left + 0.7 * (right - left)
    ax.annotate(
        f"notebook {notebook:.2f} %",
        (notebook, y + 0.37),
        xytext=(2 if far else -2, 0),
        textcoords="offset points",
        ha="right" if far else "left",
        va="center",
        fontsize=grammar.SMALL,
        color=palette.LIGHT["ink"],
    )
    mean_text = f", mean {values.mean():.2f} %" if len(values) > 1 else ""
    ax.text(
        0,
        y - 0.52,
        f"{palette.norm_title(norm)}: {len(values)} seeds{mean_text}",
        transform=ax.get_yaxis_transform(),
        ha="left",
        va="center",
        fontsize=grammar.SMALL,
        fontweight="bold",
        color=colour,
    )


def _pile(values: np.ndarray, limits: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Stack points that would overlap, alternately up and down from the row's middle.

    Returns
    -------
    tuple of numpy.ndarray
        Sorted values and their offsets in rows, shape (n,) each.
    """
    ordered = np.sort(values)
    width = (limits[1] - limits[0]) / 70
    bins = np.floor((ordered - limits[0]) / width).astype(int)
    lift = np.zeros(len(ordered))
    for b in np.unique(bins):
        members = np.flatnonzero(bins == b)
        steps = np.arange(len(members))
        signs = np.where(steps % 2, 1, -1)
        lift[members] = signs * ((steps + 1) // 2) * min(0.085, 0.44 / max(1, len(members)))
    return ordered, lift
