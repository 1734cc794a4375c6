"""Mean and spread over features of γ and β (Ioffe and Szegedy 2015, arXiv:1502.03167, Sec. 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.probes.base import Probe, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network

_SYMBOLS: Final = {"weight": "gamma", "bias": "beta"}


def probe() -> Probe:
    """Make the probe of one stack."""
    return Affine()


class Affine(Probe):
    """It keeps nothing from point to point; a norm without γ and β has no readings."""

    def point(self, network: Network) -> Iterator[Reading]:
        """Read the parameters of each norm layer."""
        for layer in network.of("norm"):
            for name, parameter in layer.module.named_parameters():
                values = parameter.detach().reshape(network.members, -1).double()
                symbol = _SYMBOLS[name.rpartition(".")[2]]
                yield Reading(f"{symbol}_mean", values.mean(1), layer.name)
                yield Reading(f"{symbol}_std", values.std(1, correction=0), layer.name)
