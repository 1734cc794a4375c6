"""Norm of the gradient of each layer's weights, and how the first layer's compares with the last's.

For layer l and minibatch k, n_l = mean over k of ‖∂L_k/∂W_l‖₂; the ratio is n_first/n_last. Glorot
and Bengio 2010 (Sec. 4.2.2) follow gradients layer by layer for vanishing and explosion; Yang et
al. 2019 (arXiv:1902.08129) show that in deep networks BN makes them explode at initialisation, so
the ratio before training (facet ``initial``) is kept apart from the one after it (``final``).

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
    """Mean norms over the shared passes of a point, and the ratios of all points so far."""

    def __init__(self) -> None:
        self._norms: dict[str, list[torch.Tensor]] = {}
        self._decades: list[torch.Tensor] = []

    def see(self, network: Network, seen: Pass) -> None:
        """Note the norms of one minibatch's gradients."""
        for layer in network.of("weights"):
            norm = seen.square_norms[f"{layer.name}.weight"].sqrt()
            self._norms.setdefault(layer.name, []).append(norm)

    def point(self, network: Network) -> Iterator[Reading]:
        """Give norms, ratio and imbalance."""
        norms = {name: torch.stack(found).mean(0) for name, found in self._norms.items()}
        self._norms = {}
        for name, norm in norms.items():
            yield Reading("gradient_norm", norm, name)
        layers = network.of("weights")
        ratio = norms[layers[0].name] / norms[layers[-1].name]
        decades = ratio.log10()
        self._decades.append(decades)
        yield Reading("gradient_ratio", ratio)
        yield Reading("gradient_imbalance", decades.abs())

    def at_end(self, network: Network) -> Iterator[Reading]:
        """Give the standard deviation of the ratio's logarithm after the first point."""
        del network
        after = torch.stack(self._decades[1:])
        if len(after) > 1:
            yield Reading("gradient_ratio_variation", after.std(0))
