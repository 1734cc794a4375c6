"""When to evaluate, and when a target was reached: pure functions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def evaluation_steps(steps: int, per_decade: int) -> tuple[int, ...]:
    """Choose the steps after which to evaluate: geometric, so dense early.

    Parameters
    ----------
    steps
        Optimizer updates of the whole training.
    per_decade
        Evaluations per factor of ten; rounding to whole steps merges the earliest.

    Returns
    -------
    tuple of int
        Rising; always holds 0 (initialisation), 1 and ``steps``.
    """
    count = math.floor(per_decade * math.log10(steps)) if steps > 1 else 0
    geometric = {round(10 ** (k / per_decade)) for k in range(count + 1)}
    return tuple(sorted({0, 1, steps} | {s for s in geometric if s <= steps}))


def first_crossing(positions: Sequence[float], values: Sequence[float], target: float) -> float:
    """Find where a curve first reaches a target, linear between the points that bracket it.

    Parameters
    ----------
    positions
        Rising: steps, images or seconds.
    values
        The curve at these positions.
    target
        Reached where a value is at least this.

    Returns
    -------
    float
        In the unit of ``positions``; ``inf`` where no value reaches the target.
    """
    before = None
    for position, value in zip(positions, values, strict=True):
        if value >= target:
            if before is None:
                return float(position)
            share = (target - before[1]) / (value - before[1])
            return before[0] + share * (position - before[0])
        before = (float(position), value)
    return math.inf
