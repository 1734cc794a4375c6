"""What trials did along training: their curves, and what these were after so many images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from analysis.contrasts import Values
    from analysis.samples import Samples


def trial_curves(
    samples: Samples, frame: pd.DataFrame, quantity: str
) -> list[tuple[Values, Values] | None]:
    """Give each trial's curve of a quantity of the whole network.

    Parameters
    ----------
    frame
        Rows of ``samples.trials``, of one study.
    quantity
        What was measured along training.

    Returns
    -------
    list
        For each row, steps (rising) and values, shape (k,) each; None where it has no curve.
    """
    curves = samples.curves(quantity, str(frame["study"].iloc[0]))
    curves = curves[(curves["facet"] == "") & curves["key"].isin(frame["key"])]
    names = list(zip(curves["key"], curves["device"], strict=True))
    steps = curves["step"].to_numpy(np.float64)
    values = curves["value"].to_numpy(np.float64)
    places: dict[tuple[str, str], list[int]] = {}
    for i, name in enumerate(names):
        places.setdefault(name, []).append(i)
    found: list[tuple[Values, Values] | None] = []
    for name in zip(frame["key"], frame["device"], strict=True):
        at = np.array(places.get(name, []), dtype=np.int64)
        at = at[np.argsort(steps[at], kind="stable")]
        found.append((steps[at], values[at]) if at.size else None)
    return found


def value_after(
    samples: Samples, frame: pd.DataFrame, metric: str, images: int
) -> pd.Series[float]:
    """Read each trial's curve of a metric after a number of training images.

    Between two evaluations the curve is linear in the images seen, as a time-to-target is. A last
    batch of an epoch that is smaller than the others makes a step of it a little shorter; that is
    spread over all steps here.

    Parameters
    ----------
    frame
        Rows of ``samples.trials``, of one study.
    images
        Training images seen, with repeats.

    Returns
    -------
    pandas.Series
        With the index of ``frame``; NaN where the curve does not reach that far.
    """
    if frame.empty or not {"steps", "samples"} <= set(frame.columns):
        return pd.Series(math.nan, frame.index, dtype="float64")
    wanted = (images * frame["steps"] / frame["samples"]).to_numpy(np.float64)
    values = []
    for curve, step in zip(trial_curves(samples, frame, metric), wanted, strict=True):
        reached = curve is not None and curve[0][0] <= step <= curve[0][-1] * (1 + 1e-9)
        values.append(float(np.interp(step, *curve)) if reached and curve else math.nan)
    return pd.Series(values, frame.index, dtype="float64")
