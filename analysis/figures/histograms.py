"""What goes into the activations before and after training, with and without normalizing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.figures import grammar
from analysis.figures.kinds.multiples import (
    Multiples,
    finish,
    lay_out,
    look,
    of_panel,
    series_of,
)
from analysis.figures.select import layer_numbers, narrowed, study_with

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "What goes into the activations"
CAPTION: Final = (
    "Share of all values that go into a layer's activation, in bins of 0.5, mean over seeds; what "
    "is farther out than 6 is in the last bin on its side. Before training batch normalization "
    "brings every layer to mean 0 and variance 1; afterwards γ and β have moved them to where the "
    "network wants them."
)
_QUANTITY: Final = "preactivation_histogram"
_STUDY: Final = "landscape"
_BIN: Final = 0.5
_KIND: Final = Multiples(
    panel="panel", x_label="value before the activation", y_label="share of values (%)", across=2
)
_NOTHING: Final = "No histograms in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Average the histograms of the first and the last point over seeds.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (layer, and when), ``norm``, ``from`` and ``to`` (edges of the bin; the outer ones
        hold all beyond), ``share`` (per cent).
    """
    study = study_with(evidence, _QUANTITY, _STUDY)
    curves = evidence.samples.curves(_QUANTITY, study) if study else pd.DataFrame()
    if curves.empty:
        return pd.DataFrame()
    curves = narrowed(curves, ("norm",), evidence.condition())
    curves = curves[curves["norm"].isin(("none", "batch"))]
    if curves.empty:
        return pd.DataFrame()
    parts = curves["facet"].str.rpartition(" ")
    curves = curves.assign(layer=parts[0], low=parts[2].astype("float64"))
    last = curves.groupby("norm")["step"].transform("max")
    curves = curves[(curves["step"] == 0) | (curves["step"] == last)]
    means = (
        curves.assign(after=curves["step"] > 0)
        .groupby(["layer", "after", "norm", "low"], sort=True)["value"]
        .mean()
        .reset_index()
    )
    layers = layer_numbers(means["layer"])
    outer = means.loc[np.isfinite(means["low"]), "low"].min() - _BIN
    low = means["low"].clip(lower=outer)
    time = means["after"].map({False: "before training", True: "after training"})
    return pd.DataFrame(
        {
            "panel": "layer " + means["layer"].map(layers).astype(str) + ", " + time,
            "norm": means["norm"],
            "from": low,
            "to": low + _BIN,
            "share": 100 * means["value"],
        }
    )


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel for each layer before and after training."""
    if data.empty:
        return grammar.nothing_to_show(shape, _NOTHING)
    figure, axes, titles = lay_out(data, shape, _KIND)
    norms = series_of(data, _KIND)
    for ax, title in zip(axes.flat, titles, strict=False):
        panel = of_panel(data, _KIND, title)
        for norm in norms:
            bins = panel[panel["norm"] == norm].sort_values("from")
            if bins.empty:
                continue
            _, colour, _ = look(_KIND, norms, norm)
            edges = np.r_[bins["from"], bins["to"].iloc[-1:]]
            ax.stairs(bins["share"], edges, color=colour, alpha=0.16, fill=True)
            ax.stairs(bins["share"], edges, color=colour, linewidth=1.7)
    finish(axes, titles, _KIND)
    first = axes.flat[0]
    first.set_xlim(data["from"].min(), data["to"].max())
    first.set_xticks([-6, -4, -2, 0, 2, 4, 6])
    first.set_ylim(0, None)
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return f"{_NOTHING}."
    names = series_of(data, _KIND)
    parts = []
    for (panel, norm), bins in data.groupby(["panel", "norm"], sort=False):
        middle = bins[(bins["from"] >= -1) & (bins["to"] <= 1)]["share"].sum()
        parts.append(
            f"{panel}, {look(_KIND, names, str(norm))[0]}: {middle:.0f} % of values lie between "
            "−1 and 1"
        )
    return "Distributions before the activation. " + "; ".join(parts) + "."
