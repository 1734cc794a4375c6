"""When probes run: a pure function of what they cost, without torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suite.probes import ProbeCost

MINIBATCHES: Final = 8  # of the shared passes
MOST_POINTS: Final = 10
FEWEST_POINTS: Final = 3  # the start, one between and the end
# Of the work of training, which evaluation adds to: a study with probes may take at most 1.5× the
# time of the same study without, and observing costs somewhat more than its passes.
LARGEST_SHARE: Final = 0.3
# A forward and backward pass is about three forward passes.
BOTH_WAYS: Final = 3


def work_of_a_point(costs: Sequence[ProbeCost], batch_size: int, validation_images: int) -> int:
    """Count the work of one point, in images going forward; probes share the shared passes."""
    shared = 0
    if any(cost.backward for cost in costs):
        shared = BOTH_WAYS
    elif any(cost.forward for cost in costs):
        shared = 1
    own = BOTH_WAYS * sum(cost.passes for cost in costs)
    return (shared * MINIBATCHES + own) * batch_size + validation_images * sum(
        cost.validation_passes for cost in costs
    )


def probe_steps(
    schedule: Sequence[int], costs: Sequence[ProbeCost], batch_size: int, validation_images: int
) -> tuple[int, ...]:
    """Choose the steps after which probes run, out of those after which the suite evaluates.

    As many as cost at most ``LARGEST_SHARE`` of training, but no fewer than ``FEWEST_POINTS`` and
    no more than ``MOST_POINTS``. The shared schedule is geometric, so equal distances on it are.

    Parameters
    ----------
    schedule
        Rising steps, from 0 to the length of training.
    costs
        Of the probes of the study.
    batch_size
        Images of a minibatch.
    validation_images
        Images of the validation part; 0 without one.

    Returns
    -------
    tuple of int
        Rising; the first and the last of ``schedule`` are among them.
    """
    training = BOTH_WAYS * batch_size * schedule[-1]
    work = work_of_a_point(costs, batch_size, validation_images)
    affordable = math.floor(LARGEST_SHARE * training / work) if work else MOST_POINTS
    count = min(max(affordable, FEWEST_POINTS), MOST_POINTS, len(schedule))
    last = len(schedule) - 1
    return tuple(schedule[round(k * last / (count - 1))] for k in range(count))
