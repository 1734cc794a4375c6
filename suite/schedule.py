"""In which order stacks train, and how large they may be, so that no worker idles at the end.

What is known of a stack beforehand is an estimate of its time. Nothing here imports torch.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Final

from suite.stacking import even_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from suite.planning import Stack

FREE: Final = 1.01  # a schedule that takes this times the best one counts as no longer
# Of a worker's part of the whole work, what one stack may take: what is preferred comes first.
SHARES: Final = (0.5, 1.0, 1.25, 1.5, 2.0, math.inf, 0.25, 0.125)


def arranged(
    stacks: Sequence[Stack], seconds: Callable[[Stack], float], parallel: int
) -> tuple[Stack, ...]:
    """Order stacks so that all workers end at about the same time.

    As much as possible of the given order, which is balanced for an early look, is kept; only the
    stacks at its end, as many as that takes, go by their length, the longest first.

    Parameters
    ----------
    stacks
        In the order that is wished for.
    seconds
        Estimate of how long a stack trains; NaN counts as long.
    parallel
        How many train at the same time.
    """
    if parallel == 1:
        return tuple(stacks)
    lengths = [seconds(stack) for stack in stacks]
    longest = max((length for length in lengths if math.isfinite(length)), default=1.0)
    lengths = [length if math.isfinite(length) else longest for length in lengths]
    tails = [0]
    while tails[-1] < len(stacks):
        tails.append(min(len(stacks), max(parallel, 2 * tails[-1])))
    orders = [_longest_last_part_first(lengths, tail) for tail in tails]
    spans = [makespan((lengths[i] for i in order), parallel) for order in orders]
    best = min(spans)
    order = next((o for o, s in zip(orders, spans, strict=True) if s <= FREE * best), orders[0])
    return tuple(stacks[i] for i in order)


def makespan(seconds: Iterable[float], parallel: int) -> float:
    """Say when the last stack ends, where each goes to the worker that is free first."""
    free = [0.0] * parallel
    for length in seconds:
        heapq.heapreplace(free, free[0] + length)
    return max(free)


def longest_stack(shapes: Sequence[Shape], parallel: int) -> float:
    """Choose how many seconds a stack may take.

    Large stacks need less time a member, and small ones divide better among workers; the choice is
    what ends first.

    Parameters
    ----------
    shapes
        Of all that is to be trained.
    parallel
        How many stacks train at the same time.

    Returns
    -------
    float
        Seconds, by the same estimate as the shapes'; ``inf`` where nothing must be small, and NaN
        where the estimates are.
    """
    if parallel == 1:
        return math.inf
    share = sum(shape.seconds for shape in shapes) / parallel
    spans = {part: _span(shapes, part * share, parallel) for part in SHARES}
    best = min(spans.values())
    return next((p for p, span in spans.items() if span <= FREE * best), math.nan) * share


class Shape:
    """Trials of one shape, for the choice of sizes.

    Parameters
    ----------
    trials
        How many.
    seconds
        Estimate for all of them, in stacks of the usual size.
    sizes
        Stack sizes that are possible, rising, up to the usual one.
    batch_size
        Of a member.
    """

    def __init__(self, trials: int, seconds: float, sizes: Sequence[int], batch_size: int) -> None:
        self.trials = trials
        self.seconds = seconds
        self.sizes = sizes
        self.batch_size = batch_size

    def lengths(self, longest: float) -> list[float]:
        """Cut into stacks of at most so many seconds; give the seconds of each."""
        fitting = [size for size in self.sizes if self.length(size) <= longest]
        size = fitting[-1] if fitting else self.sizes[0]
        return [self.length(part) for part in even_parts(self.trials, size)]

    def length(self, size: int) -> float:
        """Give the seconds of a stack of this size.

        The fixed cost of a step weighs about 13 / batch size^0.7 as much as a member: 616 µs a
        member in a stack of 4 against 390 µs in one of 12 at batch 4, see docs/performance.md.
        """
        fixed = 13 / math.pow(self.batch_size, 0.7)
        relative = (1 + fixed / size) / (1 + fixed / self.sizes[-1])
        return relative * size * self.seconds / self.trials


def _span(shapes: Sequence[Shape], longest: float, parallel: int) -> float:
    lengths = [length for shape in shapes for length in shape.lengths(longest)]
    return makespan(sorted(lengths, reverse=True), parallel)


def _longest_last_part_first(lengths: Sequence[float], tail: int) -> list[int]:
    places = list(range(len(lengths)))
    head = places[: len(places) - tail]
    return head + sorted(places[len(head) :], key=lambda i: -lengths[i])
