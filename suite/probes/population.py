"""Population statistics recomputed after training (Wu and Johnson 2021, arXiv:2105.07576, Sec. 3).

"PreciseBN": with the trained network frozen, the moments μ_B and σ²_B of many training minibatches
are averaged into those of the population::

    μ_pop  = E[μ_B]
    σ²_pop = E[μ_B² + σ_B²] − E[μ_B]²        that is E[σ_B²] + Var[μ_B]

All norm layers are measured in one pass in train mode, each fed by layers that use the statistics
of the minibatch. Minibatches have the size of training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from suite.probes.batch_mates import in_batches, whole_batches
from suite.training.evaluate import ROWS

if TYPE_CHECKING:
    from suite.probes.network import Network

IMAGES: Final = 10_000  # the paper finds 10³ to 10⁴ to be enough


@torch.no_grad()
def population_statistics(
    network: Network, indices: torch.Tensor
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Average the moments of training minibatches.

    Parameters
    ----------
    network
        Frozen; its batch size is that of the minibatches.
    indices
        (S, n) of each member's training images.

    Returns
    -------
    dict
        Norm layer → mean and variance of the population, (S, F) float64 each.
    """
    size = network.batch_size
    whole = whole_batches(indices, size)
    rows = max(1, ROWS // network.members // size) * size
    sums: dict[str, list[torch.Tensor]] = {}
    with network.untouched(), in_batches(network, size) as twins:
        for part in torch.split(whole, rows, dim=1):
            network.model(network.images(part)[0])
            for layer, twin in zip(network.of("norm"), twins, strict=True):
                assert twin.inputs is not None
                axes = [1, *range(3, twin.inputs.dim())]
                variance, mean = torch.var_mean(twin.inputs.double(), dim=axes, correction=0)
                parts = [
                    values.view(network.members, -1, values.shape[1]).sum(1)
                    for values in (mean, mean.square() + variance)
                ]
                before = sums.get(layer.name, [torch.zeros_like(part) for part in parts])
                sums[layer.name] = [a + b for a, b in zip(before, parts, strict=True)]
    batches = whole.shape[1] // size
    found = {}
    for name, (first, second) in sums.items():
        mean = first / batches
        found[name] = (mean, second / batches - mean.square())
    return found


@torch.no_grad()
def use_population_statistics(network: Network) -> None:
    """Write recomputed statistics into the running ones; the caller puts the old ones back."""
    statistics = population_statistics(network, network.train[:, :IMAGES])
    for layer in network.of("norm"):
        mean, variance = statistics[layer.name]
        for name, buffer in layer.module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(mean.view_as(buffer))
            elif name.endswith("running_var"):
                buffer.copy_(variance.view_as(buffer))
