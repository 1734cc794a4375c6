"""Censored times: every kind of censoring has a stated answer."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.stats.paired import log_ratios, paired
from analysis.stats.survival import (
    kaplan_meier,
    paired_log_rank,
    restricted_contrast,
    restricted_times,
)

INF = math.inf
NEVER = np.full(8, INF)
SOON = np.arange(10.0, 18)
times = st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0, INF]), min_size=6, max_size=8)


def test_restricted_times_are_finite():
    assert restricted_times([5, 100, INF, 101], 100).tolist() == [5, 100, 100, 100]


def test_a_time_after_the_budget_is_censored_and_one_at_the_budget_is_not():
    contrast = restricted_contrast([100.0, 100.5], [1.0, 1.0], 100)
    assert contrast.first_reached == 1


@pytest.mark.parametrize(("bad", "budget"), [([-1.0], 9), ([1.0], 0), ([1.0], INF), ([[1.0]], 9)])
def test_what_is_no_time(bad, budget):
    with pytest.raises(ValueError, match=r"times|budget|time per seed"):
        restricted_times(bad, budget)


def test_both_arms_all_censored_is_evidence_of_nothing():
    contrast = restricted_contrast(NEVER, NEVER, 100)
    assert not contrast.informative
    assert not contrast.bound
    assert paired_log_rank(NEVER, NEVER, 100).p == 1.0


def test_one_arm_all_censored_is_a_bound_and_can_be_tested():
    contrast = restricted_contrast(SOON, NEVER, 100)
    assert contrast.informative
    assert contrast.bound
    result = paired(log_ratios(contrast.first, contrast.second))
    assert result.high < 0
    assert paired_log_rank(SOON, NEVER, 100).p == 2 / 2**8


def test_mostly_censored_pairs_are_not_informative():
    one = np.r_[SOON[:3], NEVER[:5]]
    assert not restricted_contrast(one, NEVER, 100).informative
    assert restricted_contrast(np.r_[SOON[:4], NEVER[:4]], NEVER, 100).informative
    assert not restricted_contrast([], [], 100).informative


def test_curve_of_uncensored_times_is_the_share_left():
    curve = kaplan_meier(SOON, 100)
    assert curve.times[:3].tolist() == [0, 10, 11]
    assert curve.survival[:3] == pytest.approx([1, 7 / 8, 6 / 8])
    assert curve.median == 13.5
    assert curve.reached == 8


@given(times)
def test_the_band_holds_the_curve_and_is_never_without_width(t):
    curve = kaplan_meier(t, 10)
    assert (curve.low <= curve.survival).all()
    assert (curve.survival <= curve.high).all()
    assert (curve.high - curve.low > 0.1).all()
    assert (np.diff(curve.survival) <= 1e-12).all()


def test_curve_where_nobody_or_everybody_arrives():
    never, at_once = kaplan_meier(NEVER, 100), kaplan_meier(np.ones(8), 100)
    assert never.median == INF
    assert never.survival[-1] == 1
    assert never.low[-1] == pytest.approx(stats.binomtest(8, 8).proportion_ci(method="wilson").low)
    assert at_once.survival[-1] == 0
    assert at_once.median == 1
    assert at_once.high[-1] > 0.3


def test_curve_of_nobody():
    curve = kaplan_meier([], 100)
    assert (curve.low[0], curve.survival[0], curve.high[0]) == (0, 1, 1)


@given(times, st.data())
def test_paired_log_rank_agrees_with_swapping_every_pair(first, data):
    n = len(first)
    second = data.draw(st.lists(st.sampled_from([1.0, 4.0, 8.0, INF]), min_size=n, max_size=n))
    result = paired_log_rank(first, second, 10)
    excess = result.observed - result.expected
    swapped = []
    for choice in itertools.product((False, True), repeat=len(first)):
        pairs = [(b, a) if s else (a, b) for s, a, b in zip(choice, first, second, strict=True)]
        other = paired_log_rank(*zip(*pairs, strict=True), 10)
        swapped.append(abs(other.observed - other.expected))
    assert result.p == pytest.approx((np.array(swapped) >= abs(excess) - 1e-9).mean())


def test_log_rank_direction_and_statistic_agree_with_scipy():
    slow = SOON * 3
    slow[5:] = INF
    result = paired_log_rank(SOON, slow, 100)
    assert result.observed > result.expected
    censored = stats.CensoredData(uncensored=slow[:5], right=[100] * 3)
    theirs = stats.logrank(x=SOON, y=censored)
    assert theirs.statistic > 0  # more events in x than expected
    assert result.p < 0.05


def test_too_few_pairs():
    assert paired_log_rank(SOON[:5], NEVER[:5], 100).p == 1.0


def test_unpaired_lengths():
    with pytest.raises(ValueError, match="not paired"):
        restricted_contrast([1.0], [1.0, 2.0], 10)
