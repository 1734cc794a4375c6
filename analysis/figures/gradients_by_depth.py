"""First against last layer's gradient in networks of any depth, before and after training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "First layer's gradient over the last layer's, by depth"
CAPTION: Final = (
    "1: both layers get gradients of the same size; below, the first layer's fade; above, they "
    "explode. Each point is one seed, the line joins the geometric means. The vertical axis is "
    "logarithmic."
)
_TIMES: Final = {"initial": "before training", "final": "after training"}
_KIND: Final = response.Response(
    panel="panel",
    x="depth",
    y="ratio",
    x_label="hidden layers",
    y_label="first over last",
    log_y=True,
    one=True,
    geometric=True,
    across=2,
)
_NOTHING: Final = "No gradients at several depths in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List the ratio of every seed.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (initialisation, and when), ``depth``, ``norm``, ``seed``, ``ratio``.
    """
    trials = trials_of(evidence, ("depth", "init"))
    parts = []
    for init in sorted(trials["init"].unique()) if len(trials) else []:
        for time, words in _TIMES.items():
            column = f"gradient_ratio@{time}"
            if column not in trials:
                continue
            rows = trials[(trials["init"] == init) & (trials[column] > 0)]
            parts.append(
                pd.DataFrame(
                    {
                        "panel": f"{init} initialisation, {words}",
                        "depth": rows["depth"].astype("float64"),
                        "norm": rows["norm"],
                        "seed": rows["seed"],
                        "ratio": rows[column].astype(float),
                    }
                )
            )
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return found.dropna(subset=["depth"]).reset_index(drop=True) if len(found) else found


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel for each initialisation, before and after training."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
