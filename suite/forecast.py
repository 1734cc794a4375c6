"""Time left in a run: estimates at first, then what this run's own stacks took."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.planning import Stack


class Forecast:
    """Learns from finished stacks how long the others will take.

    A shape that has finished stacks counts by their seconds a trial; any other by its estimate
    times what estimates were off so far.

    Parameters
    ----------
    stacks
        All stacks that are to be trained.
    estimated
        Estimate of a stack's seconds.
    parallel
        How many stacks train at the same time.
    """

    def __init__(
        self, stacks: Sequence[Stack], estimated: Callable[[Stack], float], parallel: int = 1
    ) -> None:
        self._parallel = parallel
        self._left = {(stack.shape, stack.number): stack for stack in stacks}
        self._estimates = {name: estimated(stack) for name, stack in self._left.items()}
        self._measured: dict[str, tuple[float, int]] = {}
        self._total = [0.0, 0.0]  # measured and estimated seconds of finished stacks

    def finished(self, stack: Stack, seconds: float) -> None:
        """Learn what a stack took."""
        name = (stack.shape, stack.number)
        del self._left[name]
        before, trials = self._measured.get(stack.shape, (0.0, 0))
        self._measured[stack.shape] = (before + seconds, trials + len(stack.trials))
        self._total[0] += seconds
        self._total[1] += self._estimates[name]

    def left(self) -> float:
        """Seconds until the last of the other stacks is trained."""
        measured, estimated = self._total
        factor = measured / estimated if estimated > 0 else 1.0
        return (
            sum(
                self._measured[stack.shape][0] / self._measured[stack.shape][1] * len(stack.trials)
                if stack.shape in self._measured
                else factor * self._estimates[name]
                for name, stack in self._left.items()
            )
            / self._parallel
        )
