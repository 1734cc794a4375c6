"""Mean and variance of each feature over several minibatches of one size."""

from __future__ import annotations

import torch


class Moments:
    """Per-feature moments of (stack, batch, features, …), over the batch and all that trails.

    Each minibatch's own moments are kept, (S, F) float64 each; together they give the moments over
    all images by Var = E[var] + Var[mean], which is exact as all minibatches have one size.
    """

    def __init__(self) -> None:
        self.means: list[torch.Tensor] = []
        self.variances: list[torch.Tensor] = []
        self.count = 0

    def add(self, values: torch.Tensor) -> None:
        """Take one minibatch in."""
        axes = [1, *range(3, values.dim())]
        variance, mean = torch.var_mean(values, dim=axes, correction=0)
        self.means.append(mean.double())
        self.variances.append(variance.double())
        self.count = values[0, :, 0].numel()

    @property
    def mean(self) -> torch.Tensor:
        """Mean over all images, (S, F)."""
        return torch.stack(self.means).mean(0)

    @property
    def variance(self) -> torch.Tensor:
        """Variance over all images (the biased one), (S, F)."""
        return torch.stack(self.variances).mean(0) + torch.stack(self.means).var(0, correction=0)

    @property
    def unbiased_within(self) -> torch.Tensor:
        """Mean over the minibatches of their unbiased variance, (S, F)."""
        return torch.stack(self.variances).mean(0) * (self.count / max(1, self.count - 1))
