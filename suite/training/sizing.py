"""How many members a stack should have: what is fastest on this device, by a short timing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from suite.models import model_spec
from suite.norms import parse_norm
from suite.training.stacked import StackedStep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.data import Dataset
    from suite.records import Trial

CANDIDATES: Final = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
MEMORY: Final = 1 << 30
CLEARLY_SLOWER: Final = 1.25


@dataclass(frozen=True)
class StackChoice:
    """A stack size with the timings behind it.

    Parameters
    ----------
    size
        Members of a stack.
    timings
        Candidate → seconds per seed-step, the least of several.
    """

    size: int
    timings: dict[int, float]


def choose_stack_size(
    trial: Trial,
    dataset: Dataset,
    candidates: Sequence[int] = CANDIDATES,
    *,
    budget_seconds: float = 1.0,
    memory_bytes: int = MEMORY,
    clock: Callable[[], float] = time.perf_counter,
) -> StackChoice:
    """Time a few training steps for each candidate and take the fastest per seed-step.

    Candidates are tried from the smallest; the search ends early where the time is up, the memory
    would not do, or two candidates running were clearly slower than the best. The numbers of a
    trial depend on its stack's size in the last digits, so the caller keeps the choice.

    Parameters
    ----------
    trial
        Any trial of the shape.
    dataset
        Its images.
    candidates
        Sizes to try.
    budget_seconds
        Bound on the whole search; the smallest candidate is timed in any case.
    memory_bytes
        Bound on parameters, optimizer state and saved activations of a stack.
    clock
        For tests.

    Returns
    -------
    StackChoice
        Size 1 without timings where the model has no stacked twin or training is undefined.
    """
    spec = model_spec(trial.condition.model)
    if not spec.has_stacked or trial.condition.batch_size == 1:
        return StackChoice(1, {})
    data = dataset.to(trial.device)
    first = min(candidates)
    bytes_per_member = _bytes_of(*_prepared(trial, data, first)) // first
    started = clock()
    share = budget_seconds / len(candidates)
    timings: dict[int, float] = {}
    slower = 0
    for size in sorted(candidates):
        if timings and (
            clock() - started > budget_seconds - share
            or size * bytes_per_member > memory_bytes
            or slower == 2
        ):
            break
        step, batch = _prepared(trial, data, size)
        step(batch)
        timings[size] = _least_seconds(step, batch, share, clock) / size
        slower = slower + 1 if timings[size] > CLEARLY_SLOWER * min(timings.values()) else 0
    return StackChoice(min(timings, key=lambda size: timings[size]), timings)


def _prepared(trial: Trial, data: Dataset, size: int) -> tuple[StackedStep, torch.Tensor]:
    """Make a stack with zero weights: its arithmetic takes as long as any other."""
    condition = trial.condition
    model = (
        model_spec(condition.model)
        .load()
        .stacked(
            size,
            parse_norm(condition.norm).stacked,
            condition.depth,
            data.spec.classes,
            data.spec.image_shape,
        )
        .to(trial.device)
    )
    images = condition.train_size or data.spec.train_images
    shape = (size, min(condition.batch_size, images))
    source = torch.Generator().manual_seed(0)
    batch = torch.randint(len(data.train_labels), shape, generator=source).to(trial.device)
    return StackedStep(model, [trial] * size, data), batch


def _bytes_of(step: StackedStep, batch: torch.Tensor) -> int:
    """Count what a step keeps: parameters, gradients, Adam's moments and saved activations."""
    saved: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        step(batch)
    parameters = sum(p.untyped_storage().nbytes() for p in step.update.parameters)
    return 4 * parameters + sum(saved.values())


def _least_seconds(
    step: StackedStep, batch: torch.Tensor, share: float, clock: Callable[[], float]
) -> float:
    times: list[float] = []
    started = clock()
    while len(times) < 2 or (clock() - started < share and len(times) < 50):
        before = clock()
        losses = step(batch)
        if losses.device.type != "cpu":
            torch.accelerator.synchronize(losses.device)
        times.append(clock() - before)
    return min(times)
