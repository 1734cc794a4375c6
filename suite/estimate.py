"""How long a grid may take and how much memory it needs, before anything runs; without torch.

Arithmetic comes from counting: 6 operations for each multiply-add of a training step (2 forward, 4
backward), 2 for each of an evaluation. The machine's speed comes from a short matrix product, and
the share of it that the trainer reaches from the table below. Where the store already holds trials
of the same shape, their seconds are used instead. An estimate is an estimate: other work on the
machine makes it wrong.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from suite.datasets import DATASETS
from suite.grid_form import training_images
from suite.models import model_spec
from suite.records import FINAL_TRAIN_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from suite.cost_records import CostProtocol
    from suite.planning import Plan
    from suite.records import Condition, Protocol, Trial

# Share of numpy's matrix product (512 × 512, float32, all cores) that a training step of ``mlp``
# reaches in a stack of 12, by batch size; measured on x86. Small batches are bound by the
# optimizer's memory traffic, large ones by the gather of their images.
TRAINING_SHARE: Final = {1: 0.025, 4: 0.09, 16: 0.27, 64: 0.5, 256: 0.65, 1024: 0.55}
EVALUATION_SHARE: Final = 0.45
NORM_FACTOR: Final = 1.1  # a step with a norm against one without
BASE_BYTES: Final = 450 << 20  # Python with torch loaded
PROCESS_SECONDS: Final = 7.0  # torch loads, matrix products are timed
NETWORK_SECONDS: Final = 0.3  # built, counted, and its peak taken in a child
LEAST_LIMIT: Final = 3600.0  # seconds; nothing is given up before
LIMIT_FACTOR: Final = 30.0  # an estimate may be this wrong, on a machine that does other work too
UNKNOWN_LIMIT: Final = 24 * 3600.0  # no trial of a model of the user's own should take so long
_MATMUL: Final = 512
# Of a CUDA device, read off the stacks of a run of ``full`` on an H200, 12 to 72 members each: what
# a stack takes apart from its steps, a step apart from its members, and operations and bytes a
# second. Another device is slower or faster by some factor, which the first stacks show.
CUDA_STACK_SECONDS: Final = 0.5
CUDA_STEP_SECONDS: Final = 1.5e-4
CUDA_RATE: Final = 3e13
CUDA_BYTES: Final = 3e12


@dataclass(frozen=True)
class Estimate:
    """Seconds of training and evaluation, and peak memory; NaN and 0 where nothing is known."""

    seconds: float
    memory_bytes: int


def matmul_rate(seconds: float = 0.05, clock: Callable[[], float] = time.perf_counter) -> float:
    """Measure floating-point operations a second of numpy's matrix product; the best of several."""
    import numpy as np  # noqa: PLC0415  costs 0.1 s, which --help need not pay

    a = np.ones((_MATMUL, _MATMUL), dtype=np.float32)
    started, best = clock(), math.inf
    while best == math.inf or clock() - started < seconds:
        before = clock()
        a @ a
        best = min(best, max(clock() - before, 1e-9))
    return 2 * _MATMUL**3 / best


def trial_seconds(
    condition: Condition, protocol: Protocol, rate: float, stored: float | None = None
) -> float:
    """Estimate one trial's share of its stack's time.

    Parameters
    ----------
    condition, protocol
        What is trained, and how long.
    rate
        What ``matmul_rate`` gave.
    stored
        Seconds of training, evaluation left out, of earlier trials like this one.
    """
    size = model_spec(condition.model).size
    if size is None:
        return math.nan if stored is None else stored
    operations = 2.0 * size(condition.depth)[1]
    _, batch, steps = _course(condition, protocol)
    training = stored
    if training is None:
        training = 3 * operations * steps * batch / (rate * _interpolated(TRAINING_SHARE, batch))
        training *= 1.0 if condition.norm == "none" else NORM_FACTOR
    return training + operations * _evaluated(condition, protocol) / (rate * EVALUATION_SHARE)


def cuda_seconds(trials: Sequence[Trial]) -> float:
    """Estimate a stack on a CUDA device; NaN for a model of the user's own.

    Every member's arithmetic, and 28 bytes a parameter for the optimizer's pass over them, their
    gradients and moments.
    """
    condition, protocol = trials[0].condition, trials[0].protocol
    size = model_spec(condition.model).size
    if size is None:
        return math.nan
    parameters, products = size(condition.depth)
    _, batch, steps = _course(condition, protocol)
    member = 6.0 * products * batch / CUDA_RATE + 28.0 * parameters / CUDA_BYTES
    evaluated = 2.0 * products * _evaluated(condition, protocol) / CUDA_RATE
    return (
        CUDA_STACK_SECONDS + steps * CUDA_STEP_SECONDS + len(trials) * (steps * member + evaluated)
    )


