"""γ and β without normalizing: a placebo with batch normalization's parameters.

y = γ x + β for each feature, as in arXiv:1502.03167, Algorithm 1, last step, with x̂ = x.
"""

from __future__ import annotations

import torch
from torch import nn


def serial(features: int, argument: int | None) -> nn.Module:
    """Build the layer for inputs (batch, features, …)."""
    del argument
    return Affine(features)


def stacked(stack: int, features: int, argument: int | None) -> nn.Module:
    """Build the twin for inputs (stack, batch, features, …)."""
    del argument
    return Affine(stack, features)


class Affine(nn.Module):
    """Scale and shift of each feature.

    Parameters
    ----------
    shape
        (F,) for inputs (batch, features, …), (S, F) for inputs (stack, batch, features, …).
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map x to γ x + β."""
        return affine(x, self.weight, self.bias)


def affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Scale and shift each feature of (batch, F, …) by (F,), or of (S, batch, F, …) by (S, F)."""
    trailing = (1,) * (x.dim() - weight.dim() - 1)
    shape = (*weight.shape[:-1], 1, weight.shape[-1], *trailing)
    return torch.addcmul(bias.view(shape), x, weight.view(shape))
