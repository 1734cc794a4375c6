"""Loss on images not trained on, where both arms have the same loss on those trained on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.measures.along import trial_curves
from analysis.measures.grouping import contrasts
from analysis.measures.labels import match_columns, same_value
from analysis.measures.pairs import pair_up, trial_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast, Values
    from analysis.samples import Samples

TRAINED_ON: Final = "train_loss"
_SMALLEST: Final = 1e-12  # a loss below is 0 in float32


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare the arms' loss on held-out images at an equal loss on training images.

    A network that fits its training images better has a wider gap to new images without being any
    worse on them, so the gap alone can't tell regularization from a better fit. Here both arms are
    read at one training loss: the smallest that every run of the condition reaches (times the
    number in ``facet``, to look earlier in training). Where a run first falls to that loss is
    interpolated between two evaluations, and its held-out loss is read there; both over the
    logarithms of steps and losses.

    The metric is ``validation_loss``: images that are neither trained on nor used to choose
    anything; test is read once, at the end. The training loss is in eval mode, like the other.
    """
    plain = comparison.model_copy(update={"facet": ""})
    values = trial_table(samples, plain, chance)
    arm = comparison.arms
    in_arms = values[arm.axis].map(
        lambda v: same_value(v, arm.treatment) or same_value(v, arm.control)
    )
    values = values[in_arms.astype(bool)].reset_index(drop=True)
    if values.empty:
        return []
    factor = float(comparison.facet or 1)
    trained, held_out = (trial_curves(samples, values, q) for q in (TRAINED_ON, comparison.metric))
    lowest = [math.nan if curve is None else float(curve[1].min()) for curve in trained]
    values["lowest"] = pd.Series(lowest).where(values["lost"] == "")
    values["lost"] = values["lost"].mask(
        values["diverged"] & (values["lost"] == ""), "diverged: no equal loss to read it at"
    )
    values["lowest"] = values["lowest"].where(~values["diverged"])
    condition = [c for c in match_columns(values) if c != arm.axis]
    level = factor * values.groupby(condition, dropna=False)["lowest"].transform("max")
    values["value"] = [
        read_at(seen, new, at) if seen and new and lost == "" and math.isfinite(at) else math.nan
        for seen, new, at, lost in zip(trained, held_out, level, values["lost"], strict=True)
    ]
    nothing = values["value"].isna() & (values["lost"] == "") & (values["undefined"] == "")
    values["lost"] = values["lost"].mask(nothing, "no training loss along the way")
    notes = [_note(level.dropna().to_numpy(np.float64))]
    return contrasts(pair_up(values, comparison), comparison, notes)


def read_at(trained: tuple[Values, Values], held_out: tuple[Values, Values], level: float) -> float:
    """Read the held-out loss where the training loss first falls to a level.

    Parameters
    ----------
    trained, held_out
        Steps and losses, shape (k,) each, steps rising.
    level
        Training loss, in nats.

    Returns
    -------
    float
        In nats; NaN where the level is not reached.
    """
    steps, losses = np.log1p(trained[0]), np.log(np.maximum(trained[1], _SMALLEST))
    target = math.log(max(level, _SMALLEST)) + 1e-12
    below = np.flatnonzero(losses <= target)
    if not below.size:
        return math.nan
    at = int(below[0])
    where = steps[at]
    if at:
        share = (losses[at - 1] - target) / (losses[at - 1] - losses[at])
        where = steps[at - 1] + share * (steps[at] - steps[at - 1])
    there = np.log(np.maximum(held_out[1], _SMALLEST))
    return math.exp(float(np.interp(where, np.log1p(held_out[0]), there)))


def _note(levels: Values) -> str:
    if not levels.size:
        return "No training loss along the way is stored."
    low, high = levels.min(), levels.max()
    between = f"{low:.2g}" if math.isclose(low, high) else f"{low:.2g} to {high:.2g}, by condition"
    return f"Read at a training loss of {between} nats, which every run of a condition reaches."
