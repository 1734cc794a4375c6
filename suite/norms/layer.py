"""Layer normalization (Ba, Kiros and Hinton 2016, arXiv:1607.06450, equation 3).

Over the features of one image. Where features have pixels, mean and variance are over both and γ
and β belong to a channel: group normalization with one group (arXiv:1803.08494, section 3.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite.norms import group

if TYPE_CHECKING:
    from torch import nn


def serial(features: int, argument: int | None) -> nn.Module:
    """Build the layer for inputs (batch, features, …)."""
    del argument
    return group.serial(features, 1)


def stacked(stack: int, features: int, argument: int | None) -> nn.Module:
    """Build the twin for inputs (stack, batch, features, …)."""
    del argument
    return group.stacked(stack, features, 1)
