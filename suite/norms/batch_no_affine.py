"""Batch normalization with γ fixed at 1 and β at 0 (arXiv:1502.03167, Algorithm 1, steps 1–3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite.norms.batch import BatchNorm, StackedBatchNorm

if TYPE_CHECKING:
    from torch import nn


def serial(features: int, argument: int | None) -> nn.Module:
    """Build PyTorch's own layer, without its parameters."""
    del argument
    return BatchNorm(features, affine=False)


def stacked(stack: int, features: int, argument: int | None) -> nn.Module:
    """Build the twin for inputs (stack, batch, features, …)."""
    del argument
    return StackedBatchNorm(stack, features, affine=False)
