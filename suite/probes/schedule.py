"""When probes run: a pure function of what they cost, without torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suite.probes import ProbeCost

MOST_POINTS: Final = 10
FEWEST_POINTS: Final = 2  # the start and the end
# Of the work of training and evaluation: a study with probes may take at most 1.5× the time of the
# same study without, and looking costs more than its passes: norms, moments, sums of gradients.
LARGEST_SHARE: Final = 0.25
BOTH_WAYS: Final = 3  # a forward and backward pass is about three forward passes
IMAGES: Final = 512  # of the shared passes, where minibatches are neither small nor large
VALIDATION_IMAGES: Final = 1000  # of a probe's own passes
TEST_IMAGES: Final = 3000  # likewise


def minibatches(batch_size: int) -> int:
    """Count the minibatches of the shared passes: 4 to 16, for about ``IMAGES`` images."""
    return min(16, max(4, IMAGES // batch_size))


def work_of_a_point(costs: Sequence[ProbeCost], batch_size: int, validation_images: int) -> int:
    """Count the work of one point, in images going forward; probes share the shared passes."""
    shared = 0
    if any(cost.backward for cost in costs):
        shared = BOTH_WAYS
    elif any(cost.forward for cost in costs):
        shared = 1
    own = BOTH_WAYS * sum(cost.passes for cost in costs)
    passes = shared * minibatches(batch_size) + own
    validation = sum(cost.validation_passes for cost in costs)
    return passes * batch_size + validation * min(validation_images, VALIDATION_IMAGES)


def probe_steps(
    schedule: Sequence[int],
    costs: Sequence[ProbeCost],
    *,
    batch_size: int,
    validation_images: int,
    test_images: int,
) -> tuple[int, ...]:
    """Choose the steps after which probes run, out of those after which the suite evaluates.

    As many as cost at most ``LARGEST_SHARE`` of the study without probes, but no fewer than
    ``FEWEST_POINTS`` and no more than ``MOST_POINTS``. They lie at equal distances on the schedule,
    which is geometric.

    Parameters
    ----------
    schedule
        Rising steps, from 0 to the length of training.
    costs
        Of the probes of the study.
    batch_size
        Images of a minibatch.
    validation_images, test_images
        Images of these parts; no validation images where there is no such part.

    Returns
    -------
    tuple of int
        Rising; the first and the last of ``schedule`` are among them.
    """
    training = BOTH_WAYS * batch_size * schedule[-1] + validation_images * len(schedule)
    at_end = min(test_images, TEST_IMAGES) * sum(cost.test_passes for cost in costs)
    work = work_of_a_point(costs, batch_size, validation_images)
    affordable = math.floor((LARGEST_SHARE * training - at_end) / work) if work else MOST_POINTS
    count = min(max(affordable, FEWEST_POINTS), MOST_POINTS, len(schedule))
    last = len(schedule) - 1
    return tuple(schedule[round(k * last / (count - 1))] for k in range(count))
