"""Equivalence: evidence that a difference is smaller than the smallest one worth knowing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import special

from analysis.stats.inputs import MINIMUM_SEEDS, is_constant, require_positive, sample
from analysis.stats.permutation import sign_flip_p

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, kw_only=True)
class EquivalenceResult:
    """Outcome of the two one-sided tests.

    Parameters
    ----------
    n
        Seeds.
    margin
        Differences inside (-margin, margin) don't matter; the data's unit.
    estimate
        Mean difference; NaN for n = 0.
    low, high
        The 1 − 2 alpha interval (90 %): it lies inside the margin exactly when ``equivalent``.
    p
        The larger of the two one-sided p values.
    equivalent
        p < alpha, from at least 6 seeds.
    enough
        At least 6 seeds; without them no test is made: p = 1 and the interval is infinite.
    """

    n: int
    margin: float
    estimate: float
    low: float
    high: float
    p: float
    equivalent: bool
    enough: bool


def equivalence(differences: ArrayLike, margin: float, *, alpha: float = 0.05) -> EquivalenceResult:
    """Test that the mean difference lies inside ±margin by two one-sided t tests (TOST).

    Schuirmann 1987, J. Pharmacokinet. Biopharm. 15, eq. 2 and 3. Formulas over scipy's t
    distribution because calibration calls this some million times; tested against statsmodels
    ``DescrStatsW.ttost_mean``.

    A constant sample has no standard error; then the one-sided sign-flip tests of the distance to
    either margin take the t tests' place, as in :func:`analysis.stats.paired.paired`. Six equal
    differences inside the margin so give p = 2⁻⁶ and pass, however far inside they are.

    Parameters
    ----------
    differences
        Paired differences, shape (n,), any unit.
    margin
        Smallest difference worth knowing, positive, same unit.
    alpha
        Level of each one-sided test.

    Raises
    ------
    ValueError
        NaN or infinite differences, or a margin that is not positive and finite.
    """
    x = sample(differences)
    require_positive(margin, "margin")
    n = x.size
    estimate = float(x.mean()) if n else math.nan
    if n < MINIMUM_SEEDS:
        low, high, p = -math.inf, math.inf, 1.0
    elif is_constant(x):
        low = high = estimate
        p = max(sign_flip_p(side, alternative="greater") for side in (margin - x, x + margin))
    else:
        error = float(x.std(ddof=1)) / math.sqrt(n)
        half = float(special.stdtrit(n - 1, 1 - alpha)) * error
        low, high = estimate - half, estimate + half
        p = float(special.stdtr(n - 1, (abs(estimate) - margin) / error))
    return EquivalenceResult(
        n=n,
        margin=margin,
        estimate=estimate,
        low=low,
        high=high,
        p=p,
        equivalent=p < alpha,
        enough=n >= MINIMUM_SEEDS,
    )
