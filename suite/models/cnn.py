"""A small convolutional network: two strided 3 × 3 convolutions of 16 and 32 channels, and a head.

Why this size: 0.27 million multiply-adds an image, 2.5 times the notebook's perceptron, so that a
study with a dozen seeds stays a matter of minutes on two cores; strides in place of pooling halve
the work again. It is a convolutional network all the same: norms see channels and pixels, and it
passes 98 % on MNIST, where the perceptron stops short.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from torch import nn

from suite.models.layers import StackedConvolution, StackedLinear

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.models import SerialNorm, StackedNorm

CHANNELS: Final = (16, 32)
KERNEL: Final = 3
STRIDE: Final = 2
PADDING: Final = 1


def serial(
    norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
) -> nn.Module:
    """Build the network for images (batch, channels, height, width)."""
    del depth
    return _layered(
        lambda inputs, outputs: nn.Conv2d(inputs, outputs, KERNEL, STRIDE, PADDING),
        norm,
        nn.Flatten(),
        nn.Linear,
        classes,
        image_shape,
    )


def stacked(
    stack: int,
    norm: StackedNorm,
    depth: int | None,
    classes: int,
    image_shape: tuple[int, ...],
) -> nn.Module:
    """Build the twin for images (stack, batch, channels, height, width)."""
    del depth
    return _layered(
        lambda inputs, outputs: StackedConvolution(stack, inputs, outputs, KERNEL, STRIDE, PADDING),
        lambda features: norm(stack, features),
        nn.Flatten(start_dim=2),
        lambda inputs, outputs: StackedLinear(stack, inputs, outputs),
        classes,
        image_shape,
    )


def _layered(
    convolution: Callable[[int, int], nn.Module],
    norm: Callable[[int], nn.Module],
    flatten: nn.Module,
    linear: Callable[[int, int], nn.Module],
    classes: int,
    image_shape: tuple[int, ...],
) -> nn.Module:
    inputs, height, width = image_shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, outputs in enumerate(CHANNELS, 1):
        layers[f"convolution{number}"] = convolution(inputs, outputs)
        layers[f"norm{number}"] = norm(outputs)
        layers[f"relu{number}"] = nn.ReLU()
        inputs, height, width = outputs, -(-height // STRIDE), -(-width // STRIDE)
    layers["flatten"] = flatten
    layers["head"] = linear(inputs * height * width, classes)
    return nn.Sequential(layers)
