"""Frozen records that flow from grid to store to analysis, and the content hash that names a trial.

Records are validated once, when built. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

Status = Literal["ok", "diverged", "undefined", "oom", "failed"]
STATUSES: Final[tuple[str, ...]] = get_args(Status)
Split = Literal["holdout", "all"]
FINAL_TRAIN_IMAGES: Final = 10_000  # at most, the first of the training part: as many as test has


@dataclass(frozen=True, kw_only=True, order=True)
class Condition:
    """One value for every axis; everything that describes a trial but its seed.

    Parameters
    ----------
    dataset, model, norm, optimizer, init
        Registry names. A norm may carry an argument after a colon: ``ghost:16``, ``group:8``.
    batch_size
        Images per optimizer update.
    learning_rate
        The optimizer's step size.
    depth
        Hidden layers, for models where depth is an axis; None elsewhere.
    train_size
        Training images, the first of each seed's split; None for the whole training split.
    weight_decay
        L2 coefficient, as the optimizer of that name applies it.
    """

    dataset: str
    model: str
    norm: str
    batch_size: int
    learning_rate: float
    optimizer: str = "adam"
    init: str = "default"
    depth: int | None = None
    train_size: int | None = None
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        # 1 and 1.0 are one setting: they must not make two trials.
        object.__setattr__(self, "learning_rate", float(self.learning_rate))
        object.__setattr__(self, "weight_decay", float(self.weight_decay))
        _require(self.batch_size >= 1, f"batch_size must be at least 1, not {self.batch_size}")
        _require(
            math.isfinite(self.learning_rate) and self.learning_rate > 0,
            f"learning_rate must be a positive finite number, not {self.learning_rate}",
        )
        _require(self.depth is None or self.depth >= 1, f"depth must be >= 1, not {self.depth}")
        _require(
            self.train_size is None or self.train_size >= 1,
            f"train_size must be at least 1, not {self.train_size}",
        )
        _require(
            math.isfinite(self.weight_decay) and self.weight_decay >= 0,
            f"weight_decay must be finite and not negative, not {self.weight_decay}",
        )


AXES: Final[tuple[str, ...]] = tuple(f.name for f in dataclasses.fields(Condition))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long a trial trains: exactly one of epochs, steps or samples.

    Parameters
    ----------
    epochs
        Passes over the training images; a fraction is allowed.
    steps
        Optimizer updates.
    samples
        Training images seen, rounded up to whole batches.
    """

    epochs: float | None = None
    steps: int | None = None
    samples: int | None = None

    def __post_init__(self) -> None:
        given = [v for v in (self.epochs, self.steps, self.samples) if v is not None]
        _require(len(given) == 1, "a budget is exactly one of epochs, steps or samples")
        _require(math.isfinite(given[0]) and given[0] > 0, "a budget must be positive and finite")
        if self.epochs is not None:
            object.__setattr__(self, "epochs", float(self.epochs))

    def steps_for(self, train_images: int, batch_size: int) -> int:
        """Count the optimizer updates; the last, smaller batch of an epoch is kept as one."""
        per_epoch = math.ceil(train_images / batch_size)
        if self.steps is not None:
            return self.steps
        if self.epochs is not None:
            return max(1, math.ceil(self.epochs * per_epoch - 1e-9))
        assert self.samples is not None
        whole, rest = divmod(self.samples, train_images)
        return whole * per_epoch + math.ceil(rest / batch_size)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What a study fixes for all of its trials beside the condition.

    Parameters
    ----------
    budget
        Length of training.
    split
        ``holdout``: a validation part is set aside by the seed; ``all``: every training image is
        trained on and there is no validation (the notebook's own protocol).
    probes
        Names of mechanism probes to run on the schedule.
    evaluations_per_decade
        Scheduled evaluations per factor of ten in steps; the schedule is geometric, so it is dense
        early, and always holds the last step.
    trace_every
        Mean training loss is stored over windows of this many steps.
    """

    budget: Budget
    split: Split = "holdout"
    probes: tuple[str, ...] = ()
    evaluations_per_decade: int = 12
    trace_every: int = 100

    def __post_init__(self) -> None:
        _require(self.evaluations_per_decade >= 1, "evaluations_per_decade must be at least 1")
        _require(self.trace_every >= 1, "trace_every must be at least 1")
        _require(self.split in get_args(Split), f"split must be holdout or all, not {self.split}")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Condition × seed on one device: one training run, one row of outcomes.

    ``code_version`` and ``data_fingerprint`` are part of the identity, so a change of the trainer
    or of the images is another trial and never passes for a finished one.
    """

    condition: Condition
    seed: int
    protocol: Protocol
    device: str
    data_fingerprint: str
    code_version: str

    def __post_init__(self) -> None:
        _require(self.seed >= 0, f"seed must not be negative, not {self.seed}")

    @functools.cached_property
    def key(self) -> str:
        """Content hash of all that determines the trial: 32 hexadecimal digits."""
        return content_hash(self.plain())

    def plain(self) -> dict[str, Any]:
        """Give the fields as plain JSON values; the inner ones are shared, so don't change them."""
        return {
            "condition": _plain(self.condition),
            "seed": self.seed,
            "protocol": _plain(self.protocol),
            "device": self.device,
            "data_fingerprint": self.data_fingerprint,
            "code_version": self.code_version,
        }


@functools.lru_cache(maxsize=4096)
def _plain(record: Condition | Protocol) -> dict[str, Any]:
    """Seeds of one condition share it: a plan of thousands of trials is made in a moment."""
    return dataclasses.asdict(record)


@dataclass(frozen=True)
class Outcome:
    """One number about a whole trial.

    Parameters
    ----------
    quantity
        A name in ``suite.quantities``.
    value
        The number in that quantity's unit. ``inf`` in a time-to-target says: not reached within the
        budget (censored). NaN is refused: what is not known is left out.
    facet
        What the quantity is about where there are several: a target, a test-batch size, a layer.
    """

    quantity: str
    value: float
    facet: str = ""

    def __post_init__(self) -> None:
        _require(
            not math.isnan(self.value), f"{self.quantity}: NaN is not an outcome; leave it out"
        )


@dataclass(frozen=True)
class Curve:
    """One quantity along training; steps count optimizer updates done, 0 is initialisation.

    Points with a value that is not finite are left out by whoever makes the curve.
    """

    quantity: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    facet: str = ""

    def __post_init__(self) -> None:
        _require(len(self.steps) == len(self.values), f"{self.quantity}: steps and values differ")
        _require(
            all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False)),
            f"{self.quantity}: steps must rise strictly",
        )
        _require(all(map(math.isfinite, self.values)), f"{self.quantity}: values must be finite")


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """Everything that one trial gave.

    Parameters
    ----------
    status
        ``ok``; ``diverged`` (data, with ``diverged_step``); ``undefined``, ``oom`` and ``failed``
        (with ``reason``; for ``failed`` the traceback).
    stack_size
        Members of the stack it was trained in; 1 for the serial trainer.
    seconds
        Training time of its stack over the stack's size, evaluation left out.
    """

    trial: Trial
    status: Status
    reason: str = ""
    diverged_step: int | None = None
    stack_size: int = 1
    seconds: float = 0.0
    outcomes: tuple[Outcome, ...] = ()
    curves: tuple[Curve, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        _require(self.status in STATUSES, f"unknown status {self.status!r}")
        _require(
            (self.status == "diverged") == (self.diverged_step is not None),
            "diverged_step goes with status diverged, and only with it",
        )
        _require(
            self.status in ("ok", "diverged") or bool(self.reason),
            f"a trial that is {self.status} needs a reason",
        )


def content_hash(value: Any) -> str:
    """Hash a value of plain JSON types: SHA-256 of its canonical JSON, first 32 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:32]


def canonical_json(value: Any) -> str:
    """Write plain values as JSON with sorted keys, no spaces and no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
