"""Stack-aware layers: S independent networks as one batched computation.

Axis order is (stack, batch, features…). Parameters have PyTorch's own names and shapes behind a
leading stack axis, so a stacked state is the stack of serial states.
"""

from __future__ import annotations

import torch
from torch import nn


class StackedLinear(nn.Module):
    """S linear layers as one batched matrix product.

    Parameters
    ----------
    stack, inputs, outputs
        S, and the features in and out; the weight is (S, outputs, inputs).
    """

    def __init__(self, stack: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(stack, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(stack, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (stack, batch, inputs) to (stack, batch, outputs)."""
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.transpose(1, 2))
