"""Power before and after: the minimum detectable effect, and how many seeds would settle a claim.

statsmodels knows the power of the t test but not that of the verdict rule (significant and at least
the margin) nor the exact power of the two one-sided tests, so both are integrated here over the
distribution of the standard deviation. On the t test's own power all three agree (tested).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from scipy import optimize, special

from analysis.stats.inputs import MINIMUM_SEEDS, require_probability
from analysis.stats.noncentral import deviations

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_POWER: Final = 0.8
MOST_SEEDS: Final = 100_000  # beyond this the honest answer is "no number of seeds"

Settles = Literal["difference", "equivalence"]


def detectable_effect(n: int, *, alpha: float = 0.05, power: float = DEFAULT_POWER) -> float:
    """Smallest true |d_z| that the two-sided paired t test finds with this power.

    Solves P(|T| > t_crit) = power for the noncentrality δ √n of T (Cohen 1988, §2.3; both tails are
    counted). Multiply by the standard deviation of the differences for the minimum detectable
    effect in the data's unit.

    Returns
    -------
    float
        A pure number; inf for n < 6, where no test is made.
    """
    require_probability(alpha, "alpha")
    require_probability(power, "power")
    return _detectable_effect(n, alpha, power) if n >= MINIMUM_SEEDS else math.inf


@lru_cache(maxsize=1024)
def _detectable_effect(n: int, alpha: float, power: float) -> float:
    def excess(effect: float) -> float:
        return t_test_power(effect, n, alpha=alpha) - power

    if excess(0.0) >= 0:
        return 0.0
    high = 1.0
    while excess(high) < 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-10))


def t_test_power(effect: float, n: int, *, alpha: float = 0.05) -> float:
    """Power of the two-sided paired t test at a true d_z of ``effect`` (Cohen 1988, §2.3)."""
    return min(1.0, sum(power_to_support(d, 1.0, n, alpha=alpha) for d in (effect, -effect)))


def power_to_support(
    effect: float, sd: float, n: int, *, margin: float = 0.0, alpha: float = 0.05
) -> float:
    """Chance that the estimate is significantly above 0 and at least the margin.

    Given the sample's standard deviation s the estimate must exceed max(margin, t_crit s/√n); the
    mean over s² ~ sd² χ²/(n − 1) is a Gauss–Legendre sum on either side of the kink.

    Parameters
    ----------
    effect, sd, margin
        True difference, its standard deviation over seeds, and the claim's margin; one unit.
    n
        Seeds.
    """
    critical = float(special.stdtrit(n - 1, 1 - alpha / 2))
    kink = margin * math.sqrt(n) / critical  # below this s the margin is the higher bar
    chance_below = float(special.gammainc((n - 1) / 2, (n - 1) * (kink / sd) ** 2 / 2))
    s, weights = deviations(n - 1, kink / sd, math.inf)
    above = special.ndtr(effect * math.sqrt(n) / sd - critical * s)
    return chance_below * float(special.ndtr((effect - margin) * math.sqrt(n) / sd)) + float(
        weights @ above
    )


def power_of_equivalence(
    effect: float, sd: float, n: int, *, margin: float, alpha: float = 0.05
) -> float:
    """Chance that the two one-sided tests pass.

    Phillips 1990, Power of the two one-sided tests procedure in bioequivalence, eq. 4, for paired
    differences. Parameters as for :func:`power_to_support`.
    """
    scale, critical = math.sqrt(n) / sd, float(special.stdtrit(n - 1, 1 - alpha))
    s, weights = deviations(n - 1, 0.0, margin * scale / critical)
    room = margin * scale - critical * s
    inside = special.ndtr(room - effect * scale) - special.ndtr(-room - effect * scale)
    return float(weights @ inside)


def seeds_needed(
    effect: float,
    sd: float,
    *,
    margin: float = 0.0,
    alpha: float = 0.05,
    power: float = DEFAULT_POWER,
) -> int | None:
    """How many seeds settle the claim with this power, were the estimate the truth.

    An effect of at least the margin settles it by support (or contradiction), a smaller one by
    equivalence; see :func:`settles`. The answer is an extrapolation from an estimate that is itself
    uncertain, so it says what a next run should plan for and promises nothing.

    Parameters
    ----------
    effect, sd
        Estimated difference and its standard deviation, in the data's unit.
    margin
        The claim's margin; 0 asks for significance alone.
    alpha
        Level of the test; divide by the size of the family to allow for Holm's worst case.

    Returns
    -------
    int or None
        At least 6; None where no number up to 100,000 does (the effect is 0 or is the margin).
    """
    require_probability(alpha, "alpha")
    require_probability(power, "power")
    size = abs(effect)
    if not (math.isfinite(size) and sd >= 0):
        return None
    if sd == 0:
        return MINIMUM_SEEDS if size > 0 or margin > 0 else None

    def reached(n: int) -> bool:
        chance: Callable[..., float] = (
            power_to_support if settles(size, margin) == "difference" else power_of_equivalence
        )
        return chance(size, sd, n, margin=margin, alpha=alpha) >= power

    enough = MINIMUM_SEEDS
    while not reached(enough):
        enough *= 2
        if enough > 2 * MOST_SEEDS:
            return None
    too_few = enough // 2 if enough > MINIMUM_SEEDS else MINIMUM_SEEDS - 1
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        too_few, enough = (too_few, middle) if reached(middle) else (middle, enough)
    return enough if enough <= MOST_SEEDS else None


def settles(effect: float, margin: float) -> Settles:
    """Say by which way a true effect of this size settles a claim with this margin."""
    return "difference" if abs(effect) >= margin else "equivalence"
