"""A trend along an ordered axis, such as the batch size: one fitted line a seed."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.measures.grouping import contrasts
from analysis.measures.labels import condition_of, match_columns
from analysis.measures.pairs import join_arms, trial_table
from analysis.measures.reduction import collapse
from analysis.stats.trend import page_trend, slopes
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast, Values
    from analysis.samples import Samples


_ANY: Final = object()  # in the place of an axis that was averaged over


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare the two arms on a line through all settings of their axis.

    Each seed's values (their logarithms on the ratio scale) get a least-squares line over the
    binary logarithm of the setting; the arms are what that line says at the treatment and at the
    control. So all settings count, and the contrast is the seed's slope times the doublings from
    control to treatment. Page's L of the order stands beside it.
    """
    axis, ratio = comparison.arms.axis, comparison.scale == "log_ratio"
    values = trial_table(samples, comparison, chance)
    if values.empty:
        return []
    if ratio:
        none = (values["value"] <= 0) & (values["lost"] == "")
        values["lost"] = values["lost"].mask(none, f"no {comparison.metric} above 0")
        values["value"] = values["value"].where(values["value"] > 0)
    both = join_arms((values, values), AXES)
    arms = (comparison.arms.treatment, comparison.arms.control)
    first, second = (
        collapse(both, axis, functools.partial(fitted, at=float(arm), ratio=ratio)) for arm in arms
    )
    table = first.assign(control=second["control"])
    match = [c for c in match_columns(both) if c != axis]
    places = {
        tuple(condition_of(match, key).values()): rows
        for key, rows in both.groupby(match, dropna=False, sort=False)
    }
    found = contrasts(table, comparison)
    here = [places.get(tuple(c.condition.get(a, _ANY) for a in match)) for c in found]
    return [
        _with_page(c, rows, axis) if rows is not None and c.n else c
        for c, rows in zip(found, here, strict=True)
    ]


def fitted(settings: Values, values: Values, *, at: float, ratio: bool) -> float:
    """Say what the line through a seed's values is at a setting; NaN for fewer than two settings.

    Parameters
    ----------
    settings, values
        Shape (k,); settings are positive, values too where ``ratio``.
    at
        The setting, positive.
    ratio
        Fit the logarithms of the values, and give the value that belongs to the line.
    """
    if settings.size < 2 or not np.isfinite(values).all():
        return math.nan
    x, y = np.log2(settings), np.log(values) if ratio else values
    slope = float(slopes(y[None, :], x)[0])
    line = float(y.mean() + slope * (math.log2(at) - x.mean()))
    return math.exp(line) if ratio else line


def _with_page(contrast: Contrast, rows: pd.DataFrame, axis: str) -> Contrast:
    """Add the trend test of the contrast's own trials; it is of one condition."""
    here = np.isin(rows["seed"].to_numpy(), contrast.seeds)
    seeds, row = np.unique(rows["seed"].to_numpy()[here], return_inverse=True)
    settings, column = np.unique(rows[axis].to_numpy(np.float64)[here], return_inverse=True)
    table = np.full((seeds.size, settings.size), math.nan)
    table[row, column] = rows["treatment"].to_numpy(np.float64)[here]
    known = np.isfinite(table).all(axis=0)
    if known.sum() < 2:
        return contrast
    comparison = contrast.comparison
    rising = (float(comparison.arms.treatment) > float(comparison.arms.control)) == (
        comparison.sign > 0
    )
    settings, table = settings[known], table[:, known]
    if not rising:
        settings, table = settings[::-1], table[:, ::-1]
    page = page_trend(table)
    words = axis.replace("_", " ")
    note = (
        f"Page's trend test over {words} {', '.join(f'{s:g}' for s in settings)} as the claim "
        f"orders them: L = {page.statistic:g}, mean rank correlation {page.correlation:.2f}, "
        f"p = {page.p:.2g}."
    )
    return dataclasses.replace(contrast, notes=(*contrast.notes, note))
