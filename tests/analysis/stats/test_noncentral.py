"""The noncentral t distribution against scipy where scipy answers, and where it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from analysis.stats.noncentral import deviations, noncentral_t_cdf


@given(st.floats(0, 1000), st.integers(5, 300), st.floats(-4, 4))
def test_agrees_with_scipy(t, df, distance):
    noncentrality = t + distance * math.sqrt(1 + t**2 / (2 * df))
    theirs = special.nctdtr(df, noncentrality, t)
    if not math.isnan(theirs):
        assert noncentral_t_cdf(t, df, noncentrality) == pytest.approx(theirs, abs=1e-8)


def test_answers_where_scipy_does_not():
    assert math.isnan(stats.nct.cdf(4.6, 5, -7.5))  # when this fails, scipy's can take our place
    assert noncentral_t_cdf(4.6, 5, -7.5) == pytest.approx(1)


@given(st.floats(0, 50), st.integers(5, 100))
def test_without_noncentrality_it_is_student_s(t, df):
    assert noncentral_t_cdf(t, df, 0.0) == pytest.approx(special.stdtr(df, t), abs=1e-9)


@pytest.mark.parametrize("df", [5, 11, 1000])
def test_the_standard_deviation_s_moments(df):
    s, weights = deviations(df, 0.0, math.inf)
    assert weights.sum() == pytest.approx(1)
    assert weights @ s**2 == pytest.approx(1)
    _, lower = deviations(df, 0.0, 1.0)
    assert lower.sum() == pytest.approx(special.gammainc(df / 2, df / 2))
    assert np.size(deviations(df, 50.0, 60.0)[0]) == 0
