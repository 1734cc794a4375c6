"""Shares of seeds: how often a condition diverges, with an interval that is honest at 0 and n."""

from __future__ import annotations

from statsmodels.stats.proportion import proportion_confint

from analysis.stats.inputs import require_probability


def wilson_interval(count: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion.

    Wilson 1927, JASA 22:209, without continuity correction; by statsmodels. 0 of 12 gives 0…24 %,
    not 0…0.

    Parameters
    ----------
    count, n
        Seeds with the property, and seeds in all; n = 0 gives (0, 1).

    Raises
    ------
    ValueError
        count is not in 0…n.
    """
    require_probability(confidence, "confidence")
    if not 0 <= count <= n:
        raise ValueError(f"count {count} does not lie in 0…{n}")
    if n == 0:
        return 0.0, 1.0
    low, high = proportion_confint(count, n, alpha=1 - confidence, method="wilson")
    # At 0 and n the limit is exact; statsmodels leaves rounding there.
    return 0.0 if count == 0 else float(low), 1.0 if count == n else float(high)
