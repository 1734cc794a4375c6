"""Stack-aware layers: S independent networks as one batched computation.

Axis order is (stack, batch, features…). Parameters have PyTorch's own names and shapes behind a
leading stack axis, so a stacked state is the stack of serial states.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the field's own name


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
        out: torch.Tensor = _BatchedLinear.apply(x, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return out


class _BatchedLinear(torch.autograd.Function):
    """y = x Wᵀ + b for each member.

    Autograd's own derivative gives the gradient of W as a transposed view, which then is copied at
    every step, at the price of another matrix product; here it is contiguous from the start.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))

    @staticmethod
    def backward(
        ctx: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
        x, weight = ctx.saved_tensors
        return (
            torch.bmm(gradient, weight) if ctx.needs_input_grad[0] else None,
            torch.bmm(gradient.transpose(1, 2), x),
            gradient.sum(1),
        )


class StackedConvolution(nn.Module):
    """S convolutions as one grouped convolution, with the stack folded into the channel axis.

    Parameters
    ----------
    stack, inputs, outputs
        S, and the channels in and out; the weight is (S, outputs, inputs, kernel, kernel).
    kernel, stride, padding
        As of ``torch.nn.Conv2d``.
    """

    def __init__(
        self, stack: int, inputs: int, outputs: int, kernel: int, stride: int, padding: int
    ) -> None:
        super().__init__()
        self.stride = stride
        self.padding = padding
        self.weight = nn.Parameter(torch.zeros(stack, outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(stack, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (stack, batch, inputs, h, w) to (stack, batch, outputs, h', w')."""
        stack, batch, inputs, *pixels = x.shape
        folded = x.transpose(0, 1).reshape(batch, stack * inputs, *pixels)
        out = F.conv2d(
            folded,
            self.weight.flatten(0, 1),
            self.bias.flatten(),
            self.stride,
            self.padding,
            groups=stack,
        )
        return out.view(batch, stack, -1, *out.shape[2:]).transpose(0, 1)
