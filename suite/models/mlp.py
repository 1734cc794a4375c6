"""The teaching notebook's perceptron: 784-128-64-10, ReLU, norm between linear and ReLU."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from torch import nn

from suite.models.layers import StackedLinear

if TYPE_CHECKING:
    from suite.models import SerialNorm, StackedNorm

HIDDEN: Final = (128, 64)


def serial(
    norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
) -> nn.Module:
    """Build the notebook's network; linear layers keep their biases in every arm."""
    del depth
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    inputs = math.prod(image_shape)
    for number, outputs in enumerate(HIDDEN, 1):
        layers[f"linear{number}"] = nn.Linear(inputs, outputs)
        layers[f"norm{number}"] = norm(outputs)
        layers[f"relu{number}"] = nn.ReLU()
        inputs = outputs
    layers["head"] = nn.Linear(inputs, classes)
    return nn.Sequential(layers)


def stacked(
    stack: int,
    norm: StackedNorm,
    depth: int | None,
    classes: int,
    image_shape: tuple[int, ...],
) -> nn.Module:
    """Build the twin for images (stack, batch, *image_shape)."""
    del depth
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten(start_dim=2))
    inputs = math.prod(image_shape)
    for number, outputs in enumerate(HIDDEN, 1):
        layers[f"linear{number}"] = StackedLinear(stack, inputs, outputs)
        layers[f"norm{number}"] = norm(stack, outputs)
        layers[f"relu{number}"] = nn.ReLU()
        inputs = outputs
    layers["head"] = StackedLinear(stack, inputs, classes)
    return nn.Sequential(layers)
