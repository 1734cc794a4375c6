"""Paired comparison of two arms over seeds: the test that every verdict rests on.

The rule for a constant sample (every difference the same number, standard deviation 0): the t test
has no error to compare with and would claim p = 0 from two seeds, so the exact sign-flip test takes
its place. n equal differences d ≠ 0 give p = 2 / 2ⁿ. Inverting that test rejects every value but d
from 6 seeds on, so the interval is [d, d]. Differences that are all exactly 0 give p = 1 and the
interval [0, 0]. Such samples come from counted quantities (bytes, operations), where this is the
whole truth, or from a measure too coarse to see a difference; ``constant`` says so to the reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from analysis.stats.effect_size import EffectSize, effect_size
from analysis.stats.inputs import (
    MINIMUM_SEEDS,
    is_constant,
    paired_samples,
    require_probability,
    sample,
)
from analysis.stats.permutation import sign_flip_p
from analysis.stats.planning import DEFAULT_POWER, detectable_effect, seeds_needed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from analysis.stats.inputs import FloatArray


@dataclass(frozen=True, kw_only=True)
class PairedResult:
    """Everything that a report says about one sample of paired differences.

    Parameters
    ----------
    n
        Seeds.
    estimate
        Mean difference, in the data's unit; NaN for n = 0.
    low, high
        The 1 − alpha t interval of the mean; infinite below 6 seeds.
    p
        Two-sided paired t test; 1 below 6 seeds.
    sd
        Standard deviation of the differences (n − 1); NaN for n < 2.
    enough
        At least 6 seeds. Without them only ``estimate`` and ``sd`` mean something: no test is made
        and no verdict may be given.
    constant
        All differences are the same number; see the rule at the top of this module.
    alpha, power, margin
        Level of interval, flag and planning; chance of a finding that planning asks for; smallest
        difference worth knowing.
    differences
        What was tested, shape (n,).

    What follows from these is worked out when it is first asked for: permutation, effect size and
    planning take twenty times as long as the test, and calibration asks for the test alone.
    """

    n: int
    estimate: float
    low: float
    high: float
    p: float
    sd: float
    enough: bool
    constant: bool
    alpha: float
    power: float
    margin: float
    differences: FloatArray = field(repr=False, compare=False)

    @cached_property
    def p_permutation(self) -> float:
        """Exact two-sided sign-flip test; 1 below 6 seeds."""
        return sign_flip_p(self.differences) if self.enough else 1.0

    @property
    def disagree(self) -> bool:
        """One of the two p values is below alpha and the other is not."""
        return (self.p < self.alpha) != (self.p_permutation < self.alpha)

    @property
    def effect_size(self) -> float:
        """d_z = estimate / sd; see :func:`analysis.stats.effect_size.effect_size`."""
        return self._effect.value

    @property
    def effect_low(self) -> float:
        """Lower limit of d_z."""
        return self._effect.low

    @property
    def effect_high(self) -> float:
        """Upper limit of d_z."""
        return self._effect.high

    @cached_property
    def minimum_detectable(self) -> float:
        """Smallest true difference that the t test finds with ``power`` at this n and sd."""
        if not self.enough:
            return math.inf
        return self.sd * detectable_effect(self.n, alpha=self.alpha, power=self.power)

    @cached_property
    def seeds_needed(self) -> int | None:
        """Seeds that would settle the claim were the estimate the truth; None where none would.

        See :func:`analysis.stats.planning.seeds_needed`.
        """
        return seeds_needed(
            self.estimate, self.sd, margin=self.margin, alpha=self.alpha, power=self.power
        )

    @cached_property
    def _effect(self) -> EffectSize:
        return effect_size(self.estimate, self.sd, self.n, confidence=1 - self.alpha)


def paired(
    differences: ArrayLike,
    *,
    margin: float = 0.0,
    alpha: float = 0.05,
    power: float = DEFAULT_POWER,
) -> PairedResult:
    """Estimate and test a mean paired difference.

    Student 1908; the interval is mean ± t_{n−1, 1−alpha/2} sd/√n. Formulas over scipy's t
    distribution because calibration calls this some million times; tested against
    ``scipy.stats.ttest_1samp`` and R. BCa bootstrap intervals are not used: they cover 83 to 90 %
    at n ≤ 20.

    Parameters
    ----------
    differences
        Shape (n,), one per seed, oriented so that the claim predicts a positive mean; for ratios
        the log ratios (:func:`log_ratios`).
    margin
        The claim's smallest difference worth knowing, same unit; only planning uses it.
    alpha
        Level.
    power
        For minimum detectable effect and seeds needed.

    Raises
    ------
    ValueError
        NaN or infinite differences, or a negative margin.
    """
    x = sample(differences)
    require_probability(alpha, "alpha")
    require_probability(power, "power")
    if not margin >= 0:
        raise ValueError(f"margin must not be negative, not {margin}")
    n = x.size
    estimate = float(x.mean()) if n else math.nan
    enough, constant = n >= MINIMUM_SEEDS, n >= 2 and is_constant(x)
    sd = (0.0 if constant else float(x.std(ddof=1))) if n >= 2 else math.nan
    low, high, p = -math.inf, math.inf, 1.0
    if enough and constant:
        low = high = estimate
        p = sign_flip_p(x)
    elif enough:
        error = sd / math.sqrt(n)
        half = float(special.stdtrit(n - 1, 1 - alpha / 2)) * error
        low, high = estimate - half, estimate + half
        p = 2 * float(special.stdtr(n - 1, -abs(estimate) / error))
    return PairedResult(
        n=n,
        estimate=estimate,
        low=low,
        high=high,
        p=p,
        sd=sd,
        enough=enough,
        constant=constant,
        alpha=alpha,
        power=power,
        margin=margin,
        differences=x,
    )


def log_ratios(treatment: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Logarithm of the ratio of two arms, seed by seed.

    Parameters
    ----------
    treatment, baseline
        Shape (n,), positive, same unit (steps, seconds, bytes).

    Returns
    -------
    numpy.ndarray
        ln(treatment / baseline), shape (n,); ``exp`` of its mean is the ratio of geometric means.

    Raises
    ------
    ValueError
        Not paired, not finite, or not positive: a ratio to 0 has no logarithm.
    """
    a, b = paired_samples(treatment, baseline, ("treatment", "baseline"))
    if not ((a > 0).all() and (b > 0).all()):
        raise ValueError("a log ratio needs positive numbers in both arms")
    return np.log(a) - np.log(b)
