"""The exact sign-flip test against the walk through all patterns."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.stats.permutation import EXACT_LIMIT, sign_flip_p


def slow_twin(x, alternative="two-sided"):
    """All patterns, one after the other, in whole numbers."""
    sums = [sum(s * v for s, v in zip(signs, x, strict=True))
            for signs in itertools.product((-1, 1), repeat=len(x))]  # fmt: skip
    if alternative == "two-sided":
        return sum(abs(s) >= abs(sum(x)) for s in sums) / len(sums)
    return sum(s >= sum(x) for s in sums) / len(sums)


@given(st.lists(st.integers(-5, 5), max_size=11), st.sampled_from(["two-sided", "greater"]))
def test_agrees_with_all_patterns_ties_and_zeros_included(x, alternative):
    assert sign_flip_p(x, alternative=alternative) == slow_twin(x, alternative)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=10), st.floats(1e-9, 1e9))
def test_ties_survive_any_unit(x, unit):
    assert sign_flip_p(np.array(x) * unit) == slow_twin(x)


def test_agrees_with_scipy_at_16():
    x = np.random.default_rng(5).normal(0.4, 1, 16)
    theirs = stats.permutation_test(
        (x, np.zeros(16)),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
        batch=2**14,
    )
    assert sign_flip_p(x) == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize("n", [24, EXACT_LIMIT])
def test_exact_up_to_the_limit(n):
    assert sign_flip_p(np.ones(n)) == 2 / 2**n
    # One large difference: p is decided by its sign alone, and by whether the rest outweighs it.
    x = np.r_[np.ones(n - 1) * 1e-3, 1.0]
    assert sign_flip_p(-x) == 2 / 2**n


def test_above_the_limit_the_sampled_p_is_close_repeatable_and_never_zero():
    x = np.random.default_rng(1).normal(0.2, 1, EXACT_LIMIT + 8)
    p = sign_flip_p(x)
    assert p == sign_flip_p(x)
    assert p == pytest.approx(stats.ttest_1samp(x, 0).pvalue, abs=0.01)
    assert sign_flip_p(np.ones(40)) == 1 / 100_001


def test_nothing_to_flip():
    assert sign_flip_p([]) == 1.0
    assert sign_flip_p([0.0] * 8) == 1.0
    assert sign_flip_p([1.0]) == 1.0


def test_unknown_alternative():
    with pytest.raises(ValueError, match="alternative"):
        sign_flip_p([1.0], alternative="less")
