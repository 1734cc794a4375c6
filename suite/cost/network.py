"""The network that is measured, and its activities: plain PyTorch in float32, as a user runs it."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the field's own name

from suite.cost.folding import fold, folding_error
from suite.datasets import dataset_spec
from suite.errors import TrialUndefinedError
from suite.norms import parse_norm
from suite.optimizers import optimizer_spec
from suite.seeds import generator
from suite.training.build import build_serial

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.records import Condition

# So small that ten thousand steps leave the network where it starts: it can't learn its one batch
# by heart, and no gradient fades to subnormal numbers, which a CPU adds and multiplies slowly.
LEARNING_RATE: Final = 1e-12
# TF32 rounds by 2⁻¹¹ in each of some tens of layers; a wrong fold is off by about 1.
FOLDING_TOLERANCE: Final = 1e-2


@dataclass(frozen=True)
class Trainee:
    """A network in train mode with its optimizer and one batch, on its device.

    Parameters
    ----------
    images, labels
        float32 (batch, *image_shape) in [-1, 1], and int64 (batch,).
    undefined
        Why it can't train; empty where it can.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    images: torch.Tensor
    labels: torch.Tensor
    undefined: str = ""

    def forward(self) -> torch.Tensor:
        """Forward pass in train mode; the graph for backward is made and dropped."""
        output: torch.Tensor = self.model(self.images)
        return output

    def loss(self) -> torch.Tensor:
        """Mean cross-entropy of the batch."""
        return F.cross_entropy(self.model(self.images), self.labels)

    def train_step(self) -> None:
        """Take one full step of training."""
        self.optimizer.zero_grad()
        self.loss().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


@dataclass(frozen=True)
class Network:
    """One arm of a measurement.

    Parameters
    ----------
    trainee
        In train mode.
    inference
        In eval mode, with running statistics that are not those of the start.
    folded
        ``inference`` with batch norm folded; None where there is none to fold.
    folding_error
        How far the outputs of these two are apart, over the largest.
    """

    trainee: Trainee
    inference: nn.Module
    folded: nn.Module | None
    folding_error: float | None

    def activities(self) -> dict[str, Callable[[], object]]:
        """Activity → one pass of it, for every activity that this network has."""
        found: dict[str, Callable[[], object]] = {}
        if not self.trainee.undefined:
            found |= {"forward": self.trainee.forward, "train_step": self.trainee.train_step}
        found["inference"] = partial(_infer, self.inference, self.trainee.images)
        if self.folded is not None:
            found["inference_folded"] = partial(_infer, self.folded, self.trainee.images)
        return found


def build_trainee(condition: Condition, seed: int, device: str) -> Trainee:
    """Build what trains.

    Parameters
    ----------
    condition
        Its learning rate and init play no part.
    seed
        Fixes weights and pixels.
    device
        As torch writes it.
    """
    spec = dataset_spec(condition.dataset)
    model = build_serial(condition, seed, spec).to(device).train()
    noise = generator(seed, "noise", "cost")
    shape = (condition.batch_size, *spec.image_shape)
    images = (torch.rand(shape, generator=noise) * 2 - 1).to(device)
    labels = torch.randint(spec.classes, shape[:1], generator=noise).to(device)
    undefined = _undefined(model, condition, images)
    return Trainee(model, _optimizer(model, condition), images, labels, undefined)


def build_network(condition: Condition, seed: int, device: str) -> Network:
    """Build all that is measured of a condition; parameters as for ``build_trainee``."""
    trainee = build_trainee(condition, seed, device)
    inference = copy.deepcopy(trainee.model).requires_grad_(False)
    _settle_statistics(inference, generator(seed, "noise", "cost statistics"))
    folded, count = fold(inference.eval(), trainee.images)
    error = folding_error(inference, folded, trainee.images) if count else math.inf
    if error > FOLDING_TOLERANCE:  # also where the layer's output is used elsewhere too
        return Network(trainee, inference, None, None)
    return Network(trainee, inference, folded, error)


def _optimizer(model: nn.Module, condition: Condition) -> torch.optim.Optimizer:
    """Build the optimizer as ``torch.optim`` does by default, not the fused one of our trainers."""
    spec = optimizer_spec(condition.optimizer)
    made: torch.optim.Optimizer = getattr(torch.optim, spec.factory)(
        model.parameters(),
        lr=LEARNING_RATE,
        weight_decay=condition.weight_decay,
        **spec.settings,
    )
    return made


def _undefined(model: nn.Module, condition: Condition, images: torch.Tensor) -> str:
    """Say why the network can't run in train mode, if so."""
    if parse_norm(condition.norm).spec.batch_statistics and condition.batch_size == 1:
        return f"{condition.norm} over a batch of one has no variance"
    try:
        copy.deepcopy(model)(images)
    except TrialUndefinedError as error:
        return str(error)
    return ""


@torch.no_grad()
def _settle_statistics(model: nn.Module, noise: torch.Generator) -> None:
    """Give batch norms the look of trained ones, so that folding has something to get wrong."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_var is not None:
            _draw(module.running_mean, -0.1, 0.2, noise)
            _draw(module.running_var, 0.5, 1.0, noise)
            _draw(module.weight, 0.5, 1.0, noise)
            _draw(module.bias, -0.1, 0.2, noise)


def _draw(tensor: torch.Tensor | None, low: float, width: float, noise: torch.Generator) -> None:
    if tensor is not None:
        tensor.copy_(low + width * torch.rand(tensor.shape, generator=noise))


@torch.no_grad()
def _infer(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    output: torch.Tensor = model(images)
    return output
