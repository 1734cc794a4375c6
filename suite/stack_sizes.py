"""How many members a stack may have and usually has; without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.estimate import cuda_seconds, order_bytes, trial_bytes
from suite.models import model_spec
from suite.stacking import even_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suite.records import Trial
    from suite.schedule import Shape

LARGEST_STACK: Final = 64
# Seconds that a stack above the usual size may take: a kill can lose them, and the first row is
# waited for that long. On a CPU a short timing flatters such stacks: one of 48 at batch 16 took 660
# µs a seed-step where it had said 409.
LONGEST_STACK: Final = 240.0
MEMORY_SHARE: Final = 0.25  # of a CUDA device's memory, by a rough estimate


def filling_stack(trials: Sequence[Trial], memory_bytes: int) -> int:
    """Stack size on a CUDA device: all trials of one shape, as far as memory and patience reach.

    A step of one network leaves most of such a device idle, and the more members share a step the
    less one of them takes. Where memory does not suffice after all, the executor halves the stack.

    Parameters
    ----------
    trials
        All of the shape.
    memory_bytes
        What a stack may have of the device.
    """
    condition = trials[0].condition
    if not model_spec(condition.model).has_stacked:
        return 1
    fitting = int(MEMORY_SHARE * memory_bytes) // (trial_bytes(condition) + order_bytes(trials[0]))
    most = max(1, min(fitting, _short_enough(trials)))
    seeds = _seeds(trials)
    return even_parts(len(trials) if most >= seeds else seeds, most)[0]


def _short_enough(trials: Sequence[Trial]) -> int:
    """Count the members of a stack that takes ``LONGEST_STACK``, or twice as long as one member."""
    alone, together = cuda_seconds(trials[:1]), cuda_seconds(trials)
    limit = max(LONGEST_STACK, 2 * alone)
    if not together > limit:
        return len(trials)
    return 1 + int((len(trials) - 1) * (limit - alone) / (together - alone))


def candidate_sizes(trials: Sequence[Trial]) -> tuple[int, ...]:
    """Stack sizes that leave stacks even: parts of a condition's seeds, or of all trials.

    A stack of less than a condition's seeds never mixes conditions, whose learning rates would be
    groups of the optimizer, each with a cost of its own at every step.

    Parameters
    ----------
    trials
        All trials of one shape, condition by condition.

    Returns
    -------
    tuple of int
        Rising from 1 to ``LARGEST_STACK`` at most, each at least a quarter larger than the one
        before.
    """
    seeds = _seeds(trials)
    sizes = {even_parts(seeds, most)[0] for most in range(1, seeds + 1)}
    several = {even_parts(len(trials), most)[0] for most in range(seeds, len(trials) + 1)}
    chosen: list[int] = []
    for size in sorted(sizes | several):
        if size <= LARGEST_STACK and (not chosen or size >= 1.25 * chosen[-1]):
            chosen.append(size)
    return tuple(chosen)


def _seeds(trials: Sequence[Trial]) -> int:
    """Count the seeds of the first condition."""
    return sum(trial.condition == trials[0].condition for trial in trials)


def usual_stack(batch_size: int) -> int:
    """Stack size where timing does not pay: near the best on 2 cores, from 12 down to 4."""
    return max(4, min(12, 3072 // batch_size))


def possible_sizes(
    trials: Sequence[Trial], shape: Shape, longest: float, longest_large: float
) -> tuple[int, tuple[int, ...]]:
    """Give the usual size of a shape's stacks, and those that timing may choose from.

    Parameters
    ----------
    trials
        All of the shape, condition by condition.
    shape
        What is estimated of them; where nothing is known, no stack is too long.
    longest
        Seconds after which a stack would leave cores idle while it trains as the last one.
    longest_large
        Seconds that a stack above the usual size may take on a CPU.
    """
    if not model_spec(trials[0].condition.model).has_stacked:
        return 1, (1,)
    sizes = [c for c in candidate_sizes(trials) if c == 1 or not shape.length(c) > longest]
    most = usual_stack(trials[0].condition.batch_size)
    usual = max((size for size in sizes if size <= most), default=sizes[0])
    if trials[0].device == "cpu":  # sizes far from the usual never pay there
        sizes = [
            size
            for size in sizes
            if most <= 4 * size <= 16 * most
            and (size <= most or not shape.length(size) > longest_large)
        ]
    return usual, tuple(sizes)
