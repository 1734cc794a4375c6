"""Which trials may train together in one stack; without torch, so that a plan can ask."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from suite.records import canonical_json

if TYPE_CHECKING:
    from suite.records import Trial

# These become vectors over the stack's members; all else shapes the computation itself.
PER_MEMBER_AXES: Final = ("learning_rate", "weight_decay", "init")


def stack_shape(trial: Trial) -> str:
    """Name the computation that a trial needs; trials with equal names may share a stack.

    Members of a stack share everything but seed, learning rate, weight decay and init. The name is
    canonical JSON, so it can serve as a key in a store.
    """
    shared = dataclasses.asdict(trial)
    del shared["seed"]
    for axis in PER_MEMBER_AXES:
        del shared["condition"][axis]
    return canonical_json(shared)


def even_parts(count: int, most: int) -> list[int]:
    """Divide so many members among as few stacks as hold ``most`` each.

    Returns
    -------
    list of int
        Members of each stack, the larger ones first; they differ by one at most.
    """
    parts = -(-count // most)
    return [count // parts + (part < count % parts) for part in range(parts)]
