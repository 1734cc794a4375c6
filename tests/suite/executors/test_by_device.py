"""Each device's stacks go where they belong; the rest is the contract's business."""

import dataclasses

import pytest
import torch

from suite.executors import base
from suite.executors.base import SizeWanted, StackFinished, StackStarted
from suite.executors.by_device import ByDeviceExecutor
from suite.executors.in_process import InProcessExecutor
from suite.planning import Plan, cut_stacks
from tests.fakes import tiny_plan
from tests.suite.executors.trainers import Scripted


def never() -> bool:
    return False


@pytest.fixture
def both(tmp_path):
    return Scripted(tmp_path / "gpu"), Scripted(tmp_path / "cpu")


@pytest.fixture
def executor(both):
    return ByDeviceExecutor(*(InProcessExecutor(trainer, threads=1) for trainer in both))


def mixed():
    """Stacks of two devices, one of each in turn."""
    plan = tiny_plan(seeds=2)
    planned = [
        (study, dataclasses.replace(trial, device=device))
        for study, trial in plan.planned
        for device in ("cpu", "cuda:0")
    ]
    plan = Plan(plan.studies, tuple(planned))
    return plan, cut_stacks(plan, dict.fromkeys(plan.shapes, 2))


def test_every_stack_trains_once_and_the_accelerator_s_first(executor, both):
    _, stacks = mixed()
    events = list(executor.run(stacks, never))
    assert len(events) == 2 * len(stacks)
    devices = [e.stack.trials[0].device for e in events if isinstance(e, StackStarted)]
    assert devices == sorted(devices, reverse=True)
    assert {(e.stack.shape, e.stack.number) for e in events if isinstance(e, StackFinished)} == {
        (s.shape, s.number) for s in stacks
    }
    gpu, cpu = (trainer.lines() for trainer in both)
    assert len(gpu) == len(cpu) == len(stacks) // 2


def test_sizes_are_timed_where_they_will_train_and_keep_their_places(executor, both):
    plan, _ = mixed()
    wanted = [SizeWanted(trials, (1, 2), 0.1) for trials in plan.shapes.values()]
    found = dict(executor.time_sizes(wanted, never))
    assert set(found) == set(range(len(wanted)))
    expected = {p: both[w.trials[0].device == "cpu"].time_sizes(w) for p, w in enumerate(wanted)}
    assert found == expected


def test_only_the_accelerator_s_stacks_train_alone(executor):
    assert executor.trains_alone("cuda:0")
    assert not executor.trains_alone("cpu")


def test_it_says_how_both_run(executor):
    said = executor.describe()
    assert said["name"] == "by-device"
    assert said["processes"] == said["accelerators"]["processes"] == 1
    assert said["accelerators"]["name"] == "in-process"
    executor.close()


def test_costs_are_measured_once_this_process_has_given_a_gpu_s_memory_back(executor, monkeypatch):
    done = []

    def measured(replicate, should_stop):
        done.append(replicate)
        return ()

    monkeypatch.setattr(base, "measure_in_process", measured)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("memory"))
    assert executor.measure("costs", never) == ()
    assert done == ["memory", "costs"]
