"""Noise of the gradient and roughness of the loss, by batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.figures.kinds import response
from analysis.figures.select import trials_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.evidence import Evidence
    from analysis.figures.grammar import Shape

TITLE: Final = "Noise at each batch size"
CAPTION: Final = (
    "Share of noise: variance of the minibatch gradient over its mean square, 0 without noise and "
    "1 without signal. Roughness: how much the training loss changes from one minibatch to the "
    "next in the second half of training. Each point is one seed, the line joins the means."
)
_SHARES: Final = {
    "gradient_noise_share@initial": "Share of noise, before training",
    "gradient_noise_share@mean": "Share of noise, during training",
}
_ROUGHNESS: Final = ("grid", "loss_roughness", "Roughness of the loss (nats)")
_KIND: Final = response.Response(
    panel="panel",
    x="batch_size",
    y="value",
    x_label="batch size (images)",
    log_x=True,
    shared=False,
)
_NOTHING: Final = "No noise at several batch sizes in this store"


def frame(evidence: Evidence) -> pd.DataFrame:
    """List noise and roughness of every seed.

    Returns
    -------
    pandas.DataFrame
        ``panel``, ``batch_size``, ``norm``, ``seed``, ``value``.
    """
    study, roughness, title = _ROUGHNESS
    shares = trials_of(evidence, ("batch_size",))
    grid = trials_of(evidence, ("batch_size",), study)
    columns = [(shares, c, t) for c, t in _SHARES.items()] + [(grid, roughness, title)]
    parts = [
        pd.DataFrame(
            {
                "panel": words,
                "batch_size": rows["batch_size"],
                "norm": rows["norm"],
                "seed": rows["seed"],
                "value": rows[column].astype(float),
            }
        ).dropna(subset=["value"])
        for rows, column, words in columns
        if column in rows and len(set(rows["batch_size"])) > 1
    ]
    parts = [p for p in parts if not p.empty]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def draw(data: pd.DataFrame, shape: Shape) -> Figure:
    """Draw a panel a quantity."""
    return response.draw(data, shape, _KIND, _NOTHING)


def describe(data: pd.DataFrame) -> str:
    """Say in words what the figure shows."""
    return response.describe(data, _KIND, _NOTHING)
