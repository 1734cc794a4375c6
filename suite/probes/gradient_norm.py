"""Norm of the gradient of each layer's weights, and how the first layer's compares with the last's.

For layer l and minibatch k, n_lk = ‖∂L_k/∂W_l‖₂, and n_l is its mean over k::

    gradient_ratio           = n_first / n_last
    gradient_imbalance       = |log₁₀ gradient_ratio|
    gradient_ratio_variation = standard deviation over k of log₁₀(n_first,k / n_last,k)

Glorot and Bengio 2010 (Sec. 4.2.2) follow gradients layer by layer for vanishing and explosion;
Yang et al. 2019 (arXiv:1902.08129) show that in deep networks BN makes them explode at
initialisation, so the ratio before training (facet ``initial``) is kept apart from the one after it
(``final``).

Departures: weights only, biases left out (under BN a bias before the norm has no gradient); the
norm of the minibatch gradient, as gradients of single images aren't defined under BN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from suite.probes.base import Probe, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network, Pass


def probe() -> Probe:
    """Make the probe of one stack."""
    return GradientNorm()


class GradientNorm(Probe):
    """Squared norms of each layer's gradient over the shared passes of a point, (S,) each."""

    def __init__(self) -> None:
        self._squares: dict[str, list[torch.Tensor]] = {}

    def see(self, network: Network, seen: Pass) -> None:
        """Note the norms of one minibatch's gradients."""
        for layer in network.of("weights"):
            square = seen.square_norms[f"{layer.name}.weight"]
            self._squares.setdefault(layer.name, []).append(square)

    def point(self, network: Network) -> Iterator[Reading]:
        """Give the norms, and how first and last layer's compare."""
        del network
        norms = [torch.stack(found).sqrt() for found in self._squares.values()]
        for name, norm in zip(self._squares, norms, strict=True):
            yield Reading("gradient_norm", norm.mean(0), name)
        self._squares = {}
        ratio = norms[0].mean(0) / norms[-1].mean(0)
        yield Reading("gradient_ratio", ratio)
        yield Reading("gradient_imbalance", ratio.log10().abs())
        yield Reading("gradient_ratio_variation", (norms[0] / norms[-1]).log10().std(0))
