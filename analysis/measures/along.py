"""Values along training: a curve read where a trial had seen so many images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from analysis.samples import Samples


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
        Rows of ``samples.trials``.
    images
        Training images seen, with repeats.

    Returns
    -------
    pandas.Series
        With the index of ``frame``; NaN where the curve does not reach that far.
    """
    nothing = pd.Series(math.nan, frame.index, dtype="float64")
    if frame.empty or not {"steps", "samples"} <= set(frame.columns):
        return nothing
    curves = samples.curves(metric)
    where = ["study", "key", "device"]
    groups = curves[curves["facet"] == ""].groupby(where, sort=False)
    found = {name: (g["step"].to_numpy(), g["value"].to_numpy()) for name, g in groups}
    steps_of_images = (images * frame["steps"] / frame["samples"]).to_numpy(np.float64)
    values = []
    for *name, step in zip(*(frame[c] for c in where), steps_of_images, strict=True):
        steps, curve = found.get(tuple(name), (np.empty(0), np.empty(0)))
        reached = steps.size > 0 and steps[0] <= step <= steps[-1] * (1 + 1e-9)
        values.append(float(np.interp(step, steps, curve)) if reached else math.nan)
    return pd.Series(values, frame.index, dtype="float64")
