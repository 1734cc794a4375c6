from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.training.schedule import evaluation_steps, first_crossing


def test_the_schedule_is_geometric_and_holds_its_ends():
    assert evaluation_steps(100, 4) == (0, 1, 2, 3, 6, 10, 18, 32, 56, 100)
    assert evaluation_steps(1, 12) == (0, 1)
    assert evaluation_steps(7, 1) == (0, 1, 7)


@given(steps=st.integers(1, 10**6), per_decade=st.integers(1, 50))
def test_every_schedule_rises_from_start_to_end(steps, per_decade):
    schedule = evaluation_steps(steps, per_decade)
    assert schedule[:2] == (0, 1)
    assert schedule[-1] == steps
    assert list(schedule) == sorted(set(schedule))
    assert len(schedule) <= per_decade * math.log10(steps) + 4


def test_a_crossing_is_linear_between_its_brackets():
    assert first_crossing([0, 10, 20], [0.1, 0.5, 0.9], 0.7) == 15
    assert first_crossing([0, 10, 20], [0.1, 0.7, 0.3], 0.7) == 10
    assert first_crossing([0, 10], [0.95, 0.5], 0.9) == 0
    assert first_crossing([0, 10, 20, 30], [0.1, 0.8, 0.2, 0.9], 0.5) == pytest.approx(40 / 7)
    assert first_crossing([0, 10], [0.1, 0.2], 0.9) == math.inf
    assert first_crossing([], [], 0.9) == math.inf


@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    targets=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_higher_target_is_never_reached_sooner(values, targets):
    steps = list(range(len(values)))
    low, high = (first_crossing(steps, values, t) for t in sorted(targets))
    assert low <= high + 1e-9
    assert (low < math.inf) == (max(values) >= min(targets))
