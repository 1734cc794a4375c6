import io

import pytest
from rich.console import Console

from suite.display import Display
from suite.executors.base import StackFinished, StackStarted
from suite.forecast import Forecast
from suite.planning import cut_stacks
from suite.records import TrialResult
from suite.runner import SizeChosen, SizesWanted, TrainingStarts
from tests.fakes import fake_result, tiny_plan


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def play(
    *, terminal: bool = False, quiet: bool = False, pause: float = 6.0, lost: int | None = None
) -> str:
    plan = tiny_plan(seeds=4)
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 4))
    clock = Clock()
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    display = Display(
        console,
        quiet=quiet,
        forecast=lambda stacks: Forecast(stacks, lambda _: 2.0),
        clock=clock,
    )
    with display:
        display.on_event(SizesWanted(len(plan.shapes)))
        for shape in plan.shapes:
            display.on_event(SizeChosen(shape, 4))
        display.on_event(TrainingStarts(stacks, done=3))
        for number, stack in enumerate(stacks):
            display.on_event(StackStarted(stack))
            clock.now += pause
            results = [fake_result(t) for t in stack.trials]
            if number == 1:
                results[0] = TrialResult(trial=stack.trials[0], status="failed", reason="[bold]x")
            if number == lost:
                results = [
                    TrialResult(trial=t, status="failed", reason="died") for t in stack.trials
                ]
            display.on_event(StackFinished(stack, tuple(results), 0.0 if number == lost else pause))
            if terminal:
                console.print(display)
    return out.getvalue()


def test_a_stack_that_was_lost_is_no_measure_of_time():
    lines = play(lost=0).splitlines()
    assert lines[2].endswith("(4 failed), 14 s left")  # seven stacks, by the estimate of 2 s
    assert lines[3].endswith("36 s left")  # by the pace of the second, 6 s


def test_plain_lines():
    lines = play().splitlines()
    assert lines[0] == "choosing stack sizes for 4 shapes of training"
    assert lines[1] == "training 32 trials in 8 stacks, 3 done before, about 16 s (estimate)"
    assert lines[2] == (
        "[ 7/35] mnist5k · mlp · no norm · batch size 16 · lr 0.001 · 4 seeds in 6.0 s, 42 s left"
    )
    assert lines[3].endswith("4 seeds in 6.0 s (1 failed), 36 s left")
    assert len(lines) == 2 + 8
    assert lines[-1].startswith("[35/35]")
    assert lines[-1].endswith("4 seeds in 6.0 s (1 failed)")


def test_fast_stacks_do_not_flood_a_log():
    lines = play(pause=1.0).splitlines()
    assert len(lines) == 2 + 3
    assert lines[-1].startswith("[35/35]")


def test_quiet_is_quiet():
    assert play(quiet=True) == ""
    assert play(quiet=True, terminal=True).count("trials") == 8  # only what the test itself prints


def test_live():
    out = play(terminal=True)
    assert "35 of 35 trials (1 failed) · 0 s left" in out
    assert "7 of 35 trials · 42 s left" in out
    assert "mlp · batch norm · batch size 64" in out


@pytest.mark.parametrize("terminal", [True, False])
def test_words_of_users_are_no_markup(terminal):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    with Display(console, quiet=False, forecast=lambda s: Forecast(s, lambda _: 1.0)) as display:
        display.say("[red]a name[/red] [link=x]")
    assert "[red]a name[/red] [link=x]" in out.getvalue()
