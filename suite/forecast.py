"""Time left in a run: estimates at first, then what this run's own stacks took."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.planning import Stack

OVERDUE: Final = 0.1  # of its time is left, it is supposed, of a stack that takes longer than that


class Forecast:
    """Learns from finished stacks how long the others will take.

    A shape that has finished stacks counts by their seconds a trial; any other by its estimate
    times what estimates on its device were off so far; one without an estimate like the mean of the
    others.

    Parameters
    ----------
    stacks
        All stacks that are to be trained.
    estimated
        Estimate of a stack's seconds; NaN where there is none.
    parallel
        How many stacks train at the same time.
    alone
        Whether a stack is one of those that train one at a time, before all others.
    clock
        For tests.
    """

    def __init__(
        self,
        stacks: Sequence[Stack],
        estimated: Callable[[Stack], float],
        parallel: int = 1,
        alone: Callable[[Stack], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = {(stack.shape, stack.number): stack for stack in stacks}
        self._estimates = {name: estimated(stack) for name, stack in self._left.items()}
        self._parallel = parallel
        self._alone = alone
        self._clock = clock
        self._begun: dict[tuple[str, int], float] = {}
        self._measured: dict[str, tuple[float, int]] = {}
        self._total: dict[str, list[float]] = {}  # device → measured and estimated seconds

    def started(self, stack: Stack) -> None:
        """Learn that a stack trains now."""
        self._begun[stack.shape, stack.number] = self._clock()

    def finished(self, stack: Stack, seconds: float) -> None:
        """Learn what a stack took; NaN where that says nothing of others, as of one that failed."""
        name = (stack.shape, stack.number)
        del self._left[name]
        self._begun.pop(name, None)
        if math.isnan(seconds):
            return
        before, trials = self._measured.get(stack.shape, (0.0, 0))
        self._measured[stack.shape] = (before + seconds, trials + len(stack.trials))
        if math.isfinite(self._estimates[name]):
            total = self._total.setdefault(_device(stack), [0.0, 0.0])
            total[0] += seconds
            total[1] += self._estimates[name]

    def left(self) -> float:
        """Seconds until the last of the other stacks is trained."""
        expected = {name: self._expected(name, stack) for name, stack in self._left.items()}
        known = [seconds for seconds in expected.values() if math.isfinite(seconds)]
        typical = sum(known) / len(known) if known else self._mean()
        now = self._clock()
        before, ahead = 0.0, [0.0]
        for name, seconds in expected.items():
            whole = seconds if math.isfinite(seconds) else typical
            passed = now - self._begun[name] if name in self._begun else 0.0
            rest = max(whole - passed, OVERDUE * whole)
            if self._alone(self._left[name]):
                before += rest
            else:
                ahead.append(rest)
        return before + max(sum(ahead) / self._parallel, *ahead)

    def _expected(self, name: tuple[str, int], stack: Stack) -> float:
        if stack.shape in self._measured:
            seconds, trials = self._measured[stack.shape]
            return seconds / trials * len(stack.trials)
        measured, estimated = self._total.get(_device(stack), (0.0, 0.0))
        return self._estimates[name] * (measured / estimated if estimated > 0 else 1.0)

    def _mean(self) -> float:
        """Mean seconds of finished stacks' trials, where not one stack has an estimate."""
        seconds = sum(seconds for seconds, _ in self._measured.values())
        trials = sum(trials for _, trials in self._measured.values())
        return seconds / trials if trials else 0.0


def _device(stack: Stack) -> str:
    return stack.trials[0].device
