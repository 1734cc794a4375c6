import pytest

from suite.forecast import Forecast
from suite.planning import cut_stacks
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


def test_a_run_with_nothing_to_do():
    assert Forecast((), lambda _: 1.0).left() == 0
