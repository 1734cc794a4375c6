"""Trainers that the contract is tried with; workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.errors import InterruptedRunError, TrialUndefinedError
from tests.fakes import fake_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from suite.executors.base import SizeWanted
    from suite.records import Trial, TrialResult

FOREVER = 600.0


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise() -> None:
    raise ZeroDivisionError("a fault in training")


def _undefined() -> None:
    raise TrialUndefinedError("a batch of one has no variance")


def _memory() -> None:
    raise MemoryError("too large")


def _sleep() -> None:
    time.sleep(FOREVER)


def _exit() -> None:
    os._exit(7)


ACTIONS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "raise": _raise,
    "undefined": _undefined,
    "oom": _memory,
    "hang": _sleep,
    "exit": _exit,
}


@dataclass(frozen=True)
class Scripted:
    """Makes up results, but for stacks with a certain seed; every try leaves a line in a file.

    Parameters
    ----------
    log
        Where tries are noted: process, size of the stack, first key.
    seed
        The seed whose stacks meet the action.
    action
        One of ``ACTIONS``.
    times
        Tries that meet it; later ones train.
    steps
        How many "steps" of 20 ms a stack takes; a stop is asked for between them.
    larger
        The action is for stacks of more members than this alone.
    """

    log: Path
    seed: int = -1
    action: str = ""
    times: int = 1_000
    steps: int = 1
    larger: int = 0

    def __call__(
        self, trials: Sequence[Trial], should_stop: Callable[[], bool]
    ) -> Sequence[TrialResult]:
        tries = sum(trials[0].key in line for line in self.lines())
        self._note(f"{os.getpid()} {len(trials)} {trials[0].key}")
        struck = self.seed in {trial.seed for trial in trials} and len(trials) > self.larger
        if struck and tries < self.times:
            ACTIONS[self.action]()
        for _ in range(self.steps):
            if should_stop():
                raise InterruptedRunError("stopped between two steps")
            time.sleep(0.02)
        return [fake_result(trial, stack=len(trials)) for trial in trials]

    def time_sizes(self, wanted: SizeWanted) -> dict[int, float]:
        self._note(f"{os.getpid()} sizes {wanted.trials[0].key}")
        if self.seed in {trial.seed for trial in wanted.trials}:
            ACTIONS[self.action]()
        return {size: 1.0 / size for size in wanted.candidates}

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def processes(self) -> set[int]:
        return {int(line.split()[0]) for line in self.lines()}

    def _note(self, line: str) -> None:
        with self.log.open("a") as file:
            file.write(line + "\n")


@dataclass(frozen=True)
class Make:
    """Gives a trainer in whatever process; may raise instead, or end the process."""

    trainer: Scripted
    action: str = ""

    def __call__(self) -> Scripted:
        if self.action:
            ACTIONS[self.action]()
        return self.trainer
