"""Cohen's d_z, the standardized mean of paired differences, with its exact interval.

Neither scipy nor statsmodels has this interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import optimize, special

from analysis.stats.inputs import MINIMUM_SEEDS, require_probability
from analysis.stats.noncentral import noncentral_t_cdf


@dataclass(frozen=True)
class EffectSize:
    """d_z = mean / standard deviation of the differences (a pure number), with its interval."""

    value: float
    low: float
    high: float


def effect_size(mean: float, sd: float, n: int, *, confidence: float = 0.95) -> EffectSize:
    """Standardize a mean difference and give the interval from the noncentral t distribution.

    t = d_z √n follows a noncentral t with n − 1 degrees of freedom and noncentrality δ √n; the
    interval holds every δ under which the observed t is not in a tail (Cumming and Finch 2001,
    eq. 15 to 17; Lakens 2013, eq. 7 for d_z). d_z is not corrected for its small-sample bias.

    Parameters
    ----------
    mean, sd
        Of the differences, same unit; sd with n − 1 in the denominator.
    n
        Seeds.
    confidence
        Of the interval.

    Returns
    -------
    EffectSize
        With sd = 0: ±inf (0 for a mean of 0) and an infinite interval, for nothing is known about
        the unit that the effect is measured in. Below 6 seeds the interval is infinite too, and
        below 2 the value is NaN.
    """
    require_probability(confidence, "confidence")
    if n < 2:
        return EffectSize(math.nan, -math.inf, math.inf)
    if not sd > 0:
        value = math.copysign(math.inf, mean) if mean else 0.0
        return EffectSize(value, -math.inf, math.inf)
    value = mean / sd
    if n < MINIMUM_SEEDS:
        return EffectSize(value, -math.inf, math.inf)
    t, df, tail = value * math.sqrt(n), n - 1, (1 - confidence) / 2
    # One code path for both signs, so that swapping the arms mirrors the interval exactly.
    low, high = (noncentrality(abs(t), df, q) / math.sqrt(n) for q in (1 - tail, tail))
    return EffectSize(value, low, high) if t >= 0 else EffectSize(value, -high, -low)


def noncentrality(t: float, df: int, probability: float) -> float:
    """Find the noncentrality under which t is this quantile, for t ≥ 0."""
    # t = (z + δ) / √(χ²/df): χ² alone gives the limit for large t, z alone that for t near 0.
    limit = t * math.sqrt(special.chdtri(df, probability) / df)
    reach = 12.0 + abs(t - limit)
    return float(
        optimize.brentq(
            lambda nc: noncentral_t_cdf(t, df, nc) - probability,
            limit - reach,
            limit + reach,
            xtol=1e-10,
        )
    )
