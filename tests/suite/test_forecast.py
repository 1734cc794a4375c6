import dataclasses
import heapq
import math
import random

import pytest

from suite.estimate import trial_seconds
from suite.forecast import Forecast
from suite.grid import load_grid
from suite.planning import Stack, cut_stacks, make_plan
from suite.schedule import arranged, makespan
from tests.fakes import tiny_plan


def test_estimates_first_then_what_was_measured():
    plan = tiny_plan(seeds=4)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    assert len(stacks) == 8
    first, second, *_ = stacks
    forecast = Forecast(stacks, lambda stack: float(len(stack.trials)))
    assert forecast.left() == 32
    # One stack took three times its estimate: so will all others.
    forecast.finished(first, 12.0)
    assert forecast.left() == pytest.approx(3 * 28)
    # Another shape ran as estimated; each shape keeps its own pace, the rest the mean of both.
    forecast.finished(second, 4.0)
    assert forecast.left() == pytest.approx(12 + 4 + 4 * 4 * 2)
    for stack in stacks[2:]:
        forecast.finished(stack, 1.0)
    assert forecast.left() == 0


def test_a_stack_that_failed_says_nothing_of_the_others():
    plan = tiny_plan(seeds=8)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    forecast = Forecast(stacks, lambda stack: 4.0)
    forecast.finished(stacks[0], math.nan)
    assert forecast.left() == 4 * (len(stacks) - 1)


def test_each_device_has_its_own_pace_and_its_own_stacks_at_a_time():
    plan = tiny_plan(seeds=4)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    gpu = [
        Stack(f"gpu {n}", 0, tuple(dataclasses.replace(t, device="cuda:0") for t in stack.trials))
        for n, stack in enumerate(stacks[:3])
    ]
    everything = [*gpu, *stacks[3:]]
    forecast = Forecast(everything, lambda _: 8.0, 4, lambda stack: stack in gpu)
    assert forecast.left() == 3 * 8 + 5 * 8 / 4
    forecast.finished(gpu[0], 2.0)  # says nothing about the CPU
    assert forecast.left() == 2 * 2 + 5 * 8 / 4
    forecast.finished(stacks[3], 16.0)
    assert forecast.left() == 2 * 2 + 4 * 16 / 4
    for stack in stacks[4:7]:
        forecast.finished(stack, 16.0)
    assert forecast.left() == 2 * 2 + 16  # the last one trains on one worker, after the GPU's


def test_a_run_with_nothing_to_do():
    assert Forecast((), lambda _: 1.0).left() == 0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_trains_now_counts_for_what_is_left_of_it():
    plan = tiny_plan(seeds=4)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    clock = Clock()
    forecast = Forecast(stacks, lambda _: 10.0, 2, clock=clock)
    assert forecast.left() == 40  # eight stacks on two workers
    forecast.started(stacks[0])
    forecast.started(stacks[1])
    clock.now = 6.0
    assert forecast.left() == pytest.approx((4 + 4 + 60) / 2)
    clock.now = 30.0  # both are late; it is not supposed that they end now
    assert forecast.left() == pytest.approx((1 + 1 + 60) / 2)


def test_a_last_long_stack_is_not_divided_among_workers():
    plan = tiny_plan(seeds=4)
    (one, other, *_) = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    forecast = Forecast([one, other], lambda s: 90.0 if s == one else 10.0, 4)
    assert forecast.left() == 90


def test_what_has_no_estimate_counts_like_the_others():
    plan = tiny_plan(seeds=4)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    unknown = stacks[0].shape
    count = sum(s.shape == unknown for s in stacks)
    forecast = Forecast(stacks, lambda s: math.nan if s.shape == unknown else 5.0)
    assert forecast.left() == 5.0 * len(stacks)
    first = next(s for s in stacks if s.shape == unknown)
    forecast.finished(first, 50.0)
    assert forecast.left() == 50.0 * (count - 1) + 5.0 * (len(stacks) - count)
    blind = Forecast(stacks, lambda _: math.nan)
    assert blind.left() == 0
    blind.finished(first, 4.0)
    assert blind.left() > 0


@pytest.mark.parametrize("parallel", [1, 2, 8])
@pytest.mark.parametrize("seed", range(4))
def test_within_a_fifth_after_the_first_tenth(seed, parallel):
    """A simulated run of the grid ``full``: each shape is off by its own factor, each stack too."""
    grid = load_grid("full")
    plan = make_plan(grid, ["cpu"], lambda name: name, lambda *_: "code")
    chance = random.Random(seed)
    everything = cut_stacks(plan, dict.fromkeys(plan.shapes, 12))

    def estimated(stack: Stack) -> float:
        first = stack.trials[0]
        return len(stack.trials) * trial_seconds(first.condition, first.protocol, 1e11)

    # Three times too slow in all (a busy machine); 20 % off a shape, 5 % a stack.
    pace = {shape: 3 * math.exp(chance.gauss(0, 0.2)) for shape in plan.shapes}
    seconds = {
        (s.shape, s.number): estimated(s) * pace[s.shape] * math.exp(chance.gauss(0, 0.05))
        for s in everything
    }
    order = list(arranged(everything, estimated, parallel))
    end = makespan([seconds[s.shape, s.number] for s in order], parallel)
    clock = Clock()
    forecast = Forecast(order, estimated, parallel, clock=clock)
    running: list[tuple[float, int, Stack]] = []
    for number, stack in enumerate(order):
        if len(running) == parallel:
            clock.now, _, ended = heapq.heappop(running)
            forecast.finished(ended, seconds[ended.shape, ended.number])
            if clock.now >= end / 10:
                break
        forecast.started(stack)
        heapq.heappush(running, (clock.now + seconds[stack.shape, stack.number], number, stack))
    assert clock.now < end / 4
    assert forecast.left() == pytest.approx(end - clock.now, rel=0.2)
