"""A perceptron with as many hidden layers as the depth axis says, all of one width.

Width 64 is the notebook's last hidden layer. It keeps the cost of 20 layers at about that of the
notebook's first layer (20 × 64² = 82 thousand weights against 100 thousand), so depth is what
changes between depths, and a study of four depths stays affordable on two cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.models.perceptron import serial_perceptron, stacked_perceptron

if TYPE_CHECKING:
    from torch import nn

    from suite.models import SerialNorm, StackedNorm

WIDTH: Final = 64
DEPTH: Final = 6


def serial(
    norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
) -> nn.Module:
    """Build the network with ``depth`` hidden layers; 6 where none is given."""
    return serial_perceptron([WIDTH] * (depth or DEPTH), norm, classes, image_shape)


def stacked(
    stack: int,
    norm: StackedNorm,
    depth: int | None,
    classes: int,
    image_shape: tuple[int, ...],
) -> nn.Module:
    """Build the twin for images (stack, batch, *image_shape)."""
    return stacked_perceptron(stack, [WIDTH] * (depth or DEPTH), norm, classes, image_shape)
