import dataclasses

import pytest

from suite.estimate import LEAST_LIMIT
from suite.executors.choice import Choice
from suite.executors.make import make_executor
from suite.planning import cut_stacks
from suite.records import Budget
from tests.fakes import tiny_plan


def test_a_stack_hangs_by_the_estimate_of_its_own_device():
    processes = make_executor(Choice("processes", 2, 1), {}, 1e9, ["cpu", "cuda:0"])
    plan = tiny_plan(seeds=4)
    (stack, *_) = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    long = dataclasses.replace(stack.trials[0].protocol, budget=Budget(steps=100_000))
    limits = {}
    for device in ("cpu", "cuda:0"):
        trials = (dataclasses.replace(t, device=device, protocol=long) for t in stack.trials)
        limits[device] = processes._limit(dataclasses.replace(stack, trials=tuple(trials)))
    assert limits["cpu"] > limits["cuda:0"] >= LEAST_LIMIT


@pytest.mark.parametrize(
    ("devices", "by_device", "cpu_only"),
    [
        (["cpu"], False, True),
        (["cpu", "cuda:0"], True, True),
        (["cpu", "cuda:0"], False, False),
        (["cuda:0"], False, False),
    ],
)
def test_workers_see_a_gpu_where_they_train_on_one(devices, by_device, cpu_only):
    made = make_executor(Choice("processes", 2, 1, by_device=by_device), {}, 1e9, devices)
    processes = made._cpu if by_device else made
    assert processes._make_trainer.cpu_only == cpu_only
