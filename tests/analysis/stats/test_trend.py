"""Page's L, slopes and interactions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.stats.paired import paired
from analysis.stats.trend import interaction, page_trend, slopes


def test_agrees_with_scipy_without_ties():
    table = np.random.default_rng(2).normal(size=(9, 5)) + 0.2 * np.arange(5)
    theirs = stats.page_trend_test(table, method="exact")
    ours = page_trend(table)
    assert (ours.statistic, ours.p_increasing) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_normal_approximation_agrees_with_scipy_beyond_8_conditions():
    table = np.random.default_rng(2).normal(size=(14, 10)) + 0.05 * np.arange(10)
    theirs = stats.page_trend_test(table, method="asymptotic")
    assert page_trend(table).p_increasing == pytest.approx(theirs.pvalue, rel=1e-9)


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=6, max_size=6))
def test_ties_are_exact(rows):
    table = np.array(rows)
    ranks = stats.rankdata(table, axis=1)
    each = [[np.dot(o, [1, 2, 3]) for o in itertools.permutations(r)] for r in ranks]
    sums = np.zeros(1)
    for row in each:
        sums = np.add.outer(sums, row).ravel()
    observed = (ranks @ [1, 2, 3]).sum()
    assert page_trend(table).p_increasing == pytest.approx((sums >= observed - 1e-9).mean())


def test_two_sided_sees_a_fall_too():
    table = np.tile([3.0, 2.0, 1.0], (6, 1))
    assert page_trend(table).p_increasing == pytest.approx(1)
    assert page_trend(table).p == pytest.approx(2 * 6.0**-6)
    assert page_trend(table).correlation == pytest.approx(-1)


def test_all_tied_and_too_few():
    flat = page_trend(np.ones((8, 4)))
    assert (flat.p, flat.p_increasing, flat.correlation) == (1.0, 1.0, 0.0)
    few = page_trend(np.tile([1.0, 2.0, 3.0], (5, 1)))
    assert (few.p, few.p_increasing) == (1.0, 1.0)
    assert few.correlation == pytest.approx(1)


def test_slopes_agree_with_least_squares_and_ignore_the_level():
    table = np.random.default_rng(4).normal(size=(7, 4))
    x = np.log2([16, 64, 256, 1024])
    expected = [stats.linregress(x, row).slope for row in table]
    assert slopes(table, x) == pytest.approx(expected)
    assert slopes(table + 100, x) == pytest.approx(expected)


def test_interaction_is_the_change_of_the_difference():
    generator = np.random.default_rng(6)
    seed_effect = generator.normal(size=12)
    cells = [seed_effect + shift + generator.normal(0, 0.01, 12) for shift in (5, 3, 4, 4)]
    result = paired(interaction(*cells))
    assert result.low < 2 < result.high
    assert result.sd < 0.05  # the seed's own effect is gone


@pytest.mark.parametrize(
    "call",
    [
        lambda: page_trend(np.ones(4)),
        lambda: page_trend(np.ones((4, 1))),
        lambda: slopes(np.ones((4, 3)), [1, 2]),
        lambda: slopes(np.ones((4, 3)), [2, 2, 2]),
        lambda: interaction([1.0], [1.0], [1.0], [1.0, 2.0]),
    ],
)
def test_shapes_that_do_not_fit(call):
    with pytest.raises(ValueError, match=r"shape|positions|seeds"):
        call()
