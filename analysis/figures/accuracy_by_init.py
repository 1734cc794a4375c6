"""Final accuracy from every initialisation, both arms, seeds as points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Test accuracy from each initialisation"
CAPTION: Final = (
    "Each point is one seed, the line joins the means; ✕: runs that diverged. The flatter the "
    "line, the less the initialisation matters. “small” and “large” are a tenth and ten times He's "
    "scale."
)
_KIND: Final = response.Response(
    panel="model",
    x="initialisation",
    y="accuracy",
    x_label="initialisation of the weights",
    y_label="test accuracy (%)",
    state="status",
    across=2,
)
_ORDER: Final = ("small", "default", "xavier", "he", "large")
_NOTHING: Final = "Only one initialisation in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List test accuracy by initialisation.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``initialisation``, ``norm``, ``seed``, ``accuracy`` (per cent; missing where the
        run diverged), ``status`` (empty where it finished).
    """
    trials = trials_of(evidence, ("init", "model", "depth"))
    if trials.empty or "test_accuracy" not in trials or trials["init"].nunique() < 2:
        return pd.DataFrame()
    order = {name: i for i, name in enumerate(_ORDER)}
    found = pd.DataFrame(
        {
            "model": trials["model"],
            "initialisation": trials["init"],
            "norm": trials["norm"],
            "seed": trials["seed"],
            "accuracy": (100 * trials["test_accuracy"].astype(float)).where(
                trials["status"] == "ok"
            ),
            "status": trials["status"].where(trials["status"] != "ok", ""),
        }
    )
    place = found["initialisation"].map(order).fillna(len(order))
    return (
        found.assign(_place=place)
        .sort_values(["model", "_place", "norm", "seed"], kind="stable", ignore_index=True)
        .drop(columns="_place")
    )


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel a network."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
