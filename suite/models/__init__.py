"""Models by name: the registry, without torch.

A model is one file of this package and one line in ``MODELS``. Its file holds

``serial(norm, depth, classes, image_shape) -> nn.Module``
    for images ``(batch, *image_shape)``; ``norm(features)`` makes each norm layer;
``stacked(stack, norm, depth, classes, image_shape) -> nn.Module``
    the twin for images ``(stack, batch, *image_shape)``, where it ``has_stacked``;
    ``norm(stack, features)`` makes each norm layer;

Both forms have the same state-dict names; the stacked tensors have a leading stack axis. The
module itself may import torch; this registry does not. A model of the user's own is a
``module:function`` outside of this package, see ``suite.models.own``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from suite.errors import UnknownNameError
from suite.models.own import is_own, own_model
from suite.models.spec import ModelModule, ModelSpec

if TYPE_CHECKING:
    from suite.models.spec import SerialNorm as SerialNorm
    from suite.models.spec import StackedNorm as StackedNorm

__all__ = ["MODELS", "ModelModule", "ModelSpec", "model_spec", "perceptron_size"]


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
    """Look a model up by name; ``module:function`` names one of the user's own.

    Raises
    ------
    UnknownNameError
        No model has that name.
    ModelError
        It has a colon and is not of that form.
    """
    if is_own(name):
        return own_model(name)
    if name not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    return MODELS[name]
