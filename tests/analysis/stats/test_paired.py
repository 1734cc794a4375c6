"""The paired test: its edges, its rule for constant samples, and its invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.stats.paired import log_ratios, paired

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
samples = st.lists(numbers, min_size=6, max_size=20)


@pytest.mark.parametrize("n", range(6))
def test_too_few_seeds_give_an_estimate_and_nothing_else(n):
    result = paired(np.arange(1.0, n + 1))
    assert not result.enough
    assert (result.low, result.high) == (-math.inf, math.inf)
    assert result.p == result.p_permutation == 1.0
    assert result.minimum_detectable == math.inf
    assert math.isnan(result.estimate) if n == 0 else result.estimate == (n + 1) / 2
    assert math.isnan(result.sd) == (n < 2)


def test_six_seeds_are_enough():
    result = paired([0.9, 1.0, 1.1, 1.0, 0.95, 1.05])
    assert result.enough
    assert result.p < 0.05
    assert result.p_permutation == 2 / 64
    assert 0.9 < result.low < 1 < result.high < 1.1


@pytest.mark.parametrize("n", [6, 12])
def test_equal_differences_are_judged_by_the_sign_flip_test(n):
    result = paired(np.full(n, -0.3))
    assert result.constant
    assert result.sd == 0
    assert result.p == result.p_permutation == 2 / 2**n
    assert result.low == result.high == result.estimate == pytest.approx(-0.3)
    assert result.effect_size == -math.inf
    assert (result.effect_low, result.effect_high) == (-math.inf, math.inf)


def test_rounding_does_not_hide_that_differences_are_equal():
    arm = np.linspace(0.1, 0.97, 12)
    result = paired((arm + 0.1) - arm)
    assert result.constant
    assert result.p == 2 / 2**12


def test_identical_arms_show_no_difference_at_all():
    result = paired(np.zeros(12))
    assert (result.estimate, result.low, result.high, result.p) == (0, 0, 0, 1)
    assert result.effect_size == 0
    assert result.seeds_needed is None


def test_two_equal_differences_are_no_proof():
    assert paired([5.0, 5.0]).p == 1.0


def test_flag_where_t_and_permutation_disagree():
    assert paired([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]).disagree
    assert not paired(np.arange(1.0, 13)).disagree


def test_interval_follows_alpha():
    x = np.arange(12.0) ** 2 - 20
    wide, narrow = paired(x, alpha=0.01), paired(x, alpha=0.1)
    assert wide.low < narrow.low < narrow.high < wide.high
    expected = stats.ttest_1samp(x, 0).confidence_interval(0.99)
    assert (wide.low, wide.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("bad", [{"alpha": 0}, {"alpha": 1}, {"margin": -1}, {"power": 1}])
def test_senseless_settings_are_refused(bad):
    with pytest.raises(ValueError, match="must"):
        paired(np.arange(6.0), **bad)


@given(samples)
def test_agrees_with_scipy(x):
    result = paired(x)
    if result.constant:
        return
    theirs = stats.ttest_1samp(x, 0)
    assert result.p == pytest.approx(theirs.pvalue, rel=1e-7, abs=1e-14)
    interval = theirs.confidence_interval()
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high), rel=1e-7)


@given(samples)
def test_swapping_the_arms_mirrors_the_result(x):
    one, other = paired(x), paired(-np.asarray(x))
    assert one.p == other.p
    assert one.p_permutation == other.p_permutation
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    assert one.effect_low == pytest.approx(-other.effect_high)


@given(samples, st.floats(1e-6, 1e6))
def test_the_unit_does_not_matter(x, unit):
    one, other = paired(x, margin=0.5), paired(np.asarray(x) * unit, margin=0.5 * unit)
    assert one.p == pytest.approx(other.p, rel=1e-6, abs=1e-12)
    assert one.p_permutation == pytest.approx(other.p_permutation)
    assert one.minimum_detectable * unit == pytest.approx(other.minimum_detectable, rel=1e-6)


@given(samples)
def test_interval_holds_zero_exactly_when_p_is_not_small(x):
    result = paired(x)
    assert (result.p < 0.05) == (result.low > 0 or result.high < 0)


def test_log_ratios_give_the_ratio_of_geometric_means():
    a, b = np.array([2.0, 8.0]), np.array([1.0, 1.0])
    assert math.exp(paired(log_ratios(a, b)).estimate) == pytest.approx(4)
    assert log_ratios(a, b) == pytest.approx(-log_ratios(b, a))


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf])
def test_a_ratio_needs_positive_finite_numbers(bad):
    with pytest.raises(ValueError, match=r"positive|infinite"):
        log_ratios([1.0, bad], [1.0, 1.0])
