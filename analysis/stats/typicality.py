"""Whether a single value published elsewhere is typical of our distribution of single runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.stats.effect_size import effect_size
from analysis.stats.inputs import MINIMUM_SEEDS, is_constant, require_positive, sample
from analysis.stats.noncentral import noncentral_t_cdf

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, kw_only=True)
class TypicalityResult:
    """How many standard deviations between seeds a value lies from the mean of single runs.

    Parameters
    ----------
    n
        Seeds.
    z, low, high
        Standard deviations above the mean, and the exact 95 % interval of its true value.
    p_outside
        Test of "it lies within ±limit": small says that it does not.
    p_inside
        Test of "it lies outside ±limit": small says that it lies within. The two can't both be
        small, and with few seeds neither is.
    """

    n: int
    z: float
    low: float
    high: float
    p_outside: float
    p_inside: float


def typicality(differences: ArrayLike, limit: float = 1.96) -> TypicalityResult:
    """Test where a published value lies in units of the standard deviation between seeds.

    With d = value − run, mean(d)/sd(d) √n follows a noncentral t with n − 1 degrees of freedom and
    noncentrality ζ √n, where ζ is the true standardized distance (Owen 1968, Technometrics 10:445,
    §2, as for tolerance limits). Both one-sided tests are made at ζ = ±limit.

    Parameters
    ----------
    differences
        Value minus each of our runs, shape (n,), any unit.
    limit
        Standard deviations; 1.96 holds the central 95 % of normal single runs.

    Returns
    -------
    TypicalityResult
        Below 6 seeds, or where all runs are the same number and so have no spread to measure by:
        an infinite interval and both p values 1; ``z`` is NaN where there is no spread.

    Raises
    ------
    ValueError
        NaN or infinite differences, or a limit that is not positive.
    """
    x = sample(differences)
    require_positive(limit, "limit")
    n = x.size
    if n < MINIMUM_SEEDS or is_constant(x):
        z = math.nan if is_constant(x) else float(x.mean() / x.std(ddof=1))
        return TypicalityResult(n=n, z=z, low=-math.inf, high=math.inf, p_outside=1.0, p_inside=1.0)
    effect = effect_size(float(x.mean()), float(x.std(ddof=1)), n)
    t = abs(effect.value) * math.sqrt(n)
    inside = noncentral_t_cdf(t, n - 1, limit * math.sqrt(n))
    return TypicalityResult(
        n=n,
        z=effect.value,
        low=effect.low,
        high=effect.high,
        p_outside=max(0.0, 1.0 - inside),
        p_inside=min(1.0, inside),
    )
