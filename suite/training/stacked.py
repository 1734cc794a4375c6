"""The stacked trainer: S members of one shape as one batched computation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from suite.errors import InterruptedRunError
from suite.optimizers import optimizer_spec
from suite.training.batches import batches, scaled
from suite.training.build import build_stacked
from suite.training.captured import CapturedStep
from suite.training.evaluate import member_losses
from suite.training.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from suite.data import Dataset
    from suite.records import Trial


def run_stacked(
    trials: Sequence[Trial],
    dataset: Dataset,
    *,
    dtype: torch.dtype,
    should_stop: Callable[[], bool],
) -> tuple[Record, nn.Module]:
    """Train S trials of one ``stack_shape``; give their record and the trained model."""
    device = trials[0].device
    data = dataset.to(device)
    record = Record(trials, data)
    model = build_stacked(trials, data.spec, dtype).to(device)
    step = step_for_device(model, trials, data)  # before the clock of training runs
    record.begin(model)
    train(record, step, should_stop)
    record.finish()
    return record, model


def step_for_device(
    model: nn.Module, trials: Sequence[Trial], data: Dataset
) -> StackedStep | CapturedStep:
    """Make what trains a stack, in the form that its device runs fastest."""
    step = StackedStep(model, trials, data)
    return CapturedStep(step) if step.device.type == "cuda" else step


def train(
    record: Record, step: StackedStep | CapturedStep, should_stop: Callable[[], bool]
) -> None:
    """Go through all steps; apart from start and end, so that a benchmark can time just this."""
    seeds = [trial.seed for trial in record.trials]
    batch_size = record.trials[0].condition.batch_size
    for batch in batches(record.train, seeds, batch_size, record.steps):
        if record.step_done(step(batch)):
            break
        if should_stop():
            raise InterruptedRunError("stopped between two steps; run the same command to go on")


class StackedStep:
    """One optimizer update of every member.

    The members' losses are summed, so each member's gradient is that of its own loss.

    Parameters
    ----------
    model
        Stacked, on the device of ``data``.
    trials
        The S members.
    data
        Where the batches' images are.
    """

    def __init__(self, model: nn.Module, trials: Sequence[Trial], data: Dataset) -> None:
        self.model = model
        self.images, self.labels = data.train_images, data.train_labels
        self.device = self.images.device
        self.update = MemberOptimizer(model, trials)
        self.dtype = self.update.parameters[0].dtype
        self.ones = torch.ones(len(trials), dtype=self.dtype, device=self.device)
        # Bytes are a quarter of what a CPU has to gather; an accelerator has the memory to scale
        # every image once, and a step is bound by what it moves.
        self._scaled = None if self.device.type == "cpu" else scaled(self.images, self.dtype)
        self._pixels = self.images[:0]
        self._inputs = self._pixels.to(self.dtype)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Train on images (S, b) by index; give the losses (S,) before the update."""
        flat = batch.view(-1)
        x = self._gathered(flat)
        y = self.labels.index_select(0, flat).view(batch.shape)
        losses = member_losses(self.model(x.view(*batch.shape, *x.shape[1:])), y)
        torch.autograd.backward(losses, self.ones)
        self.update()
        return losses.detach()

    def _gathered(self, flat: torch.Tensor) -> torch.Tensor:
        """Gather scaled images; on a CPU in buffers that every step uses again."""
        if self._scaled is not None:
            return self._scaled.index_select(0, flat)
        count = len(flat)
        if count > len(self._pixels):
            self._pixels = self.images.new_empty(count, *self.images.shape[1:])
            self._inputs = self._pixels.to(self.dtype)
        pixels, inputs = self._pixels[:count], self._inputs[:count]
        torch.index_select(self.images, 0, flat, out=pixels)
        return scaled(pixels, self.dtype, out=inputs)


class MemberOptimizer:
    """PyTorch's optimizer over a stack whose members have their own step size and weight decay.

    Neighbouring members with equal settings form a parameter group: a slice of the stacked
    parameters that shares their storage.
    """

    def __init__(self, model: nn.Module, trials: Sequence[Trial]) -> None:
        self.parameters = list(model.parameters())
        self.slices: list[tuple[nn.Parameter, nn.Parameter, slice]] = []
        groups = []
        for members, settings in _runs(trials):
            if members == slice(0, len(trials)):
                groups.append({"params": self.parameters, **settings})
                continue
            parts = [nn.Parameter(p.detach()[members]) for p in self.parameters]
            self.slices += [
                (part, p, members) for part, p in zip(parts, self.parameters, strict=True)
            ]
            groups.append({"params": parts, **settings})
        self.optimizer = optimizer_spec(trials[0].condition.optimizer).build(
            groups, captured=self.parameters[0].is_cuda
        )

    def __call__(self) -> None:
        """Update every member from its gradient, and forget the gradients."""
        for part, whole, members in self.slices:
            assert whole.grad is not None
            part.grad = whole.grad[members]
        self.optimizer.step()
        for parameter in self.parameters:
            parameter.grad = None


def _runs(trials: Sequence[Trial]) -> Iterator[tuple[slice, dict[str, Any]]]:
    """Cut the members into runs of neighbours that share step size and weight decay."""
    start = 0
    for end in range(1, len(trials) + 1):
        first = trials[start].condition
        settings = (first.learning_rate, first.weight_decay)
        if end < len(trials):
            following = trials[end].condition
            if (following.learning_rate, following.weight_decay) == settings:
                continue
        yield slice(start, end), {"lr": settings[0], "weight_decay": settings[1]}
        start = end
