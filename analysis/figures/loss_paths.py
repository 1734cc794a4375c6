"""Loss on new images against loss on those trained on: a path for each norm."""

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
from analysis.figures.select import points_of
from analysis.wording import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Loss on new images at equal training loss"
CAPTION: Final = (
    "Training runs from the right to the left, as the training loss falls; both losses are "
    "geometric means over the seeds at the same step. Of two paths the lower one does better on "
    "new images at the same fit of the training images: that is what regularizing means here. "
    "Where a path turns up, the network overfits. Both axes are logarithmic."
)
_KIND: Final = Multiples(
    panel="panel",
    x_label="loss on training images (nats)",
    y_label="loss on new images (nats)",
    log_y=True,
    across=2,
)
_LOSSES: Final = {"train_loss": "training", "validation_loss": "new_images"}
_NOTHING: Final = "No training loss along the way in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """Average both losses over the seeds at each step.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (training images), ``norm``, ``step``, ``seeds``, ``training``, ``new_images``
        (nats).
    """
    line = ["train_size", "norm", "step"]
    tables = []
    for quantity, name in _LOSSES.items():
        points = points_of(evidence, quantity, ("train_size",))
        points = points[points["value"] > 0]
        logs = points.assign(value=np.log(points["value"]))
        grouped = logs.groupby(line, dropna=False)["value"]
        means = pd.DataFrame({name: np.exp(grouped.mean()), "seeds": grouped.size()})
        tables.append(means.reset_index())
    found = tables[0].merge(tables[1].drop(columns="seeds"), on=line)
    if found.empty:
        return pd.DataFrame()
    most = found.groupby(["train_size", "norm"], dropna=False)["seeds"].transform("max")
    found = found[2 * found["seeds"] > most].sort_values(line)
    sizes = found["train_size"].map(lambda n: "all" if pd.isna(n) else f"{int(n):,}")
    found.insert(0, "panel", sizes + " training images")
    return found[["panel", "norm", "step", "seeds", "training", "new_images"]].reset_index(
        drop=True
    )


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel for each number of training images."""
    if data.empty:
        return grammar.nothing_to_show(shape, _NOTHING)
    figure, axes, titles = lay_out(data, shape, _KIND)
    norms = series_of(data, _KIND)
    for ax, title in zip(axes.flat, titles, strict=False):
        panel = of_panel(data, _KIND, title)
        for norm in norms:
            path = panel[panel["norm"] == norm]
            if path.empty:
                continue
            _, colour, marker = look(_KIND, norms, norm)
            ax.plot(path["training"], path["new_images"], color=colour, linewidth=1.7)
            ax.plot(
                path["training"].iloc[-1:],
                path["new_images"].iloc[-1:],
                color=colour,
                marker=marker,
                markersize=7,
            )
    finish(axes, titles, _KIND)
    low, high = data["training"].min() / 1.3, data["training"].max() * 1.3
    grammar.log_axis(axes.flat[0], "x", ticks=5)
    axes.flat[0].set_xlim(high, low)
    return figure


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    if data.empty:
        return f"{_NOTHING}."
    ends = data.groupby(["panel", "norm"], sort=False).tail(1)
    names = series_of(data, _KIND)
    parts = [
        f"{e.panel}, {look(_KIND, names, str(e.norm))[0]}: {number(e.new_images)} nats on new "
        f"images at {number(e.training)} nats on training images when training ends"
        for e in ends.itertuples()
    ]
    return "Paths of both losses. " + "; ".join(parts) + "."
