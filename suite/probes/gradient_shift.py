"""Internal covariate shift as a shift of gradients (Santurkar et al. 2018, arXiv:1805.11604).

Definition 2.1: for layer i at time t, with G the gradient of the loss with respect to W_i, and G'
that gradient at the same W_i after the layers before i were updated, the shift is ‖G − G'‖₂. Here::

    gradient_shift          ‖G − G'‖₂ / ‖G‖₂
    gradient_shift_cosine   G · G' / (‖G‖₂ ‖G'‖₂)

on one minibatch, for up to ``LAYERS`` layers, evenly spaced from the second to the last; the number
for the network is their mean.

Departures: the norm is taken over that of G, as the arms' gradients differ in size. The layers
before i are updated by plain gradient descent with η = 0.1, the learning rate of the paper's
networks, whatever the optimizer of the study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from suite.probes.base import Probe, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network

LAYERS: Final = 3
STEP_SIZE: Final = 0.1


def probe() -> Probe:
    """Make the probe of one stack."""
    return GradientShift()


class GradientShift(Probe):
    """It keeps nothing from point to point."""

    def point(self, network: Network) -> Iterator[Reading]:
        """Update what is before a layer, and compare the layer's gradients."""
        start = {name: p.detach() for name, p in network.parameters.items()}
        _, gradient = network.gradients(0)
        shifts, cosines = [], []
        for layer in chosen([layer.name for layer in network.of("weights")]):
            own = next(name for name in start if network.plain(name) == f"{layer}.weight")
            names = list(start)
            before = names[: names.index(own)]
            moved = start | {name: start[name] - STEP_SIZE * gradient[name] for name in before}
            _, there = network.gradients(0, moved)
            norm, norm_there = (network.norm_of({own: g[own]}) for g in (gradient, there))
            shift = network.norm_of({own: gradient[own] - there[own]}) / norm
            products = (gradient[own].double() * there[own].double()).reshape(network.members, -1)
            cosine = products.sum(1) / (norm * norm_there)
            yield Reading("gradient_shift", shift, layer)
            yield Reading("gradient_shift_cosine", cosine, layer)
            shifts.append(shift)
            cosines.append(cosine)
        yield Reading("gradient_shift", torch.stack(shifts).mean(0))
        yield Reading("gradient_shift_cosine", torch.stack(cosines).mean(0))


def chosen(layers: list[str]) -> list[str]:
    """Choose layers evenly from the second to the last; the first has nothing before it."""
    last = len(layers) - 1
    count = min(LAYERS, last)
    return [layers[round(k * last / count)] for k in range(1, count + 1)]
