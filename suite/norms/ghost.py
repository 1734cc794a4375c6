"""Ghost batch normalization (Hoffer, Hubara and Soudry 2017, arXiv:1705.08741, Algorithm 1).

A batch of B images is cut into B // k virtual batches of k, each normalized by itself; the last one
takes the remainder, so none is smaller than k unless the batch itself is. One departure: the paper
moves the running statistics once for each virtual batch, here they move once a step, towards the
mean over the virtual batches, so that they lag exactly as batch normalization's do.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the field's own name

from suite.norms.affine_only import affine
from suite.norms.batch import EPSILON, MOMENTUM, BatchNorm, StackedBatchNorm


def serial(features: int, argument: int | None) -> nn.Module:
    """Build the layer for inputs (batch, features, …); the argument is k."""
    assert argument is not None
    return GhostBatchNorm(features, argument)


def stacked(stack: int, features: int, argument: int | None) -> nn.Module:
    """Build the twin for inputs (stack, batch, features, …)."""
    assert argument is not None
    return StackedGhostBatchNorm(stack, features, argument)


def virtual_sizes(batch: int, size: int) -> list[int]:
    """Cut a batch into virtual batches: all of ``size`` but the last, which takes the remainder."""
    whole = max(1, batch // size)
    return [size] * (whole - 1) + [batch - size * (whole - 1)]


class GhostBatchNorm(BatchNorm):
    """One layer, virtual batch by virtual batch; in eval mode it is batch normalization.

    Parameters
    ----------
    features, size
        F, and the images of a virtual batch.
    """

    def __init__(self, features: int, size: int) -> None:
        super().__init__(features)
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize (batch, features, …)."""
        if not self.training:
            return super().forward(x)
        parts = torch.split(x, virtual_sizes(len(x), self.size))
        over = [0, *range(2, x.dim())]
        with torch.no_grad():
            moments = [torch.var_mean(part, over) for part in parts]
            for running, now in zip(
                (self.running_var, self.running_mean), zip(*moments, strict=True), strict=True
            ):
                assert running is not None
                running.lerp_(torch.stack(now).mean(0), MOMENTUM)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
        return torch.cat(
            [
                F.batch_norm(part, None, None, self.weight, self.bias, training=True)
                for part in parts
            ]
        )


class StackedGhostBatchNorm(StackedBatchNorm):
    """S layers at once: virtual batches of equal size fold into the channel axis too.

    Parameters
    ----------
    stack, features, size
        S, F, and the images of a virtual batch.
    """

    def __init__(self, stack: int, features: int, size: int) -> None:
        super().__init__(stack, features)
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize (stack, batch, features, …)."""
        if not self.training:
            return super().forward(x)
        sizes = virtual_sizes(x.shape[1], self.size)
        even = sum(size for size in sizes if size == sizes[0])
        parts = torch.split(x, [n for n in (even, sum(sizes) - even) if n], dim=1)
        done = [
            self._normalize(part, size)
            for part, size in zip(parts, (sizes[0], sizes[-1]), strict=False)
        ]
        mean, variance = (
            torch.stack([part[i] for part in done]).sum(0) / len(sizes) for i in (1, 2)
        )
        with torch.no_grad():
            self.running_mean.lerp_(mean, MOMENTUM)
            self.running_var.lerp_(variance, MOMENTUM)
            self.num_batches_tracked.add_(1)
        assert self.weight is not None
        assert self.bias is not None
        return affine(torch.cat([part[0] for part in done], 1), self.weight, self.bias)

    @staticmethod
    def _normalize(x: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Normalize equal virtual batches; give them, and their moments' sums, each (S, F)."""
        stack, batch, features, *rest = x.shape
        count = batch // size
        virtual = x.reshape(stack, count, size, features, *rest)
        folded = virtual.movedim(2, 0).reshape(size, stack * count * features, *rest)
        # With momentum 1 the running statistics are those of this batch.
        mean = x.new_zeros(stack * count * features)
        variance = torch.ones_like(mean)
        normalized = F.batch_norm(folded, mean, variance, None, None, True, 1.0, EPSILON)
        back = normalized.view(size, stack, count, features, *rest).movedim(0, 2)
        shape = (stack, count, features)
        return back.reshape(x.shape), mean.view(shape).sum(1), variance.view(shape).sum(1)
