from __future__ import annotations

import numpy as np
import pytest

from analysis.stats.best import probability_best


def test_a_clear_winner_and_the_direction():
    table = np.random.default_rng(0).normal(size=(12, 1)) + np.arange(3)
    assert probability_best(table).tolist() == [0, 0, 1]
    assert probability_best(table, better="lower").tolist() == [1, 0, 0]


def test_pairing_is_kept():
    # The seeds differ by far more than the arms do, but every seed has the same order.
    table = 100 * np.random.default_rng(0).normal(size=(12, 1)) + np.array([0.0, 0.01])
    assert probability_best(table)[1] == 1


def test_equal_arms_share():
    assert probability_best(np.ones((8, 4))) == pytest.approx([0.25] * 4)


def test_two_arms_follow_the_bootstrap_of_their_difference():
    table = np.random.default_rng(1).normal(size=(12, 2))
    difference = table[:, 1] - table[:, 0]
    draws = np.random.default_rng(9).choice(difference, (40_000, 12)).mean(axis=1)
    assert probability_best(table)[1] == pytest.approx((draws > 0).mean(), abs=0.02)


def test_repeatable_and_sums_to_one():
    table = np.random.default_rng(1).normal(size=(12, 5))
    assert (probability_best(table) == probability_best(table)).all()
    assert probability_best(table).sum() == pytest.approx(1)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_seeds_know_nothing(n):
    assert probability_best(np.tile([0.0, 1.0], (n, 1))).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("table", "better"), [(np.ones(3), "higher"), (np.ones((3, 2)), "best")])
def test_bad_input(table, better):
    with pytest.raises(ValueError, match=r"arms|better"):
        probability_best(table, better=better)
