"""Fair-tuned contrasts: who chooses, who is tested, and what divergence does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.stats.tuned import seeds_in_all, selecting_seeds, tuned_contrast

NAN = math.nan


@pytest.mark.parametrize(
    ("n", "choosing"), [(0, 0), (1, 0), (2, 1), (6, 1), (7, 1), (8, 2), (9, 3), (12, 4), (24, 8)]
)
def test_a_third_chooses_and_at_least_six_are_tested(n, choosing):
    assert selecting_seeds(n) == choosing
    assert n < 7 or n - choosing >= 6


@pytest.mark.parametrize("tested", [6, 7, 8, 16, 35, 100])
def test_seeds_in_all_are_the_fewest_that_leave_so_many_for_the_test(tested):
    n = seeds_in_all(tested)
    assert n - selecting_seeds(n) >= tested
    assert n - 1 - selecting_seeds(n - 1) < tested


def tables(n=12, settings=3):
    generator = np.random.default_rng(0)
    return [generator.normal(size=(n, settings)) for _ in range(4)]


def test_each_arm_takes_its_own_best_setting():
    first_v, second_v, first, second = tables()
    first_v[:, 2] += 50
    second_v[:, 0] += 50
    result = tuned_contrast(first_v, second_v, first, second)
    assert (result.first_choice, result.second_choice) == (2, 0)
    assert result.first_agreement == 1
    assert result.differences == pytest.approx(first[4:, 2] - second[4:, 0])
    lower = tuned_contrast(-first_v, -second_v, first, second, better="lower")
    assert (lower.first_choice, lower.second_choice) == (2, 0)


def test_what_the_tested_seeds_say_does_not_move_the_choice():
    first_v, second_v, first, second = tables()
    before = tuned_contrast(first_v, second_v, first, second)
    first_v[4:], second_v[4:] = 1e6 * first_v[4:], -1e6 * second_v[4:]
    after = tuned_contrast(first_v, second_v, first, second)
    assert (after.first_choice, after.second_choice) == (before.first_choice, before.second_choice)
    assert after.differences.tolist() == before.differences.tolist()
    assert set(after.selecting) & set(after.tested) == set()


def test_a_setting_that_diverged_for_a_choosing_seed_is_not_chosen():
    first_v, second_v, first, second = tables()
    first_v[:, 1] += 50
    first_v[2, 1] = NAN
    assert tuned_contrast(first_v, second_v, first, second).first_choice != 1


def test_a_tested_seed_without_outcome_counts_as_missing():
    first_v, second_v, first, second = tables()
    first_v[:, 1] += 50
    first[7, 1] = NAN
    result = tuned_contrast(first_v, second_v, first, second)
    assert result.missing == (7,)
    assert result.tested == (4, 5, 6, 8, 9, 10, 11)
    assert result.differences.size == 7


def test_an_arm_that_never_trains_has_no_contrast():
    first_v, second_v, first, second = tables()
    first_v[:4] = NAN
    result = tuned_contrast(first_v, second_v, first, second)
    assert result.first_choice is None
    assert result.differences.size == 0
    assert len(result.missing) == 8


def test_one_seed_can_not_both_choose_and_be_tested():
    result = tuned_contrast(*tables(n=1))
    assert result.first_choice is None
    assert result.missing == (0,)


def test_arms_may_have_different_settings():
    first_v, _, first, _ = tables(settings=5)
    _, second_v, _, second = tables(settings=2)
    assert tuned_contrast(first_v, second_v, first, second).differences.size == 8


@pytest.mark.parametrize("broken", range(4))
def test_shapes_that_do_not_fit(broken):
    four = tables()
    four[broken] = four[broken][:-1]
    with pytest.raises(ValueError, match="seeds"):
        tuned_contrast(*four)


def test_unknown_direction():
    with pytest.raises(ValueError, match="better"):
        tuned_contrast(*tables(), better="best")
