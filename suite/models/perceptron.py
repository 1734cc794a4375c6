"""Perceptrons of any widths: linear, norm, ReLU for each hidden layer, then a linear head.

Linear layers keep their biases in every arm, also before a norm that makes them redundant: arms
differ by the norm and by nothing else.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import nn

from suite.models.layers import StackedLinear

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.models import SerialNorm, StackedNorm


def serial_perceptron(
    widths: Sequence[int], norm: SerialNorm, classes: int, image_shape: tuple[int, ...]
) -> nn.Module:
    """Build a network with hidden layers of these widths, for images (batch, *image_shape)."""
    return _layered(nn.Flatten(), nn.Linear, norm, [math.prod(image_shape), *widths, classes])


def stacked_perceptron(
    stack: int,
    widths: Sequence[int],
    norm: StackedNorm,
    classes: int,
    image_shape: tuple[int, ...],
) -> nn.Module:
    """Build the twin for images (stack, batch, *image_shape)."""
    return _layered(
        nn.Flatten(start_dim=2),
        lambda inputs, outputs: StackedLinear(stack, inputs, outputs),
        lambda features: norm(stack, features),
        [math.prod(image_shape), *widths, classes],
    )


def _layered(
    flatten: nn.Module,
    linear: Callable[[int, int], nn.Module],
    norm: Callable[[int], nn.Module],
    widths: Sequence[int],
) -> nn.Module:
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=flatten)
    for number in range(1, len(widths) - 1):
        layers[f"linear{number}"] = linear(widths[number - 1], widths[number])
        layers[f"norm{number}"] = norm(widths[number])
        layers[f"relu{number}"] = nn.ReLU()
    layers["head"] = linear(widths[-2], widths[-1])
    return nn.Sequential(layers)
