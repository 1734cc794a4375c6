"""Noise of the minibatch gradient over its size, at a frozen point.

With minibatch gradients g_1 … g_K, drawn independently, and their mean ḡ::

    s² = Σ_k ‖g_k − ḡ‖² / (K − 1)        unbiased for tr Cov(g), the variance of the gradient
    G² = ‖ḡ‖² − s²/K                      unbiased for ‖E g‖²
    gradient_noise       = s² / G²
    gradient_noise_share = s² / mean_k ‖g_k‖²

This is B_simple/B of McCandlish et al. 2018 (arXiv:1812.06162, App. A.1), with the variance taken
at the study's own batch size between minibatches.

Departures: they get the variance from two batch sizes; under BN the gradient of a large batch is
not the mean of those of small ones, so only minibatches of the study's own size are compared. G²
can come out as zero or less where noise hides the mean; the ratio is left out there, which favours
the less noisy arm. The share, noise over the mean square of the gradient (variance and squared mean
together), is always there and the one to test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from suite.probes.base import Probe, Reading
from suite.probes.network import square_norms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network, Pass


def probe() -> Probe:
    """Make the probe of one stack."""
    return GradientNoise()


class GradientNoise(Probe):
    """Sum of gradients and of their squares over the shared passes of a point."""

    def __init__(self) -> None:
        self._sums: list[torch.Tensor] = []
        self._squares: list[torch.Tensor] = []

    def see(self, network: Network, seen: Pass) -> None:
        """Add one minibatch's gradient."""
        del network
        gradients = list(seen.gradients.values())
        self._squares.append(torch.stack(list(seen.square_norms.values())).sum(0))
        self._sums = list(torch._foreach_add(self._sums, gradients)) if self._sums else gradients

    def point(self, network: Network) -> Iterator[Reading]:
        """Give the ratio where it is defined, and the share."""
        del network
        count = len(self._squares)
        mean_square = square_norms(self._sums).sum(0) / count**2
        square = torch.stack(self._squares).mean(0)
        self._sums, self._squares = [], []
        variance = (square - mean_square).clamp(min=0) * count / (count - 1)
        signal = mean_square - variance / count
        undefined = torch.full_like(signal, torch.nan)
        yield Reading("gradient_noise", torch.where(signal > 0, variance / signal, undefined))
        yield Reading("gradient_noise_share", variance / square)
