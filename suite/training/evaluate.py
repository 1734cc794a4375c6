"""Loss and accuracy of every member of a stack over a set of images, in eval mode."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the field's own name

from suite.training.batches import scaled

# Rows (members × images) of one forward pass, and values of the widest layer's output. On a CPU
# they fill the cores and stay in cache, 4 MB: a convolutional network of which 4096 rows went
# through at once took more than twice as long a row. A CUDA device takes more to be filled; there
# the bound is 1 GB.
ROWS: Final = 4096
WIDEST: Final = 1 << 20
CUDA_ROWS: Final = 1 << 17
CUDA_WIDEST: Final = 1 << 28


class AsStack(nn.Module):
    """A serial model as a stack of one, so that the two trainers share all but the step."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (1, batch, …) to (1, batch, classes)."""
        logits: torch.Tensor = self.model(x.squeeze(0))
        return logits.unsqueeze(0)


def member_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of each member: (S, b, classes) and (S, b) to (S,)."""
    flat = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return flat.view(labels.shape).mean(1)


@torch.no_grad()
def loss_and_accuracy(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    indices: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Evaluate in eval mode and go back to train mode.

    Parameters
    ----------
    model
        Maps (S, b, channels, height, width) to (S, b, classes).
    images, labels
        The pool: (N, channels, height, width) bytes and (N,) classes.
    indices
        (S, m) for each member its own images, or (1, m) for the same images in all members; m ≥ 1.

    Returns
    -------
    tuple of torch.Tensor
        Mean loss and share of right answers, each (S,) float64 on the device.
    """
    dtype = next(model.parameters()).dtype
    stack, count = indices.shape[0], indices.shape[1]
    members = next(model.parameters()).shape[0] if not isinstance(model, AsStack) else 1
    loss = torch.zeros(members, dtype=torch.float64, device=images.device)
    right = torch.zeros(members, dtype=torch.float64, device=images.device)
    model.eval()
    first = scaled(images[:1], dtype).expand(members, 1, *images.shape[1:])
    for part in torch.split(indices, max(1, rows_at_once(model, first) // members), dim=1):
        flat = part.reshape(-1)
        x = scaled(images.index_select(0, flat), dtype).view(stack, -1, *images.shape[1:])
        y = labels.index_select(0, flat).view(stack, -1).expand(members, -1)
        logits = model(x.expand(members, *x.shape[1:]))
        loss += member_losses(logits, y).double() * y.shape[1]
        right += (logits.argmax(2) == y).sum(1)
    model.train()
    return loss / count, right / count


def rows_at_once(model: nn.Module, x: torch.Tensor) -> int:
    """Choose how many rows go through a model at once.

    Parameters
    ----------
    model
        In eval mode.
    x
        One image for each member, (S, 1, channels, height, width).

    Returns
    -------
    int
        At most ``ROWS``, and no more than keep every layer's output ``WIDEST``; on a CUDA device
        the bounds are its own.
    """
    sizes = [1]

    def note(_layer: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, torch.Tensor):
            sizes.append(output.numel())

    layers = [layer for layer in model.modules() if list(layer.parameters(recurse=False))]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    rows, widest = (CUDA_ROWS, CUDA_WIDEST) if x.is_cuda else (ROWS, WIDEST)
    return min(rows, widest * x.shape[0] // max(sizes))
