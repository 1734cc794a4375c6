"""Shares of seeds: how often a condition diverges, with an interval that is honest at 0 and n."""

from __future__ import annotations

from scipy import stats

from analysis.stats.inputs import require_probability


def wilson_interval(count: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion.

    Wilson 1927, JASA 22:209, without continuity correction; by scipy. 0 of 12 gives 0…24 %,
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
    interval = stats.binomtest(count, n).proportion_ci(confidence, method="wilson")
    # At 0 and n the limit is exact; scipy leaves rounding there.
    return 0.0 if count == 0 else float(interval.low), 1.0 if count == n else float(interval.high)
