import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.planning import cut_stacks
from suite.schedule import FREE, Shape, arranged, longest_stack, makespan
from tests.fakes import tiny_plan


def stacks(seeds: int = 8, size: int = 2):
    plan = tiny_plan(seeds=seeds)
    return cut_stacks(plan, dict.fromkeys(plan.shapes, size))


def test_each_goes_to_whoever_is_free_first():
    assert makespan([], 3) == 0
    assert makespan([1, 2, 3], 1) == 6
    assert makespan([3, 1, 1, 1], 2) == 3
    assert makespan([1, 1, 1, 3], 2) == 4  # the long one last: the other worker idles


@settings(max_examples=60)
@given(st.lists(st.floats(0.01, 100), min_size=32, max_size=32), st.integers(2, 9))
def test_the_order_holds_every_stack_once_and_ends_about_as_early_as_longest_first(times, parallel):
    given_order = stacks()
    seconds = dict(zip([(s.shape, s.number) for s in given_order], times, strict=True))
    order = arranged(given_order, lambda s: seconds[s.shape, s.number], parallel)
    assert sorted(order, key=given_order.index) == list(given_order)
    span = makespan([seconds[s.shape, s.number] for s in order], parallel)
    assert span <= FREE * makespan(sorted(times, reverse=True), parallel) + 1e-9
    # No longer than a third over what any schedule needs (Graham 1969).
    assert span <= 4 / 3 * FREE * max(sum(times) / parallel, *times) + max(times) / 3


def test_where_it_costs_nothing_the_balanced_order_stays():
    given_order = stacks()
    assert arranged(given_order, lambda _: 3.0, 1) == given_order
    assert arranged(given_order, lambda _: 3.0, 2) == given_order
    # One that is longer than the others and at the end goes before them, and the rest stays.
    last = given_order[-1]
    order = arranged(given_order, lambda s: 9.0 if s == last else 3.0, 2)
    place = order.index(last)
    assert len(order) - 8 <= place < len(order) - 2
    head = order[: len(order) // 2]
    assert head == given_order[: len(head)]


def test_what_has_no_estimate_counts_as_long():
    given_order = stacks()
    last = given_order[-1]
    order = arranged(given_order, lambda s: math.nan if s == last else 3.0, 2)
    assert sorted(order, key=given_order.index) == list(given_order)
    assert arranged(given_order, lambda _: math.nan, 2) == given_order


def a_shape(trials: int, seconds: float, seeds: int = 12, batch_size: int = 64) -> Shape:
    sizes = [s for s in (1, 2, 3, 4, 6, 12) if s <= seeds]
    return Shape(trials, seconds, sizes, batch_size)


def test_stacks_are_as_large_as_the_workers_allow():
    notebook = [a_shape(12, 24.0), a_shape(12, 24.0)]
    assert longest_stack(notebook, 1) == math.inf
    # Two arms on two workers: a stack each. On eight: three seeds each, never one by one.
    assert longest_stack(notebook, 2) == 24.0
    for shape in notebook:
        assert len(shape.lengths(longest_stack(notebook, 8))) == 4
    # Many shapes: nothing is gained by smaller stacks.
    many = [a_shape(12, 24.0) for _ in range(100)]
    assert all(len(shape.lengths(longest_stack(many, 2))) == 1 for shape in many)
    # One large shape among small ones is divided.
    mixed = [a_shape(12, 100.0), *[a_shape(12, 5.0) for _ in range(4)]]
    assert len(mixed[0].lengths(longest_stack(mixed, 4))) >= 4


def test_shapes_without_an_estimate_limit_nothing():
    assert math.isnan(longest_stack([a_shape(12, math.nan)], 2))


@pytest.mark.parametrize("seconds", [0.5, 2.0, 3.0, 24.0])
def test_a_shape_is_cut_whole(seconds):
    shape = a_shape(14, 28.0)
    lengths = shape.lengths(seconds)
    largest = shape.sizes[0] if seconds < 2 else seconds
    assert len(lengths) >= 2
    assert all(length <= max(largest, 4.0) for length in lengths)
    # Smaller stacks cost more in all, never less.
    assert sum(lengths) >= 28.0 * (1 - 1e-9)


def test_random_plans_end_together():
    """Idle time at the end, over many plans, is a few percent at most."""
    chance = random.Random(1)
    for parallel in (2, 4):
        given_order = stacks(seeds=12, size=1)
        times = {(s.shape, s.number): math.exp(chance.gauss(0, 1)) for s in given_order}
        order = arranged(given_order, lambda s, t=times: t[s.shape, s.number], parallel)
        span = makespan([times[s.shape, s.number] for s in order], parallel)
        assert span <= 1.02 * sum(times.values()) / parallel
