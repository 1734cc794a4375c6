"""The contract of an executor, and what every executor does when training goes wrong.

An executor trains stacks and reports what happens, in any order. It neither cuts the stacks nor
stores results: the runner does both, in the one process that may write. ``tests/suite/executors``
holds every executor to the same contract.
"""

from __future__ import annotations

import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from suite.cost.processes import measure_in_process
from suite.errors import BenchError, InterruptedRunError, TrialUndefinedError
from suite.out_of_memory import is_out_of_memory
from suite.records import Trial, TrialResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.cost.plan import Replicate
    from suite.cost_records import CostResult
    from suite.planning import Stack
    from suite.records import Status

ShouldStop: TypeAlias = Callable[[], bool]


class Trainer(Protocol):
    """What an executor calls where the work is done."""

    def __call__(self, trials: Sequence[Trial], should_stop: ShouldStop) -> Sequence[TrialResult]:
        """Train trials of one shape as one stack; give a result for each, in the same order.

        Raises
        ------
        InterruptedRunError
            ``should_stop()`` held between two steps.
        """

    def time_sizes(self, wanted: SizeWanted) -> dict[int, float]:
        """Time stack sizes: size → seconds per seed-step; nothing where it can't be timed."""


@dataclass(frozen=True)
class SizeWanted:
    """A shape whose stack size is to be chosen by timing.

    Parameters
    ----------
    trials
        All of the shape, condition by condition.
    candidates
        Sizes to time, rising.
    seconds
        About how long the timing may take.
    """

    trials: tuple[Trial, ...]
    candidates: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class StackStarted:
    """A stack began to train."""

    stack: Stack


@dataclass(frozen=True)
class StackFinished:
    """A stack is trained; ``results`` are its trials', in its order."""

    stack: Stack
    results: tuple[TrialResult, ...]
    seconds: float


class Executor(ABC):
    """Trains stacks somewhere.

    A stack whose training raises gives results with status ``failed``; one that runs out of memory
    is tried again in halves, and ``oom`` is the status of a trial that does not fit even alone.
    Where stacks train in other processes and one of these dies or hangs, its stack is tried once
    more, and is ``failed`` when that process dies too; other stacks don't notice. A worker that was
    ended for want of memory counts as one that ran out of it, where the executor can tell.
    """

    @property
    @abstractmethod
    def parallel(self) -> int:
        """How many stacks train at the same time."""

    def stacks_on(self, device: str) -> int:
        """Say how many stacks may be in the memory of an accelerator at once."""
        del device
        return 1

    def trains_alone(self, device: str) -> bool:
        """Say whether a device's stacks train one at a time, before all others."""
        del device
        return False

    @abstractmethod
    def run(
        self, stacks: Sequence[Stack], should_stop: ShouldStop
    ) -> Iterator[StackStarted | StackFinished]:
        """Train every stack; yield a start and a finish for each, stacks in any order.

        Raises
        ------
        InterruptedRunError
            ``should_stop()`` held; stacks that are not yet yielded as finished are dropped whole.
        DeviceLostError
            A device of this process computes no more; its last stack has been yielded as failed.
        """

    @abstractmethod
    def time_sizes(
        self, wanted: Sequence[SizeWanted], should_stop: ShouldStop
    ) -> Iterator[tuple[int, dict[int, float]]]:
        """Time stack sizes under the conditions in which stacks will train.

        Yields
        ------
        tuple
            Place in ``wanted``, in any order, and size → seconds per seed-step; nothing where
            the timing failed.

        Raises
        ------
        InterruptedRunError
            ``should_stop()`` held.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Say in plain JSON values how it runs: its name, processes and threads."""

    def measure(self, replicate: Replicate, should_stop: ShouldStop) -> tuple[CostResult, ...]:
        """Measure the cost of a replicate's networks, where nothing else trains.

        Raises
        ------
        InterruptedRunError
            ``should_stop()`` held; nothing of the replicate is kept.
        """
        return measure_in_process(replicate, should_stop)

    def close(self) -> None:  # noqa: B027 - most executors hold nothing
        """Free whatever it holds."""


def timings(train: Trainer, wanted: SizeWanted) -> dict[int, float]:
    """Time stack sizes; nothing where that raises: training will, and its result says why."""
    try:
        return dict(train.time_sizes(wanted))
    except Exception:
        return {}


class Guard:
    """A trainer around which nothing is lost: every trial of a stack gets a result.

    Parameters
    ----------
    train
        The trainer that may raise.
    """

    def __init__(self, train: Trainer) -> None:
        self._train = train
        self._fits: dict[str, int] = {}

    def __call__(
        self, stack: Stack, should_stop: ShouldStop, most: int | None = None
    ) -> StackFinished:
        """Train a stack; only an interrupt, or a fault of this project, is raised.

        ``most`` members of its shape are known to fit, where that is known.
        """
        if most is not None:
            self._fits[stack.shape] = min(most, self._fits.get(stack.shape, most))
        started = time.perf_counter()
        results = self._train_fitting(stack.shape, stack.trials, should_stop)
        return StackFinished(stack, tuple(results), time.perf_counter() - started)

    def _train_fitting(
        self, shape: str, trials: Sequence[Trial], should_stop: ShouldStop
    ) -> list[TrialResult]:
        """Train in halves of halves, as small as this shape is known to need."""
        if len(trials) <= self._fits.get(shape, len(trials)):
            try:
                return self._train_once(trials, should_stop)
            except _OutOfMemory as error:
                if len(trials) == 1:
                    return [without_result(trials[0], "oom", str(error))]
                self._fits[shape] = (len(trials) + 1) // 2
        half = (len(trials) + 1) // 2
        return [
            result
            for part in (trials[:half], trials[half:])
            for result in self._train_fitting(shape, part, should_stop)
        ]

    def _train_once(self, trials: Sequence[Trial], should_stop: ShouldStop) -> list[TrialResult]:
        try:
            results = list(self._train(trials, should_stop))
        except InterruptedRunError:
            raise
        except TrialUndefinedError as error:
            return [without_result(trial, "undefined", str(error)) for trial in trials]
        except Exception as error:
            if is_out_of_memory(error):
                raise _OutOfMemory(f"out of memory: {error}") from None
            return [without_result(t, "failed", traceback.format_exc()) for t in trials]
        if [result.trial for result in results] != list(trials):
            raise BenchError("the trainer did not give one result for each trial, in order")
        return results


class _OutOfMemory(Exception):  # noqa: N818 - a signal within this module
    pass


def without_result(trial: Trial, status: Status, reason: str) -> TrialResult:
    """Give the result of a trial that has no outcomes."""
    return TrialResult(trial=trial, status=status, reason=reason)
