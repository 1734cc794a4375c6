"""Short words for people: conditions, times and sizes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suite.records import Trial


def duration(seconds: float) -> str:
    """Write seconds as people say them: ``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes >= 10:
        return f"{minutes + (rest >= 30)} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(count: float) -> str:
    """Write bytes in the nearest binary unit."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def many(count: int, noun: str) -> str:
    """Write a number with its noun: ``1 trial``, ``504 trials``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def stack_in_words(trials: Sequence[Trial]) -> str:
    """Say what a stack trains: what all have in common, then learning rates and seeds."""
    condition = trials[0].condition
    parts = [condition.dataset, condition.model]
    if condition.depth is not None:
        parts.append(f"depth {condition.depth}")
    parts.append("no norm" if condition.norm == "none" else f"{condition.norm} norm")
    parts.append(f"batch size {condition.batch_size}")
    rates = sorted({trial.condition.learning_rate for trial in trials})
    parts.append("lr " + " ".join(f"{rate:g}" for rate in rates))
    if condition.train_size is not None:
        parts.append(f"{condition.train_size:,} images")
    parts += [condition.optimizer] if condition.optimizer != "adam" else []
    inits = sorted({trial.condition.init for trial in trials})
    parts += [f"init {' '.join(inits)}"] if inits != ["default"] else []
    parts.append(many(len({trial.seed for trial in trials}), "seed"))
    parts += [trials[0].device] if trials[0].device != "cpu" else []
    return " · ".join(parts)
