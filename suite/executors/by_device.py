"""Trains a GPU's stacks in this process, and the CPU's in worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from suite.executors.base import Executor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from suite.cost.plan import Replicate
    from suite.cost_records import CostResult
    from suite.executors.base import ShouldStop, SizeWanted, StackFinished, StackStarted
    from suite.planning import Stack


class ByDeviceExecutor(Executor):
    """Two executors, each with its own stacks, one after the other.

    One stack fills an accelerator, and the processes of the CPU would only share it; many small
    stacks fill the cores, and one process would not. The accelerator goes first: it is done sooner,
    and its host has the cores for itself.

    Parameters
    ----------
    accelerators
        Trains the stacks of every device but the CPU.
    cpu
        Trains the others.
    """

    def __init__(self, accelerators: Executor, cpu: Executor) -> None:
        self._accelerators = accelerators
        self._cpu = cpu

    @property
    def parallel(self) -> int:
        """How many of the CPU's stacks train at the same time."""
        return self._cpu.parallel

    def trains_alone(self, device: str) -> bool:
        """Whether it is an accelerator."""
        return device != "cpu"

    def run(
        self, stacks: Sequence[Stack], should_stop: ShouldStop
    ) -> Iterator[StackStarted | StackFinished]:
        """Train every stack where its device's are trained."""
        for executor, alone in self._parts():
            part = [s for s in stacks if self.trains_alone(s.trials[0].device) == alone]
            yield from executor.run(part, should_stop)

    def time_sizes(
        self, wanted: Sequence[SizeWanted], should_stop: ShouldStop
    ) -> Iterator[tuple[int, dict[int, float]]]:
        """Time every shape where it will be trained."""
        for executor, alone in self._parts():
            places = [
                place
                for place, shape in enumerate(wanted)
                if self.trains_alone(shape.trials[0].device) == alone
            ]
            for place, timings in executor.time_sizes([wanted[p] for p in places], should_stop):
                yield places[place], timings

    def measure(self, replicate: Replicate, should_stop: ShouldStop) -> tuple[CostResult, ...]:
        """Measure as where the accelerators' stacks were trained, in this process."""
        return self._accelerators.measure(replicate, should_stop)

    def describe(self) -> dict[str, Any]:
        """Say how the CPU's stacks run, and the others."""
        return {
            **self._cpu.describe(),
            "name": "by-device",
            "accelerators": self._accelerators.describe(),
        }

    def close(self) -> None:
        """Close both."""
        self._accelerators.close()
        self._cpu.close()

    def _parts(self) -> tuple[tuple[Executor, bool], ...]:
        return (self._accelerators, True), (self._cpu, False)
