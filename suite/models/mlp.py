"""The teaching notebook's perceptron: 784-128-64-10, ReLU, norm between linear and ReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.models.perceptron import serial_perceptron, stacked_perceptron

if TYPE_CHECKING:
    from torch import nn

    from suite.models import SerialNorm, StackedNorm

HIDDEN: Final = (128, 64)


def serial(
    norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
) -> nn.Module:
    """Build the notebook's network."""
    del depth
    return serial_perceptron(HIDDEN, norm, classes, image_shape)


def stacked(
    stack: int,
    norm: StackedNorm,
    depth: int | None,
    classes: int,
    image_shape: tuple[int, ...],
) -> nn.Module:
    """Build the twin for images (stack, batch, *image_shape)."""
    del depth
    return stacked_perceptron(stack, HIDDEN, norm, classes, image_shape)
