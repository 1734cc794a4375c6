"""Distribution of what goes into the activation, for the pictures.

Shares of the values over the probe's minibatches, images, features and positions together, in bins
of 0.5 from -6 to 6; the first bin holds all below, the last all above. Only the first, the middle
and the last norm layer are kept (Ioffe and Szegedy 2015, arXiv:1502.03167, Fig. 1 b and c, follow a
last hidden layer's inputs by quantiles). The facet is the layer and the bin's lower edge, as in
``norm1 -0.5``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from suite.probes.base import Probe, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network, Pass

EDGES: Final = tuple(k / 2 for k in range(-12, 13))
_LOWER: Final = ("-inf", *(f"{edge:g}" for edge in EDGES))


def probe() -> Probe:
    """Make the probe of one stack."""
    return Histogram()


class Histogram(Probe):
    """Counts over the shared passes of a point, (S, bins)."""

    def __init__(self) -> None:
        self._counts: dict[str, torch.Tensor] = {}

    def see(self, network: Network, seen: Pass) -> None:
        """Count one minibatch."""
        del network
        norms = list(seen.of("norm"))
        for layer in [norms[k] for k in sorted({0, len(norms) // 2, len(norms) - 1})]:
            counts = count(layer.output)
            self._counts[layer.name] = self._counts.get(layer.name, 0) + counts

    def point(self, network: Network) -> Iterator[Reading]:
        """Give the share of each bin."""
        del network
        for name, counts in self._counts.items():
            shares = counts / counts.sum(1, keepdim=True)
            for edge, share in zip(_LOWER, shares.unbind(1), strict=True):
                yield Reading("preactivation_histogram", share, f"{name} {edge}")
        self._counts = {}


def count(values: torch.Tensor) -> torch.Tensor:
    """Count the values of each member: (S, …) to (S, bins) float64."""
    members, bins = len(values), len(EDGES) + 1
    edges = torch.tensor(EDGES, dtype=values.dtype, device=values.device)
    places = torch.bucketize(values.reshape(members, -1), edges, right=True)
    places += bins * torch.arange(members, device=values.device).unsqueeze(1)
    counts = torch.bincount(places.view(-1), minlength=members * bins)
    return counts.view(members, bins).double()
