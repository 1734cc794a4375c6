"""Models by name: the registry, without torch.

A model is one file of this package and one line in ``MODELS``. Its file holds

``serial(norm, depth, classes, image_shape) -> nn.Module``
    for images ``(batch, *image_shape)``; ``norm(features)`` makes each norm layer;
``stacked(stack, norm, depth, classes, image_shape) -> nn.Module``
    the twin for images ``(stack, batch, *image_shape)``, where it ``has_stacked``;
    ``norm(stack, features)`` makes each norm layer;

Both forms have the same state-dict names; the stacked tensors have a leading stack axis. The
module itself may import torch; this registry does not.
"""

from __future__ import annotations

import importlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from suite.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    SerialNorm = Callable[[int], nn.Module]
    StackedNorm = Callable[[int, int], nn.Module]


class ModelModule(Protocol):
    """What the file of a model offers."""

    def serial(
        self, norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
    ) -> nn.Module:
        """Build the textbook network."""
        ...

    def stacked(
        self,
        stack: int,
        norm: StackedNorm,
        depth: int | None,
        classes: int,
        image_shape: tuple[int, ...],
    ) -> nn.Module:
        """Build the stacked twin."""
        ...


@dataclass(frozen=True)
class ModelSpec:
    """A model as the registry knows it.

    Parameters
    ----------
    name, title
        Key in grids and stores; name for people.
    module
        Where its code is.
    meaning
        One sentence for tables and tooltips.
    norm_features
        The different channel counts that its norm layers see, for checks before anything runs.
    norms_see_pixels
        Whether its norm layers see several pixels of each channel, as in a convolutional network.
    uses_depth
        Whether the depth axis means something to it.
    default_depth
        Hidden layers where the grid names none; None where depth is not an axis.
    has_stacked
        Whether there is a stacked twin; else its trials are trained one by one.
    size
        Depth → parameters without norm, and multiply-adds of one image's forward pass; for
        estimates before anything runs. None: no estimate.
    """

    name: str
    title: str
    module: str
    meaning: str
    norm_features: tuple[int, ...]
    norms_see_pixels: bool = False
    uses_depth: bool = False
    default_depth: int | None = None
    has_stacked: bool = True
    size: Callable[[int | None], tuple[int, int]] | None = None

    def load(self) -> ModelModule:
        """Import the code (and with it torch)."""
        return cast("ModelModule", importlib.import_module(self.module))


def perceptron_size(*widths: int) -> tuple[int, int]:
    """Count parameters and multiply-adds of linear layers from width to width."""
    pairs = list(itertools.pairwise(widths))
    return sum((i + 1) * o for i, o in pairs), sum(i * o for i, o in pairs)


_ALL: Final = (
    ModelSpec(
        "mlp",
        "784-128-64-10 perceptron",
        "suite.models.mlp",
        "The teaching notebook's network: two hidden layers of 128 and 64 with ReLU.",
        norm_features=(128, 64),
        size=lambda _: perceptron_size(784, 128, 64, 10),
    ),
    ModelSpec(
        "deep_mlp",
        "deep perceptron",
        "suite.models.deep_mlp",
        "Hidden layers of 64 with ReLU, as many as the depth axis says.",
        norm_features=(64,),
        uses_depth=True,
        default_depth=6,
        size=lambda depth: perceptron_size(784, *[64] * (depth or 6), 10),
    ),
    ModelSpec(
        "cnn",
        "small convolutional network",
        "suite.models.cnn",
        "Two strided 3 × 3 convolutions of 16 and 32 channels, then a linear head.",
        norm_features=(16, 32),
        norms_see_pixels=True,
        size=lambda _: (20_490, 269_696),
    ),
    ModelSpec(
        "resnet18",
        "ResNet-18",
        "suite.models.resnet18",
        "torchvision's residual network of 18 layers, for one input channel.",
        norm_features=(64, 128, 256, 512),
        norms_see_pixels=True,
        has_stacked=False,
        size=lambda _: (11_165_770, 33_010_944),
    ),
)

MODELS: Final[dict[str, ModelSpec]] = {spec.name: spec for spec in _ALL}


def model_spec(name: str) -> ModelSpec:
    """Look a model up by name.

    Raises
    ------
    UnknownNameError
        No model has that name.
    """
    if name not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    return MODELS[name]
