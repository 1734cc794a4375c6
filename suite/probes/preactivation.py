"""Mean and variance over the batch of each feature, before and after γ and β.

BN's Algorithm 1 (Ioffe and Szegedy 2015, arXiv:1502.03167) makes of a feature x over a minibatch
x̂ = (x − μ)/√(σ² + ε), with mean 0 and variance σ²/(σ² + ε); then γx̂ + β. Over the probe's
minibatches and all features::

    normalized_mean_error     = max |mean of x̂ over the minibatch|
    normalized_variance_error = max |variance of x̂ over the minibatch − 1|

x̂ is what the norm layer itself makes of its input with γ = 1 and β = 0; without a norm it is the
input. ``preactivation_mean`` and ``preactivation_std`` are of what really goes into the activation,
γ and β included: mean over features (and minibatches) of each feature's mean and standard
deviation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from suite.probes.base import Probe, Reading
from suite.probes.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network, Pass


def probe() -> Probe:
    """Make the probe of one stack."""
    return Preactivation()


class Preactivation(Probe):
    """Moments of each norm layer's output, without and with γ and β."""

    def __init__(self) -> None:
        self._normalized: dict[str, Moments] = {}
        self._output: dict[str, Moments] = {}

    def see(self, network: Network, seen: Pass) -> None:
        """Take one minibatch in."""
        for layer in seen.of("norm"):
            normalized = network.without_affine(layer)
            self._normalized.setdefault(layer.name, Moments()).add(normalized)
            self._output.setdefault(layer.name, Moments()).add(layer.output)

    def point(self, network: Network) -> Iterator[Reading]:
        """Give the largest errors, and the moments of what goes into the activation."""
        del network
        errors: dict[str, list[torch.Tensor]] = {}
        for name, moments in self._normalized.items():
            means, variances = moments.means, moments.variances
            found = {
                "normalized_mean_error": means.abs().amax((0, 2)),
                "normalized_variance_error": (variances - 1).abs().amax((0, 2)),
            }
            for quantity, values in found.items():
                errors.setdefault(quantity, []).append(values)
                yield Reading(quantity, values, name)
        for name, moments in self._output.items():
            spread = moments.variances.sqrt()
            yield Reading("preactivation_mean", moments.mean.mean(1), name)
            yield Reading("preactivation_std", spread.mean((0, 2)), name)
        self._normalized, self._output = {}, {}
        for quantity, layers in errors.items():
            yield Reading(quantity, torch.stack(layers).amax(0))
