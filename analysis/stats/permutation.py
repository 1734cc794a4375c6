"""The exact sign-flip permutation test of paired differences.

scipy has ``permutation_test(permutation_type="samples")``, which walks through all 2ⁿ sign
patterns: 0.3 s at n = 16. Written by hand, because splitting the pairs in two halves and counting
over sorted half sums gives the same exact p in microseconds, and up to n = 32.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.stats.inputs import sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from analysis.stats.inputs import FloatArray

EXACT_LIMIT: Final = 32  # 2¹⁶ sums in each half
RANDOM_FLIPS: Final = 100_000
_TIE: Final = 1e-12  # sums that are equal but for rounding count as equal


def sign_flip_p(differences: ArrayLike, *, alternative: str = "two-sided", seed: int = 0) -> float:
    """Test that paired differences are symmetric about 0 by flipping their signs.

    The statistic is the sum of the differences. Under the hypothesis every difference was as likely
    to have the other sign, so p is the share of the 2ⁿ sign patterns whose sum is at least as
    extreme as the observed one (Fisher 1935, The Design of Experiments, §21; Pitman 1937). Exact up
    to n = 32; above, 100,000 seeded random patterns with p = (b + 1) / (m + 1), which keeps the
    test valid (Phipson and Smyth 2010, eq. 2). The same input always gives the same p.

    Parameters
    ----------
    differences
        Shape (n,), any unit.
    alternative
        ``two-sided`` or ``greater``.
    seed
        Of the random patterns; not used up to n = 32.

    Returns
    -------
    float
        p; 1 where there is no difference at all (n = 0, or all are zero).

    Raises
    ------
    ValueError
        NaN or infinite differences, or an unknown alternative.
    """
    if alternative not in ("two-sided", "greater"):
        raise ValueError(f"alternative must be two-sided or greater, not {alternative!r}")
    x = sample(differences)
    scale = np.abs(x).sum()
    if scale == 0:
        return 1.0
    x = x / scale  # sums now lie in [-1, 1], so one tolerance for ties serves all units
    observed = x.sum()
    if alternative == "two-sided":
        observed = abs(observed)
        if observed <= _TIE:
            return 1.0
    threshold = observed - _TIE
    if x.size > EXACT_LIMIT:
        sums = _random_sums(x, seed)
        extreme = np.abs(sums) if alternative == "two-sided" else sums
        return float((np.count_nonzero(extreme >= threshold) + 1) / (sums.size + 1))
    share = _upper_share(x, threshold)
    # The distribution is symmetric: the lower tail has the same size, and the two don't overlap.
    return min(1.0, 2 * share if alternative == "two-sided" else share)


def _upper_share(x: FloatArray, threshold: float) -> float:
    """Share of the 2ⁿ sign patterns whose sum reaches the threshold (Horowitz and Sahni 1974)."""
    half = x.size // 2
    left = _signs(half) @ x[:half]
    right = np.sort(_signs(x.size - half) @ x[half:])
    below = np.searchsorted(right, threshold - left, side="left")
    return float((right.size - below).sum() / 2.0**x.size)


@lru_cache(maxsize=EXACT_LIMIT)
def _signs(n: int) -> FloatArray:
    """All sign patterns of n pairs, shape (2ⁿ, n)."""
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return (2 * bits - 1).astype(np.float64)


def _random_sums(x: FloatArray, seed: int) -> FloatArray:
    """Sum the differences under random signs, eight of them at a time by table."""
    total = np.zeros(RANDOM_FLIPS)
    for start, byte in zip(range(0, x.size, 8), _random_bytes(x.size, seed), strict=True):
        eight = x[start : start + 8]
        sums = _signs(eight.size) @ eight
        total += sums[byte & (sums.size - 1)]
    return total


@lru_cache(maxsize=2)
def _random_bytes(n: int, seed: int) -> NDArray[np.uint8]:
    """One random bit for each of n pairs and each pattern: shape (⌈n/8⌉, patterns)."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, size=(-(-n // 8), RANDOM_FLIPS), dtype=np.uint8)
