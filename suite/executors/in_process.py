"""Trains in this process, one stack after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from suite.devices import give_memory_back, lasting_fault
from suite.errors import DeviceLostError, InterruptedRunError
from suite.executors.base import Executor, Guard, StackStarted, timings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from suite.cost.plan import Replicate
    from suite.cost_records import CostResult
    from suite.executors.base import ShouldStop, SizeWanted, StackFinished, Trainer
    from suite.planning import Stack


class InProcessExecutor(Executor):
    """The plainest executor: what is trained is trained here, with all of torch's threads.

    Parameters
    ----------
    train
        Trains the trials of one stack.
    threads
        Threads that torch uses, for the record.
    """

    def __init__(self, train: Trainer, threads: int) -> None:
        self._train = train
        self._guard = Guard(train)
        self._threads = threads

    @property
    def parallel(self) -> int:
        """One stack after the other."""
        return 1

    def run(
        self, stacks: Sequence[Stack], should_stop: ShouldStop
    ) -> Iterator[StackStarted | StackFinished]:
        """Train the stacks in their order."""
        for stack in stacks:
            if should_stop():
                raise InterruptedRunError("stopped between two stacks")
            yield StackStarted(stack)
            finished = self._guard(stack, should_stop)
            yield finished
            if any(result.status == "failed" for result in finished.results):
                _require_answer(stack.trials[0].device)

    def time_sizes(
        self, wanted: Sequence[SizeWanted], should_stop: ShouldStop
    ) -> Iterator[tuple[int, dict[int, float]]]:
        """Time the shapes in their order."""
        for place, shape in enumerate(wanted):
            if should_stop():
                raise InterruptedRunError("stopped while stack sizes were chosen")
            yield place, timings(self._train, shape)

    def measure(self, replicate: Replicate, should_stop: ShouldStop) -> tuple[CostResult, ...]:
        """Measure beside this process, which keeps no memory of a GPU that it does not use."""
        give_memory_back()
        return super().measure(replicate, should_stop)

    def describe(self) -> dict[str, Any]:
        """One process, and its threads."""
        return {"name": "in-process", "processes": 1, "threads": self._threads}


def _require_answer(device: str) -> None:
    """Stop where an error stays on a GPU for as long as this process lives: all else would fail."""
    if fault := lasting_fault(device):
        raise DeviceLostError(f"device {device} computes no more in this process: {fault}")
