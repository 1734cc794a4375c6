"""Batch normalization (Ioffe and Szegedy 2015, arXiv:1502.03167, Algorithm 1).

Momentum .1 and ε 1e-5 are PyTorch's defaults; the running variance is the unbiased one.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the field's own name

EPSILON = 1e-5
MOMENTUM = 0.1


def serial(features: int, argument: int | None) -> nn.Module:
    """Build PyTorch's own layer for inputs (batch, features) or (batch, features, …)."""
    del argument
    return BatchNorm(features)


def stacked(stack: int, features: int, argument: int | None) -> nn.Module:
    """Build the twin for inputs (stack, batch, features, …)."""
    del argument
    return StackedBatchNorm(stack, features)


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """PyTorch's batch normalization for any number of trailing dimensions."""

    def _check_input_dim(self, input: torch.Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected (batch, features, …), got {tuple(input.shape)}")


class StackedBatchNorm(nn.Module):
    """S batch normalizations at once, with the stack folded into the channel axis.

    Parameters
    ----------
    stack, features
        S and F; parameters and running statistics are (S, F).
    affine
        Whether γ and β are learned; else they are 1 and 0, and no parameters.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None
    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor

    def __init__(self, stack: int, features: int, *, affine: bool = True) -> None:
        super().__init__()
        shape = (stack, features)
        self.register_parameter("weight", nn.Parameter(torch.ones(shape)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(shape)) if affine else None)
        self.register_buffer("running_mean", torch.zeros(stack, features))
        self.register_buffer("running_var", torch.ones(stack, features))
        self.register_buffer("num_batches_tracked", torch.zeros(stack, dtype=torch.long))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize (stack, batch, features, …)."""
        if self.training:
            self.num_batches_tracked.add_(1)
        stack, batch, features, *rest = x.shape
        folded = x.transpose(0, 1).reshape(batch, stack * features, *rest)
        normalized = F.batch_norm(
            folded,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            None if self.weight is None else self.weight.view(-1),
            None if self.bias is None else self.bias.view(-1),
            self.training,
            MOMENTUM,
            EPSILON,
        )
        return normalized.view(batch, stack, features, *rest).transpose(0, 1)
