import dataclasses
import itertools

import pytest

from suite import stack_sizes
from suite.estimate import cuda_seconds, order_bytes, trial_bytes
from suite.models import MODELS
from suite.records import Budget, Protocol
from suite.stack_sizes import (
    LARGEST_STACK,
    MEMORY_SHARE,
    candidate_sizes,
    filling_stack,
    usual_stack,
)
from tests.fakes import tiny_plan


def shape(seeds, rates=(1e-3,)):
    return next(iter(tiny_plan(seeds=seeds, rates=rates).shapes.values()))


def test_candidates_leave_stacks_even():
    assert candidate_sizes(shape(1)) == (1,)
    assert candidate_sizes(shape(6)) == (1, 2, 3, 6)
    assert candidate_sizes(shape(12, [1e-3, 1e-2])) == (1, 2, 3, 4, 6, 12, 24)
    assert candidate_sizes(shape(12, [1e-4, 1e-3, 1e-2, 1e-1, 1.0]))[-6:] == (6, 12, 15, 20, 30, 60)
    many = candidate_sizes(shape(1000))
    assert many[-1] <= LARGEST_STACK
    assert len(many) < 16
    assert all(after >= 1.25 * before for before, after in itertools.pairwise(many))


@pytest.mark.parametrize(("batch", "size"), [(1, 12), (256, 12), (512, 6), (1024, 4), (60_000, 4)])
def test_usual_stacks(batch, size):
    assert usual_stack(batch) == size


def test_a_device_is_filled_as_far_as_its_memory_reaches():
    trials = shape(1000)
    member = (trial_bytes(trials[0].condition) + order_bytes(trials[0])) / MEMORY_SHARE
    for fitting, size in ((5000, 1000), (1000, 1000), (999, 500), (400, 334), (1, 1), (0, 1)):
        assert filling_stack(trials, int(fitting * member) + 100) == size


def test_where_a_condition_does_not_fit_on_a_device_stacks_are_its_parts():
    trials = shape(12, [1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    member = (trial_bytes(trials[0].condition) + order_bytes(trials[0])) / MEMORY_SHARE
    for fitting, size in ((9, 6), (11, 6), (12, 12), (20, 20)):
        assert filling_stack(trials, int(fitting * member) + 100) == size


def test_no_stack_on_a_device_takes_long(monkeypatch):
    protocol = Protocol(budget=Budget(steps=100_000))
    trials = [dataclasses.replace(trial, protocol=protocol) for trial in shape(1000)]
    for members, size in ((1001, 1000), (999, 500), (400, 334)):
        longest = cuda_seconds(trials[:1] * members)
        monkeypatch.setattr(stack_sizes, "LONGEST_STACK", longest)
        assert filling_stack(trials, 1 << 40) == size
    # Where even one member takes longer, a stack may take twice as long as that.
    monkeypatch.setattr(stack_sizes, "LONGEST_STACK", 0.0)
    size = filling_stack(trials, 1 << 40)
    assert 1.5 < cuda_seconds(trials[:size]) / cuda_seconds(trials[:1]) <= 2


def test_a_model_without_a_stacked_twin_is_trained_alone(monkeypatch):
    monkeypatch.setitem(MODELS, "mlp", dataclasses.replace(MODELS["mlp"], has_stacked=False))
    assert filling_stack(shape(12), 1 << 40) == 1
