"""How many members a stack should have: what is fastest on this device, by a short timing."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

import torch

from suite.models import model_spec
from suite.norms import parse_norm
from suite.training.stacked import StackedStep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from suite.data import Dataset
    from suite.records import Trial

MEMORY: Final = 1 << 30
CLEARLY_SLOWER: Final = 1.25
AS_FAST: Final = 1.02  # of stacks that take equally long the smaller is easier to place
LEAST_ROUNDS: Final = 3
MOST_ROUNDS: Final = 50


def time_stack_sizes(
    trial: Trial,
    dataset: Dataset,
    candidates: Sequence[int],
    *,
    budget_seconds: float = 1.0,
    memory_bytes: int = MEMORY,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[int, float]:
    """Time a few training steps for each candidate.

    Candidates take turns, a step each, and count by their least time: what else the machine does
    for a while meets all of them, and can't decide for one. Those that were clearly slower drop out
    after the first rounds. The numbers of a trial depend on its stack's size in the last digits,
    so the caller keeps the choice.

    Parameters
    ----------
    trial
        Any trial of the shape.
    dataset
        Its images.
    candidates
        Sizes to try; the smallest is tried in any case, others where the memory would do.
    budget_seconds
        Bound on the timing, but for the first three rounds.
    memory_bytes
        Bound on parameters, optimizer state and saved activations of a stack.
    clock
        For tests.

    Returns
    -------
    dict
        Candidate → seconds per seed-step, the least of several; nothing where there is no choice,
        for the model has no stacked twin, or where norms may be undefined for batches of one image.
    """
    spec = model_spec(trial.condition.model)
    if not spec.has_stacked or trial.condition.batch_size == 1:
        return {}
    data = dataset.to(trial.device)
    first = min(candidates)
    bytes_per_member = _bytes_of(*_prepared(trial, data, first)) // first
    steps = {
        size: _prepared(trial, data, size)
        for size in sorted(candidates)
        if size == first or size * bytes_per_member <= memory_bytes
    }
    for step, batch in steps.values():
        step(batch)  # to warm up
    return _least_seconds(steps, budget_seconds, clock)


def fastest(timings: Mapping[int, float]) -> int:
    """Choose the smallest size that is about as fast as the fastest."""
    best = min(timings.values())
    return min(size for size, seconds in timings.items() if seconds <= AS_FAST * best)


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
    steps: Mapping[int, tuple[StackedStep, torch.Tensor]],
    budget: float,
    clock: Callable[[], float],
) -> dict[int, float]:
    """Time all sizes in turn; give the least seconds per seed-step of each."""
    least = dict.fromkeys(steps, math.inf)
    started = clock()
    for done in range(MOST_ROUNDS):
        if done >= LEAST_ROUNDS and clock() - started > budget:
            break
        clearly_slower = CLEARLY_SLOWER * min(least.values())
        for size, (step, batch) in steps.items():
            if done >= LEAST_ROUNDS and least[size] > clearly_slower:
                continue
            before = clock()
            losses = step(batch)
            if losses.device.type != "cpu":
                torch.accelerator.synchronize(losses.device)
            least[size] = min(least[size], (clock() - before) / size)
    return least
