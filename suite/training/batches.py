"""Which images a step sees: the same for every arm, fixed by the seed alone."""

from __future__ import annotations

import math
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from suite.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def batches(
    train: torch.Tensor, seeds: Sequence[int], batch_size: int, steps: int
) -> Iterator[torch.Tensor]:
    """Iterate over the batches of S seeds, each in its own order.

    Every epoch is a fresh permutation from the seed's stream ``order``; the last, smaller batch of
    an epoch is kept.

    Parameters
    ----------
    train
        (S, n) indices of each seed's training images.
    seeds
        S seeds.
    batch_size
        B.
    steps
        How many batches to give.

    Yields
    ------
    torch.Tensor
        (S, b) indices, b ≤ B; contiguous, on the device of ``train``.
    """
    images = train.shape[1]
    epochs = math.ceil(steps / math.ceil(images / batch_size))
    done = 0
    for order in orders(images, seeds, epochs, ahead=train.device.type != "cpu"):
        shuffled = train.gather(1, order.to(train.device))
        for batch in torch.split(shuffled, batch_size, dim=1):
            if done == steps:
                return
            yield batch.contiguous()
            done += 1


def orders(
    images: int, seeds: Sequence[int], epochs: int, *, ahead: bool
) -> Iterator[torch.Tensor]:
    """Iterate over the permutations of S seeds, epoch by epoch.

    Parameters
    ----------
    images
        n.
    seeds
        S seeds.
    epochs
        How many to give.
    ahead
        Whether threads of the host draw an epoch's while the one before it is in use, as for an
        accelerator; else they are drawn here when they are asked for.

    Yields
    ------
    torch.Tensor
        (S, n) int64, on the CPU.
    """

    def begin(epoch: int) -> tuple[torch.Tensor, Iterator[torch.Tensor]]:
        order = torch.empty(len(seeds), images, dtype=torch.int64)

        def draw(place: int) -> torch.Tensor:
            source = generator(seeds[place], "order", epoch)
            return torch.randperm(images, generator=source, out=order[place])

        return order, each(draw, range(len(seeds)))

    with ThreadPoolExecutor() as threads:
        each = threads.map if ahead else map
        coming = begin(0)
        for epoch in range(epochs):
            order, drawing = coming
            deque(drawing, maxlen=0)
            if epoch + 1 < epochs:
                coming = begin(epoch + 1)
            yield order


def scaled(
    pixels: torch.Tensor, dtype: torch.dtype, out: torch.Tensor | None = None
) -> torch.Tensor:
    """Scale bytes to [-1, 1] as ``suite.data.scaled`` does, in two passes instead of four.

    ``out`` is a tensor of that type and shape to write into.
    """
    inputs = torch.empty_like(pixels, dtype=dtype) if out is None else out
    return inputs.copy_(pixels).mul_(2 / 255).sub_(1)
