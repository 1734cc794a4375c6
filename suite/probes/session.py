"""All probes of one stack over its training: when they run, what they see and what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite.probes import probe_spec
from suite.probes.readings import MemberReadings
from suite.probes.schedule import probe_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from suite.probes.network import Network
    from suite.probes.readings import Key


class ProbeSession:
    """The probes of one stack.

    Parameters
    ----------
    names
        Of the probes.
    network
        What they look at.
    schedule
        Steps after which the suite evaluates, from 0 to the length of training.
    """

    def __init__(self, names: Sequence[str], network: Network, schedule: Sequence[int]) -> None:
        specs = [probe_spec(name) for name in names]
        costs = [spec.cost for spec in specs]
        self.network = network
        self.probes = [spec.load().probe() for spec in specs]
        self._everywhere = [
            probe for probe, cost in zip(self.probes, costs, strict=True) if cost.everywhere
        ]
        self._points_of_all = frozenset(
            probe_steps(
                schedule,
                costs,
                batch_size=network.batch_size,
                validation_images=network.validation.shape[1],
                test_images=len(network.data.test_labels),
            )
        )
        self.steps = frozenset(schedule) if self._everywhere else self._points_of_all
        self.forward = any(cost.forward for cost in costs)
        self.backward = any(cost.backward for cost in costs)
        self._points: dict[Key, list[tuple[int, torch.Tensor]]] = {}
        self._final: dict[Key, torch.Tensor] = {}

    def point(self, step: int) -> None:
        """Let the probes look, if this is a point of their schedule."""
        if step not in self.steps:
            return
        everyone = step in self._points_of_all
        if everyone and (self.forward or self.backward):
            with self.network.untouched():
                for seen in self.network.passes(forward=self.forward, backward=self.backward):
                    for probe in self.probes:
                        probe.see(self.network, seen)
        for probe in self.probes if everyone else self._everywhere:
            with self.network.untouched():
                for reading in probe.point(self.network):
                    key = (reading.quantity, reading.facet)
                    values = reading.values.double().cpu()
                    self._points.setdefault(key, []).append((step, values))

    def finish(self) -> None:
        """Let the probes measure what they measure once, at the end."""
        for probe in self.probes:
            with self.network.untouched():
                for reading in probe.at_end(self.network):
                    values = reading.values.double().cpu()
                    self._final[reading.quantity, reading.facet] = values

    def of(self, member: int) -> MemberReadings:
        """Take one member's part."""
        return MemberReadings(
            points={
                key: [(step, float(values[member])) for step, values in points]
                for key, points in self._points.items()
            },
            final={key: float(values[member]) for key, values in self._final.items()},
        )
