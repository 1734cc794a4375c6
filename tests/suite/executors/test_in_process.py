"""What a fault of a GPU means where it stays with this process; the rest is the contract's."""

import dataclasses

import pytest
import torch

from suite.errors import DeviceLostError
from suite.executors.base import StackFinished
from suite.executors.in_process import InProcessExecutor
from suite.planning import cut_stacks
from tests.fakes import FakeTrainer, tiny_plan


def never() -> bool:
    return False


@pytest.fixture
def stacks():
    """Of a simulated GPU."""
    plan = tiny_plan(seeds=6)
    (shape, *_) = plan.shapes
    return [
        dataclasses.replace(
            stack, trials=tuple(dataclasses.replace(t, device="cuda:1") for t in stack.trials)
        )
        for stack in cut_stacks(plan, {shape: 2})
    ]


@pytest.fixture
def broken(stacks):
    """Fails from the second stack on, and counts what it was given."""
    given = []

    def breaks(trials):
        given.append(trials)
        if len(given) > 1:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    return InProcessExecutor(FakeTrainer(breaks=breaks), threads=1), given


def statuses(events):
    return [{r.status for r in e.results} for e in events if isinstance(e, StackFinished)]


def test_an_error_that_stays_on_the_gpu_ends_the_run_once_its_stack_has_failed(
    stacks, broken, monkeypatch
):
    executor, given = broken
    asked = []

    def synchronize(device):
        asked.append(device)
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with …")

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    events = []

    def run_all():
        for event in executor.run(stacks, never):
            events.append(event)  # noqa: PERF402  what came before the error counts

    with pytest.raises(DeviceLostError, match=r"cuda:1 computes no more .*encountered$"):
        run_all()
    assert statuses(events) == [{"ok"}, {"failed"}]
    assert len(given) == 2
    assert asked == ["cuda:1"]


def test_an_error_after_which_the_gpu_answers_is_that_stack_s_own(stacks, broken, monkeypatch):
    executor, _ = broken
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert statuses(executor.run(stacks, never)) == [{"ok"}] + [{"failed"}] * (len(stacks) - 1)
