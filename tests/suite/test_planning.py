import math
from collections import Counter
from itertools import chain

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from suite.planning import Plan, cut_stacks
from suite.records import Trial
from suite.stacking import stack_shape
from tests.fakes import tiny_plan


def test_a_trial_that_two_studies_share_is_planned_twice_and_trained_once():
    plan = tiny_plan(seeds=4)
    assert len(plan.planned) == 32 + 16
    assert len(plan.trials) == 32
    assert Counter(study for study, _ in plan.planned) == {"grid": 32, "again": 16}
    assert plan.studies == (("grid", "For tests."), ("again", "For tests."))


def test_every_device_gets_the_whole_grid():
    assert len(tiny_plan(devices=2).trials) == 2 * len(tiny_plan().trials)


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 20), st.integers(1, 4))
def test_stacks_hold_every_trial_once_and_only_trials_of_one_shape(seeds, size, rates):
    plan = tiny_plan(seeds=seeds, rates=[1e-3 * (i + 1) for i in range(rates)])
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, size))
    assert Counter(t.key for s in stacks for t in s.trials) == Counter(list(plan.trials))
    for stack in stacks:
        assert {stack_shape(trial) for trial in stack.trials} == {stack.shape}
        assert 1 <= len(stack.trials) <= size
    # Deterministic, and those of a shape are even, and as few as they can be.
    assert stacks == cut_stacks(plan, dict.fromkeys(plan.shapes, size))
    fewest = rates * math.ceil(seeds / size) if size < seeds else math.ceil(rates * seeds / size)
    for trials, own in of_each_shape(plan, stacks):
        assert list(chain.from_iterable(stack.trials for stack in own)) == list(trials)
        lengths = [len(stack.trials) for stack in own]
        assert len(lengths) == fewest
        assert max(lengths) - min(lengths) <= 1
        assert [stack.number for stack in own] == list(range(len(lengths)))


@settings(max_examples=40)
@given(st.integers(1, 14), st.integers(1, 14), st.integers(1, 4))
@example(10, 3, 2)
@example(10, 4, 2)
@example(8, 3, 2)
def test_a_stack_of_at_most_a_conditions_seeds_holds_that_condition_alone(seeds, size, rates):
    plan = tiny_plan(seeds=seeds, rates=[1e-3 * (i + 1) for i in range(rates)])
    for stack in cut_stacks(plan, dict.fromkeys(plan.shapes, min(size, seeds))):
        assert len({trial.condition for trial in stack.trials}) == 1


def test_only_a_condition_with_more_seeds_than_a_stack_holds_is_cut_by_itself():
    few, many = (tiny_plan(seeds=n, rates=rates) for n, rates in ((2, [1, 2]), (5, [3])))
    more = tiny_plan(seeds=2, rates=[4, 5, 6])
    plan = Plan((), few.planned + many.planned + more.planned)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    for trials, own in of_each_shape(plan, stacks):
        assert list(chain.from_iterable(stack.trials for stack in own)) == list(trials)
        assert [len(stack.trials) for stack in own] == [4, 3, 2, 3, 3]


def of_each_shape(plan, stacks):
    """Give the trials of each shape with its stacks, by their numbers."""
    for shape, trials in plan.shapes.items():
        own = (stack for stack in stacks if stack.shape == shape)
        yield trials, sorted(own, key=lambda stack: stack.number)


def test_arms_are_neighbours_and_every_shape_begins_before_any_goes_on():
    plan = tiny_plan(seeds=4)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 2))
    first = stacks[: len(plan.shapes)]
    assert [s.number for s in first] == [0] * len(plan.shapes)
    norms = [s.trials[0].condition.norm for s in stacks]
    assert norms == ["none", "batch"] * (len(stacks) // 2)
    # After any even number of stacks both arms have the same trials.
    for n in range(2, len(stacks), 2):
        seen: dict[str, list[tuple[int, float, int]]] = {"none": [], "batch": []}
        for stack in stacks[:n]:
            seen[stack.trials[0].condition.norm] += [identity(t) for t in stack.trials]
        assert seen["none"] == seen["batch"]


def identity(trial: Trial) -> tuple[int, float, int]:
    return trial.condition.batch_size, trial.condition.learning_rate, trial.seed


def test_shapes_without_a_size_are_left_out():
    plan = tiny_plan()
    (wanted, *_) = plan.shapes
    stacks = cut_stacks(plan, {wanted: 2})
    assert {stack.shape for stack in stacks} == {wanted}


def test_more_seeds_keep_the_keys_of_those_before():
    assert set(tiny_plan(seeds=2).trials) < set(tiny_plan(seeds=3).trials)


@pytest.mark.parametrize("change", [{"code": "other"}, {"rates": (5e-3,)}])
def test_what_determines_a_trial_is_in_its_key(change):
    assert set(tiny_plan().trials).isdisjoint(tiny_plan(**change).trials)
