"""Steps-to-target, censored at the budget: restricted mean, Kaplan–Meier and a paired log-rank.

A time is a positive number; ``inf`` says that the target was not reached within the budget. The
verdict rests on the restricted time min(T, budget), which is known for every seed and so is paired
like any other outcome (Royston and Parmar 2013, BMC Med. Res. Methodol. 13:152). Curves and
log-rank are for the picture.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

from analysis.stats.inputs import MINIMUM_SEEDS, require_positive
from analysis.stats.permutation import sign_flip_p
from analysis.stats.proportions import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from analysis.stats.inputs import FloatArray

_ROUNDING: Final = 1e-9


def restricted_times(times: ArrayLike, budget: float) -> FloatArray:
    """Restrict times to the budget: min(T, budget).

    Parameters
    ----------
    times
        Shape (n,), positive, ``inf`` where the target was not reached.
    budget
        The longest time that was watched, same unit.

    Raises
    ------
    ValueError
        A NaN, a negative time, or a budget that is not positive and finite.
    """
    require_positive(budget, "budget")
    t = np.asarray(times, dtype=np.float64)
    if t.ndim != 1:
        raise ValueError(f"one time per seed is needed, not an array of {t.shape}")
    if np.isnan(t).any() or (t < 0).any():
        raise ValueError("times must be 0 or more, inf where the target was not reached")
    return np.minimum(t, budget)


@dataclass(frozen=True, kw_only=True)
class RestrictedContrast:
    """Two arms' restricted times, ready for pairing.

    Parameters
    ----------
    first, second
        min(T, budget), shape (n,).
    first_reached, second_reached
        Seeds that reached the target within the budget.
    informative
        In at least half of the pairs some arm reached the target. If not (both arms all or mostly
        censored), the restricted times agree because the budget was too short, which is evidence
        of nothing: no verdict may be given, least of all "no practical difference".
    bound
        One arm never reached the target and the other did: the direction is known, and the
        restricted difference is a lower bound of the true one.
    """

    first: FloatArray
    second: FloatArray
    first_reached: int
    second_reached: int
    informative: bool
    bound: bool


def restricted_contrast(first: ArrayLike, second: ArrayLike, budget: float) -> RestrictedContrast:
    """Restrict two arms to the budget and say what censoring leaves to be known.

    Parameters
    ----------
    first, second
        Times of the same seeds in the same order, shape (n,), ``inf`` where not reached.
    budget
        Longest time watched, same unit.

    Raises
    ------
    ValueError
        As :func:`restricted_times`, or the lengths differ.
    """
    a, b = restricted_times(first, budget), restricted_times(second, budget)
    if a.size != b.size:
        raise ValueError(f"{a.size} and {b.size} seeds: not paired")
    a_reached, b_reached = _reached(first, budget), _reached(second, budget)
    either = int((a_reached | b_reached).sum())
    return RestrictedContrast(
        first=a,
        second=b,
        first_reached=int(a_reached.sum()),
        second_reached=int(b_reached.sum()),
        informative=a.size > 0 and 2 * either >= a.size,
        bound=bool(a_reached.any()) != bool(b_reached.any()),
    )


@dataclass(frozen=True, kw_only=True)
class KaplanMeier:
    """Share of seeds that have not reached the target yet.

    Parameters
    ----------
    times
        Where the curve steps, shape (points,), starting with 0.
    survival, low, high
        Value from each time on, with a pointwise 95 % band, shape (points,), 0…1.
    n, reached
        Seeds, and those that reached the target.
    median
        Time by which half of the seeds have reached it, for an even number between the two in the
        middle; inf where not more than half did.
    """

    times: FloatArray
    survival: FloatArray
    low: FloatArray
    high: FloatArray
    n: int
    reached: int
    median: float


def kaplan_meier(times: ArrayLike, budget: float, *, confidence: float = 0.95) -> KaplanMeier:
    """Estimate the curve of seeds that still train towards the target.

    Kaplan and Meier 1958; Greenwood's variance on the log(−log) scale (Kalbfleisch and Prentice
    1980, §1.3; R ``survfit(conf.type="log-log")``), by ``scipy.stats.ecdf``. Where the curve is
    exactly 1 or 0 that interval doesn't exist; Wilson's interval of 0 or n out of n stands in, so
    that the band never has width 0. No seed at all: the curve is 1 with the band 0…1.

    Parameters
    ----------
    times
        Shape (n,), ``inf`` where not reached.
    budget
        Longest time watched.
    """
    t = restricted_times(times, budget)
    reached = _reached(times, budget)
    n = t.size
    if n == 0:
        one = np.ones(1)
        return KaplanMeier(
            times=np.zeros(1), survival=one, low=np.zeros(1), high=one, n=0, reached=0,
            median=math.inf,
        )  # fmt: skip
    curve = stats.ecdf(stats.CensoredData(uncensored=t[reached], right=t[~reached])).sf
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        band = curve.confidence_interval(confidence_level=confidence, method="log-log")
    at = np.concatenate([[0.0], curve.quantiles])
    survival = np.concatenate([[1.0], curve.probabilities])
    low = np.concatenate([[math.nan], band.low.probabilities])
    high = np.concatenate([[math.nan], band.high.probabilities])
    for edge, count in ((1.0, n), (0.0, 0)):
        there = survival == edge
        low[there], high[there] = wilson_interval(count, n, confidence=confidence)
    return KaplanMeier(
        times=at,
        survival=survival,
        low=low,
        high=high,
        n=n,
        reached=int(reached.sum()),
        median=_median(at, survival),
    )


def _median(at: FloatArray, survival: FloatArray) -> float:
    """Midpoint of the piece where the curve is exactly one half, else where it passes it."""
    below = at[survival < 0.5 - _ROUNDING]
    half = at[survival < 0.5 + _ROUNDING]
    return float((half[0] + below[0]) / 2) if below.size else math.inf


@dataclass(frozen=True, kw_only=True)
class LogRankResult:
    """Paired log-rank test of two arms.

    Parameters
    ----------
    n
        Pairs.
    observed, expected
        Seeds of the first arm that reached the target, and how many would have, were the arms the
        same: more observed than expected says that the first arm is faster.
    p
        Two-sided; 1 below 6 seeds, and where no seed of either arm reached the target.
    """

    n: int
    observed: int
    expected: float
    p: float


def paired_log_rank(first: ArrayLike, second: ArrayLike, budget: float) -> LogRankResult:
    """Compare two arms' times by the log-rank scores, permuted within pairs.

    Every seed's score is event − cumulative hazard at its time, from the Nelson–Aalen estimate of
    all 2n runs (the log-rank scores, Peto and Peto 1972, eq. 8); scores of an arm sum to observed −
    expected. Swapping the arms of a pair leaves the pool as it is, so the exact test flips the sign
    of each pair's difference of scores (O'Brien and Fleming 1987, Biometrics 43:169). scipy's
    ``logrank`` is asymptotic and unpaired: too liberal at these n.

    Parameters
    ----------
    first, second
        Times of the same seeds in the same order, shape (n,), ``inf`` where not reached.
    budget
        Longest time watched, same unit.

    Raises
    ------
    ValueError
        As :func:`restricted_times`, or the lengths differ.
    """
    contrast = restricted_contrast(first, second, budget)
    n = contrast.first.size
    t = np.concatenate([contrast.first, contrast.second])
    event = np.concatenate([_reached(first, budget), _reached(second, budget)])
    moments = np.unique(t[event])
    at_risk = t.size - np.searchsorted(np.sort(t), moments, side="left")
    events = (t[event][:, None] == moments).sum(axis=0)
    hazard = np.concatenate([[0.0], np.cumsum(events / at_risk)])
    scores = event - hazard[np.searchsorted(moments, t, side="right")]
    observed = contrast.first_reached
    return LogRankResult(
        n=n,
        observed=observed,
        expected=float(observed - scores[:n].sum()),
        p=sign_flip_p(scores[:n] - scores[n:]) if n >= MINIMUM_SEEDS else 1.0,
    )


def _reached(times: ArrayLike, budget: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray(times, dtype=np.float64) <= budget
