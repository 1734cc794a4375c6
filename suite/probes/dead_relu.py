"""Share of ReLU units that are zero for every image (Lu et al. 2019, arXiv:1903.06733).

A unit is a feature: in a convolution a channel, dead where it is zero at every position of every
image of the probe's minibatches. A unit that none of these images wakes may still wake for others,
so this is an upper bound.
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
    return DeadReLU()


class DeadReLU(Probe):
    """Largest output of each unit over the shared passes of a point, (S, F)."""

    def __init__(self) -> None:
        self._largest: dict[str, torch.Tensor] = {}

    def see(self, network: Network, seen: Pass) -> None:
        """Note the largest output of each unit."""
        del network
        for layer in seen.of("relu"):
            largest = layer.output.amax(dim=[1, *range(3, layer.output.dim())])
            before = self._largest.get(layer.name, largest)
            self._largest[layer.name] = torch.maximum(before, largest)

    def point(self, network: Network) -> Iterator[Reading]:
        """Count the units that were never above zero."""
        del network
        dead = {name: (largest == 0).double() for name, largest in self._largest.items()}
        self._largest = {}
        for name, units in dead.items():
            yield Reading("dead_relu", units.mean(1), name)
        if dead:
            yield Reading("dead_relu", torch.cat(list(dead.values()), dim=1).mean(1))
