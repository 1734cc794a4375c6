"""γ and β along training, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import along
from analysis.figures.select import layer_numbers, narrowed, study_with

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "What the network makes of γ and β"
CAPTION: Final = (
    "Line: mean over the features of a layer; band: one standard deviation over features to either "
    "side; both averaged over the seeds. γ starts at 1 and β at 0, where batch normalization is "
    "plain normalizing."
)
_SYMBOLS: Final = {"gamma": "Scale γ", "beta": "Shift β"}
_STUDY: Final = "landscape"
_KIND: Final = along.Along(panel="panel", series="layer", shared=False, across=2)
_NOTHING: Final = "No γ and β along training in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Average mean and spread of both over seeds.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``layer``, ``step``, ``seeds``, ``mean``, ``low``, ``high`` (mean over features,
        less and plus one standard deviation).
    """
    parts = []
    for symbol, title in _SYMBOLS.items():
        study = study_with(evidence, f"{symbol}_mean", _STUDY)
        if not study:
            continue
        both = [_mean(evidence, f"{symbol}_{what}", study).rename(what) for what in ("mean", "std")]
        table = pd.concat(both, axis=1).reset_index()
        if table.empty:
            continue
        number = table["facet"].map(layer_numbers(table["facet"]))
        parts.append(
            pd.DataFrame(
                {
                    "panel": title,
                    "layer": "norm layer " + number.astype(str),
                    "step": table["step"],
                    "mean": table["mean"],
                    "low": table["mean"] - table["std"],
                    "high": table["mean"] + table["std"],
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw γ at the left, β at the right."""
    return along.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return along.describe(data, _KIND, _NOTHING)


def _mean(evidence: Evidence, quantity: str, study: str) -> pd.Series[float]:
    curves = evidence.samples.curves(quantity, study)
    curves = curves[curves["norm"] == "batch"]
    curves = narrowed(curves, (), evidence.condition())
    return curves.groupby(["facet", "step"], sort=True)["value"].mean()
