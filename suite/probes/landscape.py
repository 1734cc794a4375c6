"""Loss and gradient along the gradient (Santurkar et al. 2018, arXiv:1805.11604, Sec. 3, Fig. 4).

From parameters w with gradient g = ∇L(w) on one minibatch, for each step size η::

    landscape_loss            L(w − ηg)
    landscape_loss_range      max_η L(w − ηg) − min_η L(w − ηg), η = 0 included
    gradient_predictiveness   max_η ‖∇L(w − ηg) − g‖₂
    effective_smoothness      max_η ‖∇L(w − ηg) − g‖₂ / (η‖g‖₂)

the last being the paper's "effective β-smoothness": the largest difference in gradient over the
distance moved along it.

Departures: the paper moves by 1/2 to 4 times the step of plain gradient descent with learning rate
0.1, and trains with it. Here η is the same 0.05 … 0.4 whatever the optimizer and learning rate of
the study, so arms and conditions are measured with one ruler. Neither is invariant to the scale of
weights that a norm layer makes irrelevant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from suite.probes.base import Probe, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network

STEP_SIZES: Final = (0.05, 0.1, 0.2, 0.4)


def probe() -> Probe:
    """Make the probe of one stack."""
    return Landscape()


class Landscape(Probe):
    """It keeps nothing from point to point."""

    def point(self, network: Network) -> Iterator[Reading]:
        """Move along the gradient, and look."""
        start = {name: p.detach() for name, p in network.parameters.items()}
        loss, gradient = network.gradients(0)
        distance = network.norm_of(gradient)
        losses, changes, slopes = [loss], [], []
        for step_size in STEP_SIZES:
            moved = {name: p - step_size * gradient[name] for name, p in start.items()}
            loss, there = network.gradients(0, moved)
            change = network.norm_of({name: there[name] - g for name, g in gradient.items()})
            losses.append(loss)
            changes.append(change)
            slopes.append(change / (step_size * distance))
        for step_size, loss in zip((0.0, *STEP_SIZES), losses, strict=True):
            yield Reading("landscape_loss", loss, f"{step_size:g}")
        along = torch.stack(losses).double()
        yield Reading("landscape_loss_range", along.amax(0) - along.amin(0))
        yield Reading("gradient_predictiveness", torch.stack(changes).amax(0))
        yield Reading("effective_smoothness", torch.stack(slopes).amax(0))
