"""Answers of a network in train mode to batches of any size, many batches in one pass.

Only norm layers see which images share a batch. So a pass over many images answers as many small
batches would, if each norm layer takes every run of ``size`` images as a batch of its own. Here
its stacked twin does that: the small batches are further members of its stack.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from suite.training.batches import scaled
from suite.training.evaluate import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Layer, Network


class InBatches(nn.Module):
    """A norm layer in train mode that takes every run of ``size`` images as one batch.

    Parameters
    ----------
    network, layer
        The norm layer and what it is part of; it is read, never changed.
    size
        Images of a batch. The images of a pass are a multiple of it.
    """

    def __init__(self, network: Network, layer: Layer, size: int) -> None:
        super().__init__()
        self.network, self.size = network, size
        self.state = {name: network.in_front(t) for name, t in layer.module.state_dict().items()}
        self.inputs: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize (stack, images, features, …), or (images, features, …) of one member."""
        whole = self.network.in_front(x)
        stack, images, features, *rest = whole.shape
        batches = images // self.size
        self.inputs = whole.reshape(stack * batches, self.size, features, *rest)
        twin = self.network.norm.stacked(stack * batches, features)
        twin.to(device=x.device, dtype=x.dtype).train()
        twin.load_state_dict(
            {name: t.repeat_interleave(batches, 0) for name, t in self.state.items()}
        )
        found: torch.Tensor = twin(self.inputs)
        return found.reshape(x.shape)


@contextmanager
def in_batches(network: Network, size: int) -> Iterator[list[InBatches]]:
    """Put ``InBatches`` in place of every norm layer, and the layers back at the end."""
    layers = network.of("norm")
    twins = [InBatches(network, layer, size) for layer in layers]
    prefix = "model." if network.single else ""
    places = []
    for layer in layers:
        parent, _, name = f"{prefix}{layer.name}".rpartition(".")
        places.append((network.model.get_submodule(parent), name))
    for (parent_module, name), twin in zip(places, twins, strict=True):
        setattr(parent_module, name, twin)
    try:
        yield twins
    finally:
        for (parent_module, name), layer in zip(places, layers, strict=True):
            setattr(parent_module, name, layer.module)


def whole_batches(indices: torch.Tensor, size: int) -> torch.Tensor:
    """Cut (S, n) to a multiple of ``size``, so that every image has ``size`` − 1 mates."""
    return indices[:, : indices.shape[1] // size * size]


@torch.no_grad()
def predictions(
    network: Network, images: torch.Tensor, indices: torch.Tensor, size: int
) -> torch.Tensor:
    """Predict classes in train mode, with batches of ``size`` images.

    Parameters
    ----------
    network
        Its norm layers use the statistics of these batches.
    images
        The pool, bytes.
    indices
        (S, n) for each member its own images; n is a multiple of ``size``, and every run of
        ``size`` is a batch.
    size
        Images of a batch.

    Returns
    -------
    torch.Tensor
        (S, n) classes.
    """
    rows = max(1, ROWS // network.members // size) * size
    with network.untouched(), in_batches(network, size):
        return torch.cat(
            [
                network.model(inputs(network, images, part)).argmax(2)
                for part in torch.split(indices, rows, dim=1)
            ],
            dim=1,
        )


def accuracy(predicted: torch.Tensor, labels: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Give the share of right predictions of each member, (S,) float64."""
    return (predicted == labels[indices]).double().mean(1)


def inputs(network: Network, images: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Give each member its own images of the pool: (S, n, channels, height, width) of (S, n)."""
    x = scaled(images.index_select(0, indices.reshape(-1)), network.dtype)
    return x.view(*indices.shape, *images.shape[1:])
