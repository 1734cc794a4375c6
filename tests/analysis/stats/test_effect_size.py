"""d_z and its interval."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.stats.effect_size import effect_size


@given(st.floats(-50, 50), st.integers(6, 200))
def test_each_limit_puts_the_observed_t_in_a_tail(mean, n):
    result = effect_size(mean, 1.0, n)
    t = abs(mean) * math.sqrt(n)
    low, high = (result.low, result.high) if mean >= 0 else (-result.high, -result.low)
    for limit, tail in ((low, 0.975), (high, 0.025)):
        theirs = stats.nct.cdf(t, n - 1, limit * math.sqrt(n))
        assert math.isnan(theirs) or theirs == pytest.approx(tail, abs=1e-7)
    assert result.low < result.value < result.high


def test_large_effects_follow_the_standard_deviation_alone():
    # t = δ / S: the limits of δ are t times those of the standard deviation
    result = effect_size(1e6, 1.0, 12)
    limits = [1e6 * math.sqrt(stats.chi2.ppf(q, 11) / 11) for q in (0.025, 0.975)]
    assert (result.low, result.high) == pytest.approx(limits, rel=1e-6)


@pytest.mark.parametrize(("mean", "value"), [(0.2, math.inf), (-0.2, -math.inf), (0.0, 0.0)])
def test_without_spread_nothing_is_known_about_the_size(mean, value):
    result = effect_size(mean, 0.0, 8)
    assert (result.value, result.low, result.high) == (value, -math.inf, math.inf)


def test_one_seed_has_no_effect_size():
    result = effect_size(1.0, math.nan, 1)
    assert math.isnan(result.value)
    assert (result.low, result.high) == (-math.inf, math.inf)


def test_few_seeds_have_an_effect_size_but_no_interval():
    result = effect_size(1.0, 2.0, 5)
    assert (result.value, result.low, result.high) == (0.5, -math.inf, math.inf)
