"""Two one-sided tests: edges, and agreement with statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from analysis.stats.equivalence import equivalence

samples = st.lists(st.floats(-10, 10).map(lambda x: round(x, 6)), min_size=6, max_size=20)


@given(samples, st.floats(0.01, 20))
def test_agrees_with_statsmodels(x, margin):
    result = equivalence(x, margin)
    if np.ptp(x) > 1e-6:
        theirs = DescrStatsW(x).ttost_mean(-margin, margin)[0]
        assert result.p == pytest.approx(theirs, rel=1e-7, abs=1e-14)


@given(samples, st.floats(0.01, 20))
def test_passes_exactly_when_the_90_percent_interval_is_inside(x, margin):
    result = equivalence(x, margin)
    edge = min(abs(margin - result.high), abs(result.low + margin))
    if edge > 1e-9:
        assert result.equivalent == (-margin < result.low and result.high < margin)


@pytest.mark.parametrize("n", range(6))
def test_too_few_seeds_are_never_equivalent(n):
    result = equivalence(np.zeros(n), 1.0)
    assert not result.enough
    assert not result.equivalent
    assert result.p == 1.0
    assert (result.low, result.high) == (-math.inf, math.inf)


def test_no_significance_is_not_equivalence():
    assert not equivalence([3, -3, 2, -2, 1, -1.1], 0.5).equivalent


@pytest.mark.parametrize(
    ("value", "p"),
    [(0.0, 2**-6), (0.099, 2**-6), (-0.099, 2**-6), (0.1, 1.0), (0.2, 1.0), (-0.2, 1.0)],
)
def test_equal_differences_pass_by_sign_flips_inside_the_margin_only(value, p):
    result = equivalence([value] * 6, 0.1)
    assert result.p == p
    assert result.low == result.high == pytest.approx(value)


@pytest.mark.parametrize("margin", [0.0, -1.0, math.inf, math.nan])
def test_a_margin_is_positive_and_finite(margin):
    with pytest.raises(ValueError, match="margin"):
        equivalence(np.arange(6.0), margin)
