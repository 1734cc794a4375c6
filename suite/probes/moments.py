"""Mean and variance of each feature over several minibatches of one size."""

from __future__ import annotations

import torch


class Moments:
    """Per-feature moments of (stack, batch, features, …), over the batch and all that trails.

    Each minibatch's own moments are kept, (S, F) each; together, in float64, they give the moments
    over all images by Var = E[var] + Var[mean], which is exact as all minibatches have one size.
    """

    def __init__(self) -> None:
        self._means: list[torch.Tensor] = []
        self._variances: list[torch.Tensor] = []
        self._count = 0

    def add(self, values: torch.Tensor) -> None:
        """Take one minibatch in."""
        axes = [1, *range(3, values.dim())]
        variance, mean = torch.var_mean(values, dim=axes, correction=0)
        self._means.append(mean)
        self._variances.append(variance)
        self._count = values[0, :, 0].numel()

    @property
    def means(self) -> torch.Tensor:
        """Mean over each minibatch, (minibatches, S, F)."""
        return torch.stack(self._means).double()

    @property
    def variances(self) -> torch.Tensor:
        """Variance over each minibatch (the biased one), (minibatches, S, F)."""
        return torch.stack(self._variances).double()

    @property
    def mean(self) -> torch.Tensor:
        """Mean over all images, (S, F)."""
        return self.means.mean(0)

    @property
    def variance(self) -> torch.Tensor:
        """Variance over all images (the biased one), (S, F)."""
        return self.variances.mean(0) + self.means.var(0, correction=0)

    @property
    def unbiased_within(self) -> torch.Tensor:
        """Mean over the minibatches of their unbiased variance, (S, F)."""
        return self.variances.mean(0) * (self._count / max(1, self._count - 1))
