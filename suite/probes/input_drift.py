"""Drift of each layer's inputs during training: internal covariate shift as BN's authors meant it.

Ioffe and Szegedy 2015 (arXiv:1502.03167, Sec. 2) call internal covariate shift the change in the
distribution of network activations due to the change of parameters during training. For the inputs
of a layer, with mean μ_f and standard deviation σ_f of feature f over the same images at two
successive points t' < t of the schedule::

    σ̄²               = mean_f σ_f(t')²
    input_drift_mean = √(mean_f (μ_f(t) − μ_f(t'))²) / σ̄
    input_drift_std  = √(mean_f (σ_f(t) − σ_f(t'))²) / σ̄
    input_drift      = √(input_drift_mean² + input_drift_std²)

``input_drift`` is the 2-Wasserstein distance of two normal distributions with these moments and
independent features, per feature. The unit is the layer's own standard deviation, so arms whose
activations have different scales are comparable; it is the layer's and not the feature's, so a
dead feature (σ_f = 0) does no harm. The first layer's inputs are the images, which don't drift: it
is left out. Moments are over the probe's minibatches, in train mode, as training sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from suite.probes.base import Probe, Reading
from suite.probes.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network, Pass


def probe() -> Probe:
    """Make the probe of one stack."""
    return InputDrift()


class Drift(NamedTuple):
    """The three numbers of one layer, (S,) each."""

    input_drift: torch.Tensor
    input_drift_mean: torch.Tensor
    input_drift_std: torch.Tensor


class InputDrift(Probe):
    """Moments of each layer's inputs at the point before, (S, F)."""

    def __init__(self) -> None:
        self._moments: dict[str, Moments] = {}
        self._before: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def see(self, network: Network, seen: Pass) -> None:
        """Take one minibatch's layer inputs in."""
        first = network.of("weights")[0]
        for layer in seen.of("weights"):
            if layer.layer is not first:
                self._moments.setdefault(layer.name, Moments()).add(layer.input)

    def point(self, network: Network) -> Iterator[Reading]:
        """Compare with the point before; at the first point there is nothing to say."""
        del network
        now = {name: (m.mean, m.variance.sqrt()) for name, m in self._moments.items()}
        before, self._before, self._moments = self._before, now, {}
        drifts = {name: drift(*before[name], *now[name]) for name in before}
        for name, found in drifts.items():
            for quantity, values in found._asdict().items():
                yield Reading(quantity, values, name)
        for quantity in Drift._fields if drifts else ():
            over_layers = torch.stack([getattr(found, quantity) for found in drifts.values()])
            yield Reading(quantity, over_layers.mean(0))


def drift(
    mean_before: torch.Tensor, std_before: torch.Tensor, mean: torch.Tensor, std: torch.Tensor
) -> Drift:
    """Compute the drift between two points from (S, F) moments."""
    scale = std_before.square().mean(1).sqrt()
    of_mean = (mean - mean_before).square().mean(1).sqrt() / scale
    of_std = (std - std_before).square().mean(1).sqrt() / scale
    return Drift(torch.hypot(of_mean, of_std), of_mean, of_std)
