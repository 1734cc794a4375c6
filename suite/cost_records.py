"""Frozen records of cost: what is measured, how, and what it gave. Nothing here imports torch.

They stand apart from ``suite.records`` because that module is part of every trial's code version:
a change of how cost is measured must not make finished trials stale.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from suite.records import STATUSES, Condition, Outcome, Status, canonical_json, content_hash

Activity = Literal["forward", "train_step", "inference", "inference_folded"]
ACTIVITIES: Final[dict[str, str]] = {
    "forward": "forward pass in train mode, with all that backward needs kept",
    "train_step": "gradients to zero, forward, loss, backward, optimizer step",
    "inference": "forward pass in eval mode, without gradients",
    "inference_folded": "the same with batch norm folded into the layer before it",
}
COST_FLAGS: Final[dict[str, str]] = {
    "spread": "the middle half of the samples spans 10 % of their median or more",
    "few samples": "fewer than 10 samples",
    "other load": "other processes kept more than a tenth of the machine's cores busy meanwhile",
    "coarse clock": "one tick of the clock is more than 1 % of the shortest sample",
}


@dataclass(frozen=True, kw_only=True)
class CostProtocol:
    """How time is measured; raw samples are kept, so nothing hangs on how they are summed up.

    Parameters
    ----------
    threads
        Threads of the CPU that the process may use; fixed before it starts.
    samples
        Timed samples of each activity in each replicate.
    sample_seconds
        A sample repeats the pass until it takes about this long, so that the clock's tick is small
        beside it.
    warm_up_passes, warm_up_seconds
        Each activity first runs for at least so many passes and so long; that is not counted.
    energy_seconds
        How long training steps run to read the device's energy counter, where there is one.
    """

    threads: int
    samples: int = 30
    sample_seconds: float = 0.005
    warm_up_passes: int = 5
    warm_up_seconds: float = 0.1
    energy_seconds: float = 3.0

    def __post_init__(self) -> None:
        _require(self.threads >= 1, "threads must be at least 1")
        _require(self.samples >= 1, "samples must be at least 1")
        _require(self.warm_up_passes >= 1, "warm_up_passes must be at least 1")
        for name in ("sample_seconds", "warm_up_seconds", "energy_seconds"):
            value = getattr(self, name)
            _require(math.isfinite(value) and value > 0, f"{name} must be positive and finite")


@dataclass(frozen=True, kw_only=True)
class CostTask:
    """Condition × replicate on one device: the cost of one network in one fresh process.

    The dataset says the images' shape and the number of classes; pixels are random, for time does
    not depend on them, and neither does it on learning rate or init.
    """

    condition: Condition
    replicate: int
    protocol: CostProtocol
    device: str
    code_version: str

    def __post_init__(self) -> None:
        _require(self.replicate >= 0, f"replicate must not be negative, not {self.replicate}")

    @property
    def key(self) -> str:
        """Content hash of all that determines the task: 32 hexadecimal digits."""
        return content_hash(dataclasses.asdict(self))


@dataclass(frozen=True)
class Timing:
    """Raw times of one activity.

    Parameters
    ----------
    activity
        A key of ``ACTIVITIES``.
    passes
        Passes in each sample.
    seconds
        Seconds of one pass, a number for each sample, in the order of measurement.
    flags
        Keys of ``COST_FLAGS``: what speaks against trusting the figure.
    """

    activity: str
    passes: int
    seconds: tuple[float, ...]
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(self.activity in ACTIVITIES, f"unknown activity {self.activity!r}")
        _require(set(self.flags) <= set(COST_FLAGS), f"unknown flag among {self.flags}")
        _require(self.passes >= 1 and bool(self.seconds), f"{self.activity}: no samples")
        _require(
            all(math.isfinite(s) and s >= 0 for s in self.seconds),
            f"{self.activity}: seconds must be finite and not negative",
        )


@dataclass(frozen=True, kw_only=True)
class CostResult:
    """What one replicate found for one network.

    Parameters
    ----------
    status
        ``ok``; ``undefined`` where it can't train (what can be measured still is), ``oom`` and
        ``failed``, with ``reason``.
    hardware
        The device's own name.
    outcomes
        Quantities of ``suite.quantities``; the facet is the activity, or the kind of memory.
    timings
        Raw times.
    """

    task: CostTask
    status: Status
    reason: str = ""
    hardware: str = ""
    outcomes: tuple[Outcome, ...] = ()
    timings: tuple[Timing, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        _require(self.status in STATUSES, f"unknown status {self.status!r}")
        _require(self.status != "diverged", "a measurement of cost can't diverge")
        _require(
            self.status == "ok" or bool(self.reason), f"a cost that is {self.status} needs a reason"
        )

    def to_json(self) -> str:
        """Write the result as canonical JSON; ``cost_result_from_json`` reads it."""
        return canonical_json(dataclasses.asdict(self))


def cost_task_from_raw(raw: dict[str, Any]) -> CostTask:
    """Rebuild a task from plain JSON values."""
    return CostTask(
        **{
            **raw,
            "condition": Condition(**raw["condition"]),
            "protocol": CostProtocol(**raw["protocol"]),
        }
    )


def cost_task_from_json(text: str) -> CostTask:
    """Rebuild a task from the JSON that the store holds."""
    return cost_task_from_raw(json.loads(text))


def cost_result_from_json(text: str) -> CostResult:
    """Rebuild a result from what ``CostResult.to_json`` wrote."""
    raw = json.loads(text)
    return CostResult(
        **{
            **raw,
            "task": cost_task_from_raw(raw["task"]),
            "outcomes": tuple(Outcome(**o) for o in raw["outcomes"]),
            "timings": tuple(
                Timing(t["activity"], t["passes"], tuple(t["seconds"]), tuple(t["flags"]))
                for t in raw["timings"]
            ),
        }
    )


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
