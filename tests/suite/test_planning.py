import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.planning import cut_stacks
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
    # Deterministic, and those of a shape are as few as they can be, and even.
    assert stacks == cut_stacks(plan, dict.fromkeys(plan.shapes, size))
    for shape in plan.shapes:
        lengths = [len(s.trials) for s in stacks if s.shape == shape]
        assert len(lengths) == math.ceil(len(plan.shapes[shape]) / size)
        assert max(lengths) - min(lengths) <= 1
        assert [s.number for s in stacks if s.shape == shape] == list(range(len(lengths)))


def test_a_stack_of_a_conditions_seeds_holds_that_condition_alone():
    plan = tiny_plan(seeds=4)
    for stack in cut_stacks(plan, dict.fromkeys(plan.shapes, 4)):
        assert len({trial.condition for trial in stack.trials}) == 1
        assert [trial.seed for trial in stack.trials] == [0, 1, 2, 3]


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
