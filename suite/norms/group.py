"""Group normalization (Wu and He 2018, arXiv:1803.08494, equations 1–7); ε 1e-5 as in PyTorch.

Mean and variance are those of one image over a group of neighbouring channels and all their pixels;
γ and β belong to a channel. With one group it is layer normalization (there, section 3.1).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the field's own name

from suite.norms.affine_only import affine

EPSILON = 1e-5


def serial(features: int, argument: int | None) -> nn.Module:
    """Build PyTorch's own layer; the argument is the number of groups."""
    assert argument is not None
    return nn.GroupNorm(argument, features, eps=EPSILON)


def stacked(stack: int, features: int, argument: int | None) -> nn.Module:
    """Build the twin for inputs (stack, batch, features, …)."""
    assert argument is not None
    return StackedGroupNorm(stack, features, argument)


class StackedGroupNorm(nn.Module):
    """S group normalizations at once: no image meets another, so the stack is more batch.

    Parameters
    ----------
    stack, features, groups
        S, F and the number of groups; parameters are (S, F).
    """

    def __init__(self, stack: int, features: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.ones(stack, features))
        self.bias = nn.Parameter(torch.zeros(stack, features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize (stack, batch, features, …)."""
        normalized = F.group_norm(x.flatten(0, 1), self.groups, eps=EPSILON)
        return affine(normalized.view(x.shape), self.weight, self.bias)
