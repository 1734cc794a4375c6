"""Stand-ins for training, so that plan, runner and store are tested in milliseconds."""

from __future__ import annotations

import hashlib
import math
import time
from typing import TYPE_CHECKING

from suite.errors import InterruptedRunError
from suite.grid import parse_grid
from suite.planning import make_plan
from suite.records import Curve, Outcome, TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from suite.executors.base import SizeWanted
    from suite.planning import Plan
    from suite.records import Trial


def tiny_plan(
    *, seeds: int = 4, rates: Sequence[float] = (1e-3, 1e-2), code: str = "code", devices: int = 1
) -> Plan:
    """Plan a study ``grid`` (two norms, two batch sizes) and a study ``again`` that shares half."""
    study = """
    [[study]]
    name = "{name}"
    why = "For tests."
    dataset = "mnist5k"
    model = "mlp"
    norm = ["none", "batch"]
    batch_size = {sizes}
    learning_rate = {rates}
    epochs = 1
    seeds = {seeds}
    """
    text = 'title = "tiny"\n' + "".join(
        study.format(name=name, sizes=sizes, rates=list(rates), seeds=seeds)
        for name, sizes in (("grid", [16, 64]), ("again", [64]))
    )
    return make_plan(
        parse_grid(text.encode(), name="tiny"),
        [f"cpu:{i}" if i else "cpu" for i in range(devices)],
        lambda name: f"data of {name}",
        lambda condition, _: f"{code} of {condition.norm}",
    )


def fake_result(trial: Trial, *, stack: int = 1, seconds: float = 0.5) -> TrialResult:
    """Make up a result that depends on the trial, and on the stack's size as real ones do."""
    digest = hashlib.sha256(f"{trial.key}/{stack}".encode()).digest()
    values = [byte / 255 for byte in digest[:6]]
    return TrialResult(
        trial=trial,
        status="ok",
        stack_size=stack,
        seconds=seconds,
        outcomes=(
            Outcome("steps_to_target", values[1] * 100, "0.8"),
            Outcome("steps_to_target", math.inf, "0.9"),
            Outcome("test_accuracy", values[0]),
        ),
        curves=(Curve("validation_loss", (0, 1, 5), tuple(values[2:5])),),
    )


class FakeTrainer:
    """Trains nothing.

    Parameters
    ----------
    pause
        Seconds that a stack takes.
    breaks
        Called with the trials before a stack "trains"; may raise.
    """

    def __init__(
        self, pause: float = 0.0, breaks: Callable[[Sequence[Trial]], None] = lambda _: None
    ) -> None:
        self.pause = pause
        self.breaks = breaks
        self.stacks: list[tuple[Trial, ...]] = []

    def __call__(
        self, trials: Sequence[Trial], should_stop: Callable[[], bool]
    ) -> list[TrialResult]:
        self.breaks(trials)
        time.sleep(self.pause)
        if should_stop():
            raise InterruptedRunError("stopped between two steps")
        self.stacks.append(tuple(trials))
        return [fake_result(t, stack=len(trials), seconds=time.perf_counter()) for t in trials]

    def time_sizes(self, wanted: SizeWanted) -> dict[int, float]:
        self.breaks(wanted.trials)
        time.sleep(self.pause)
        return {size: 1 / size for size in wanted.candidates}


def choose_three(
    shapes: Mapping[str, Sequence[Trial]], should_stop: Callable[[], bool]
) -> Iterator[tuple[str, int, dict[int, float]]]:
    """Choose stacks of three, with timings."""
    del should_stop
    for shape, trials in shapes.items():
        yield shape, min(3, len(trials)), {1: 0.2, 3: 0.1}