def training_steps(condition: Condition, protocol: Protocol) -> int:
    """Count the optimizer updates of a trial."""
    return _course(condition, protocol)[2]


def _evaluated(condition: Condition, protocol: Protocol) -> float:
    """Count the images of all evaluations."""
    spec = DATASETS[condition.dataset]
    images, _, steps = _course(condition, protocol)
    evaluations = protocol.evaluations_per_decade * math.log10(max(10, steps))
    held_out = spec.validation_images if protocol.split == "holdout" else 0
    return evaluations * held_out + min(images, FINAL_TRAIN_IMAGES) + spec.test_images


def _course(condition: Condition, protocol: Protocol) -> tuple[int, int, int]:
    """Give training images, images a step, and steps."""
    images = condition.train_size or training_images(condition.dataset, protocol.split)
    batch = min(condition.batch_size, images)
    return images, batch, protocol.budget.steps_for(images, batch)


def replicate_seconds(
    conditions: Iterable[Condition], protocol: CostProtocol, rate: float
) -> float:
    """Estimate one process that measures the costs of these networks.

    Parameters
    ----------
    conditions, protocol
        What is measured, and how.
    rate
        What ``matmul_rate`` gave.
    """
    seconds = PROCESS_SECONDS
    for condition in conditions:
        size = model_spec(condition.model).size
        operations = 0.0 if size is None else 2.0 * size(condition.depth)[1]
        batch = condition.batch_size
        forward = operations * batch / (rate * _interpolated(TRAINING_SHARE, batch))
        seconds += NETWORK_SECONDS
        for taken in (3 * forward, forward, forward):  # a step, forward and inference
            sample = max(taken, protocol.sample_seconds) + taken  # one pass before it is not timed
            seconds += protocol.warm_up_seconds + protocol.samples * sample
    return seconds


def hang_limit(seconds: float) -> float:
    """Say after how many seconds work with this estimate hangs; generous, for an estimate."""
    if math.isnan(seconds):
        return UNKNOWN_LIMIT
    return max(LEAST_LIMIT, LIMIT_FACTOR * seconds)


def trial_bytes(condition: Condition) -> int:
    """Estimate what one more member of a stack needs.

    Parameters, gradients and Adam's two moments, and a step's images and activations, the latter
    taken as twice the images.
    """
    size = model_spec(condition.model).size
    parameters = 0 if size is None else size(condition.depth)[0]
    pixels = math.prod(DATASETS[condition.dataset].image_shape)
    return 4 * (4 * parameters + 3 * condition.batch_size * pixels)


def order_bytes(trial: Trial) -> int:
    """Count the bytes of a trial's images in order, on a CUDA device.

    Its training images, an epoch's permutation and two epochs' orders, eight bytes each.
    """
    return 4 * 8 * _course(trial.condition, trial.protocol)[0]


def estimate_plan(
    plan: Plan, wanted: set[str], rate: float, stored: Mapping[str, float], stack: int = 12
) -> dict[str, Estimate]:
    """Estimate each study's share of the work; a trial that studies share counts in the first.

    Parameters
    ----------
    plan
        The whole plan.
    wanted
        Keys of the trials that are still to be trained.
    rate
        What ``matmul_rate`` gave.
    stored
        Shape → mean seconds of stored trials.
    stack
        Members of a stack, for the memory.
    """
    from suite.stacking import stack_shape  # noqa: PLC0415

    left = set(wanted)
    seconds = {name: 0.0 for name, _ in plan.studies}
    memory = dict.fromkeys(seconds, 0)
    known: dict[tuple[Condition, Protocol], float] = {}
    for study, trial in plan.planned:
        if trial.key not in left:
            continue
        left.remove(trial.key)
        same = (trial.condition, trial.protocol)
        if same not in known:
            known[same] = trial_seconds(*same, rate, stored.get(stack_shape(trial)))
        seconds[study] += known[same]
        data = dataset_bytes(trial)
        memory[study] = max(memory[study], BASE_BYTES + data + stack * trial_bytes(trial.condition))
    return {name: Estimate(seconds[name], memory[name]) for name in seconds}


def dataset_bytes(trial: Trial) -> int:
    """Count the bytes of a whole dataset: a byte a pixel, eight a label."""
    spec = DATASETS[trial.condition.dataset]
    return (spec.train_images + spec.test_images) * (math.prod(spec.image_shape) + 8)


def _interpolated(table: Mapping[int, float], at: int) -> float:
    """Interpolate over the logarithm; constant beyond the ends."""
    points = sorted(table.items())
    if at <= points[0][0]:
        return points[0][1]
    for (low, value), (high, following) in itertools.pairwise(points):
        if at <= high:
            share = math.log(at / low) / math.log(high / low)
            return value + share * (following - value)
    return points[-1][1]
