"""How far running statistics are from those of the minibatches that they stand for.

Running statistics are an exponential average over past minibatches of a network that has moved on
(Wu and Johnson 2021, arXiv:2105.07576, Sec. 3), so early in training they lag. With μ_f the mean
and v_f the unbiased variance of feature f, averages over the probe's minibatches, and running
statistics m_f and r_f::

    running_mean_gap     = √(mean_f (m_f − μ_f)² / v_f)
    running_variance_gap = mean_f |ln(r_f / v_f)|

Features that don't vary (v_f = 0) are left out.
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
    return RunningStatistics()


class RunningStatistics(Probe):
    """Moments of what goes into each norm layer that keeps running statistics."""

    def __init__(self) -> None:
        self._moments: dict[str, Moments] = {}

    def see(self, network: Network, seen: Pass) -> None:
        """Take one minibatch's inputs of norm layers in."""
        del network
        for layer in seen.of("norm"):
            if any(name.endswith("running_mean") for name, _ in layer.layer.module.named_buffers()):
                self._moments.setdefault(layer.name, Moments()).add(layer.input)

    def point(self, network: Network) -> Iterator[Reading]:
        """Compare the running statistics with the minibatches' own."""
        found: dict[str, list[torch.Tensor]] = {"running_mean_gap": [], "running_variance_gap": []}
        for layer in network.of("norm"):
            if layer.name in self._moments:
                buffers = {n.rpartition(".")[2]: b for n, b in layer.module.named_buffers()}
                mean, variance = (
                    buffers[name].reshape(network.members, -1).double()
                    for name in ("running_mean", "running_var")
                )
                moments = self._moments[layer.name]
                own = moments.unbiased_within
                own = torch.where(own > 0, own, torch.nan)
                gaps = {
                    "running_mean_gap": ((mean - moments.mean) ** 2 / own).nanmean(1).sqrt(),
                    "running_variance_gap": (variance / own).log().abs().nanmean(1),
                }
                for quantity, gap in gaps.items():
                    found[quantity].append(gap)
                    yield Reading(quantity, gap, layer.name)
        self._moments = {}
        for quantity, values in found.items():
            if values:
                yield Reading(quantity, torch.stack(values).mean(0))
