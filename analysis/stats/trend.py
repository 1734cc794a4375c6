"""Trends over an ordered axis such as the batch size: Page's L, and one slope per seed.

A slope, or a difference of slopes, is one number per seed; :func:`analysis.stats.paired.paired`
tests those n numbers. Conditions are never pooled as if they were replicates.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special, stats

from analysis.stats.inputs import MINIMUM_SEEDS, sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from analysis.stats.inputs import FloatArray

_EXACT_CONDITIONS: Final = 8  # 8! orders of one seed's ranks


@dataclass(frozen=True, kw_only=True)
class PageResult:
    """Page's L test of an increasing order.

    Parameters
    ----------
    n, conditions
        Seeds and ordered conditions.
    statistic
        L = Σ j R_j over conditions j with rank sums R_j.
    correlation
        Mean Spearman correlation of a seed's values with the predicted order, -1…1; 0 where every
        seed's values are all tied.
    p
        Two-sided: twice the smaller tail, at most 1; 1 below 6 seeds.
    p_increasing
        One-sided, for the predicted order; 1 below 6 seeds.
    """

    n: int
    conditions: int
    statistic: float
    correlation: float
    p: float
    p_increasing: float


def page_trend(values: ArrayLike) -> PageResult:
    """Test whether values rise along an ordered axis, seed by seed.

    Page 1963, JASA 58:216, eq. 1. scipy's ``page_trend_test`` has an exact null distribution only
    without ties; here each seed's own ranks are permuted and the sums convolved, which is exact
    with ties (averaged ranks) up to 8 conditions. Above, Page's normal approximation with the
    variance of the tied ranks.

    Parameters
    ----------
    values
        Shape (n, conditions), columns in the predicted increasing order, any unit.

    Raises
    ------
    ValueError
        Not a table, fewer than two conditions, NaN or infinite values.
    """
    table = _table(values)
    n, k = table.shape
    ranks = stats.rankdata(table, axis=1)
    order = np.arange(1, k + 1, dtype=np.float64)
    statistic = float((ranks @ order).sum())
    centred = order - order.mean()
    spread = np.sqrt(((ranks - ranks.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))
    scale = spread * np.sqrt((centred**2).sum())
    each = np.divide(ranks @ centred, scale, out=np.zeros(n), where=scale > 0)
    upper = lower = 1.0
    if n >= MINIMUM_SEEDS:
        upper, lower = (_exact_tails if k <= _EXACT_CONDITIONS else _normal_tails)(ranks)
    return PageResult(
        n=n,
        conditions=k,
        statistic=statistic,
        correlation=float(each.mean()) if n else 0.0,
        p=min(1.0, 2 * min(upper, lower)),
        p_increasing=upper,
    )


def slopes(values: ArrayLike, positions: ArrayLike) -> FloatArray:
    """Least-squares slope of each seed's values over an axis.

    Parameters
    ----------
    values
        Shape (n, conditions), any unit.
    positions
        Shape (conditions,), e.g. log2 of the batch size; then slopes are per doubling.

    Returns
    -------
    numpy.ndarray
        Shape (n,), the unit of the values per unit of the positions. The slope of the differences
        of two arms is the difference of their slopes: pass ``first - second`` for the interaction.

    Raises
    ------
    ValueError
        Shapes that don't fit, NaN or infinite values, or positions that are all the same.
    """
    table, x = _table(values), sample(positions, "positions")
    if x.size != table.shape[1]:
        raise ValueError(f"{table.shape[1]} conditions but {x.size} positions")
    centred = x - x.mean()
    square = float(centred @ centred)
    if square == 0:
        raise ValueError("a slope needs at least two different positions")
    result: FloatArray = table @ centred / square
    return result


def interaction(
    first: ArrayLike, second: ArrayLike, reference_first: ArrayLike, reference_second: ArrayLike
) -> FloatArray:
    """How much the arms' difference changes between a condition and a reference, seed by seed.

    Parameters
    ----------
    first, second
        The two arms in the condition of interest, shape (n,), same seeds in the same order.
    reference_first, reference_second
        The same arms and seeds in the reference condition.

    Returns
    -------
    numpy.ndarray
        (first − second) − (reference_first − reference_second), shape (n,).

    Raises
    ------
    ValueError
        Lengths differ, NaN or infinite values.
    """
    arms = [sample(v) for v in (first, second, reference_first, reference_second)]
    if len({a.size for a in arms}) != 1:
        raise ValueError(f"not the same seeds in the four cells: {[a.size for a in arms]}")
    return (arms[0] - arms[1]) - (arms[2] - arms[3])


def _table(values: ArrayLike) -> FloatArray:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"seeds × conditions (at least 2) are needed, not shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("NaN or infinite value in seeds × conditions")
    return table


def _exact_tails(ranks: FloatArray) -> tuple[float, float]:
    """P(L ≥ observed) and P(L ≤ observed) over all orders of every seed's ranks."""
    doubled = np.rint(2 * ranks).astype(np.int64)  # averaged ranks are halves: count in integers
    chances = np.ones(1)
    offset = 0
    for row in doubled:
        lowest, row_chances = _row_distribution(tuple(sorted(row.tolist())))
        chances = np.convolve(chances, row_chances)
        offset += lowest
    observed = int((doubled @ np.arange(1, doubled.shape[1] + 1)).sum()) - offset
    upper, lower = chances[observed:].sum(), chances[: observed + 1].sum()
    return min(1.0, float(upper)), min(1.0, float(lower))


@lru_cache(maxsize=4096)
def _row_distribution(ranks: tuple[int, ...]) -> tuple[int, FloatArray]:
    """Distribution of Σ j r_j over all orders: its smallest value, and the chances from there."""
    orders = np.array(list(itertools.permutations(ranks)))
    sums = orders @ np.arange(1, len(ranks) + 1)
    lowest = int(sums.min())
    return lowest, np.bincount(sums - lowest) / sums.size


def _normal_tails(ranks: FloatArray) -> tuple[float, float]:
    k = ranks.shape[1]
    order = np.arange(1, k + 1) - (k + 1) / 2
    deviation = float((ranks @ order).sum())  # L minus its mean
    variance = float((order @ order) * ranks.var(axis=1, ddof=1).sum())
    if variance == 0:
        return 1.0, 1.0
    z = deviation / math.sqrt(variance)
    return float(special.ndtr(-z)), float(special.ndtr(z))
