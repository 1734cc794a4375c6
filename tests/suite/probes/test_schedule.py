"""When probes run: never more than they may cost, always at the start and the end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.probes import PROBES, ProbeCost
from suite.probes.schedule import (
    BOTH_WAYS,
    FEWEST_POINTS,
    LARGEST_SHARE,
    MOST_POINTS,
    minibatches,
    probe_steps,
    work_of_a_point,
)
from suite.training.schedule import evaluation_steps

COSTS = st.lists(st.sampled_from([spec.cost for spec in PROBES.values()]), min_size=1)


@given(
    st.integers(1, 100_000),
    st.integers(1, 30),
    COSTS,
    st.integers(2, 4096),
    st.sampled_from([0, 60, 5000]),
)
def test_points_are_part_of_the_schedule_and_within_bounds(
    steps, per_decade, costs, batch_size, validation
):
    schedule = evaluation_steps(steps, per_decade)
    points = probe_steps(
        schedule, costs, batch_size=batch_size, validation_images=validation, test_images=1000
    )
    assert set(points) <= set(schedule)
    assert list(points) == sorted(set(points))
    assert points[0] == 0
    assert points[-1] == steps
    assert FEWEST_POINTS <= len(points) <= MOST_POINTS
    of_a_point = work_of_a_point(costs, batch_size, validation)
    if len(points) > FEWEST_POINTS and of_a_point:
        work = len(points) * of_a_point
        work += 1000 * sum(cost.test_passes for cost in costs)
        plain = BOTH_WAYS * batch_size * steps + validation * len(schedule)
        assert work <= LARGEST_SHARE * plain


def test_points_are_geometric_like_the_schedule():
    schedule = evaluation_steps(4300, 12)
    points = probe_steps(schedule, [ProbeCost()], batch_size=64, validation_images=0, test_images=0)
    assert len(points) == MOST_POINTS
    ratios = [b / a for a, b in itertools.pairwise(points[4:])]
    assert max(ratios) / min(ratios) < 1.6


def test_what_a_point_costs():
    assert work_of_a_point([ProbeCost(backward=True)], 64, 500) == 3 * 8 * 64
    assert work_of_a_point([ProbeCost(forward=False, passes=4)], 10, 500) == 120
    assert work_of_a_point([ProbeCost(forward=False, validation_passes=2)], 10, 500) == 1000
    assert work_of_a_point([ProbeCost(forward=False, validation_passes=2)], 10, 5000) == 2000


def test_where_probes_cost_nothing_at_points_there_are_most_of_them():
    points = probe_steps(
        tuple(range(101)),
        [ProbeCost(forward=False)],
        batch_size=64,
        validation_images=0,
        test_images=0,
    )
    assert len(points) == MOST_POINTS


@pytest.mark.parametrize(("size", "count"), [(1, 16), (32, 16), (64, 8), (128, 4), (4096, 4)])
def test_small_batches_are_seen_more_often(size, count):
    assert minibatches(size) == count
