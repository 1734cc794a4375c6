"""How times are taken: warm-up, interleaving, samples, flags. Neither torch nor a clock is here.

Within one process all cells (a network × an activity) are measured in rounds. A round takes one
sample of every cell, in a new random order, so that a drift of the machine meets all of them alike.
A sample is one pass that is not timed (it brings the network back into the caches after the others'
turns), then ``passes`` passes between two readings of the clock, the device synchronised before
each reading. The warm-up rule: a cell's first passes are not counted until both
``warm_up_passes`` passes and ``warm_up_seconds`` are over; the last block of them says how many
passes a sample of ``sample_seconds`` holds.
"""

from __future__ import annotations

import contextlib
import gc
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from suite.cost_records import CostProtocol

SPREAD_LIMIT: Final = 0.10
FEWEST_SAMPLES: Final = 10
CLOCK_LIMIT: Final = 0.01
_MOST_PASSES: Final = 2**20


class Clock(Protocol):
    """A clock that only runs forward."""

    @property
    def tick(self) -> float:
        """Smallest step that it shows, in seconds."""
        ...

    def now(self) -> float:
        """Seconds since some moment."""
        ...


@dataclass(frozen=True)
class Cell:
    """Something whose time is wanted.

    Parameters
    ----------
    run
        One pass.
    synchronise
        Wait until the device has done all that it was asked for.
    """

    run: Callable[[], object]
    synchronise: Callable[[], None]


@dataclass(frozen=True)
class CellTimes:
    """Samples of one cell.

    Parameters
    ----------
    passes
        Passes in each sample.
    seconds
        Seconds of one pass, a number for each sample, in the order of measurement.
    flags
        Keys of ``COST_FLAGS`` that the samples themselves give reason for.
    """

    passes: int
    seconds: tuple[float, ...]
    flags: tuple[str, ...]

    @property
    def median(self) -> float:
        """Median over the samples."""
        return statistics.median(self.seconds)


def time_cells(
    cells: Sequence[Cell], protocol: CostProtocol, clock: Clock, order: random.Random
) -> list[CellTimes]:
    """Measure cells beside each other, as the module says.

    Parameters
    ----------
    cells
        All that is to be compared.
    protocol
        How long and how often.
    clock
        Read before and after each sample.
    order
        Draws the order of each round.

    Returns
    -------
    list of CellTimes
        One for each cell, in their order.
    """
    with _no_garbage_collection():
        passes = [_warm_up(cell, protocol, clock) for cell in cells]
        samples: list[list[float]] = [[] for _ in cells]
        places = list(range(len(cells)))
        for _ in range(protocol.samples):
            order.shuffle(places)
            gc.collect()
            for place in places:
                cells[place].run()
                elapsed = _elapsed(cells[place], passes[place], clock)
                samples[place].append(elapsed / passes[place])
    return [
        CellTimes(count, tuple(seconds), sample_flags(seconds, count, clock.tick))
        for count, seconds in zip(passes, samples, strict=True)
    ]


def sample_flags(seconds: Sequence[float], passes: int, tick: float) -> tuple[str, ...]:
    """Say what speaks against a median of these samples.

    Parameters
    ----------
    seconds
        Seconds of one pass in each sample.
    passes
        Passes in a sample.
    tick
        Smallest step of the clock, in seconds.
    """
    flags = []
    if relative_spread(seconds) >= SPREAD_LIMIT:
        flags.append("spread")
    if len(seconds) < FEWEST_SAMPLES:
        flags.append("few samples")
    if tick > CLOCK_LIMIT * min(seconds) * passes:
        flags.append("coarse clock")
    return tuple(flags)


def relative_spread(seconds: Sequence[float]) -> float:
    """Give the interquartile range over the median; infinite where it can't be known."""
    if len(seconds) < 2:
        return math.inf
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return (high - low) / median if median > 0 else math.inf


def _warm_up(cell: Cell, protocol: CostProtocol, clock: Clock) -> int:
    """Run a cell until it is warm; return the passes that make a sample."""
    done, total, block = 0, 0.0, 1
    while True:
        elapsed = _elapsed(cell, block, clock)
        done += block
        total += elapsed
        # A clock too coarse to see the largest block never ends the warm-up by time.
        if done >= protocol.warm_up_passes and (
            total >= protocol.warm_up_seconds or block >= _MOST_PASSES
        ):
            break
        if elapsed < protocol.sample_seconds:
            block *= 2
    if elapsed <= 0:
        return block
    return min(_MOST_PASSES, max(1, math.ceil(protocol.sample_seconds * block / elapsed)))


def _elapsed(cell: Cell, passes: int, clock: Clock) -> float:
    cell.synchronise()
    start = clock.now()
    for _ in range(passes):
        cell.run()
    cell.synchronise()
    return clock.now() - start


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep Python's collector out of the samples; it runs between the rounds instead."""
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()  # what is there already, all of torch, need not be looked through each time
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
