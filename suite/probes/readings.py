"""From what probes measured on one member to its stored curves and outcomes: plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from suite.quantities import quantity
from suite.records import Curve, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Key = tuple[str, str]  # quantity and facet
Point = tuple[int, float]  # step and value

# Means over the points are geometric for these: they are ratios that span factors of ten.
_GEOMETRIC: Final = frozenset(
    {"gradient_ratio", "gradient_noise", "gradient_predictiveness", "effective_smoothness"}
)


@dataclass(frozen=True)
class MemberReadings:
    """What the probes measured on one member; values that are not finite are among them.

    Parameters
    ----------
    points
        Along training, steps rising.
    final
        Once, at the end.
    """

    points: Mapping[Key, Sequence[Point]]
    final: Mapping[Key, float]

    def curves(self, usable: int) -> tuple[Curve, ...]:
        """Give the curves up to the last usable step, where they are finite."""
        found = []
        for (name, facet), points in self.points.items():
            if kept := _finite(points, usable):
                steps, values = zip(*kept, strict=True)
                found.append(Curve(name, steps, values, facet))
        return tuple(found)

    def outcomes(self, usable: int, *, whole: bool) -> tuple[Outcome, ...]:
        """Give the outcomes.

        Parameters
        ----------
        usable
            The last step before the loss was not finite.
        whole
            Whether the member stayed finite to the end; else it has its start only.
        """
        found: list[Outcome] = []
        for (name, facet), points in self.points.items():
            if facet == "" and quantity(name).kind == "both":
                kept = dict(_finite(points, usable))
                found += _summary(name, [step for step, _ in points], kept, whole=whole)
        if whole:
            found += [
                Outcome(name, value, facet)
                for (name, facet), value in self.final.items()
                if math.isfinite(value)
            ]
        return tuple(found)


def _finite(points: Sequence[Point], usable: int) -> list[Point]:
    return [(step, value) for step, value in points if step <= usable and math.isfinite(value)]


def _summary(
    name: str, steps: Sequence[int], kept: Mapping[int, float], *, whole: bool
) -> Iterator[Outcome]:
    """One number a trial, from the points that there are."""
    if 0 in kept:
        yield Outcome(name, kept[0], "initial")
    later = [kept[step] for step in steps if step > 0 and step in kept]
    if whole and later:
        if steps[-1] in kept:
            yield Outcome(name, kept[steps[-1]], "final")
        yield Outcome(name, mean(later, geometric=name in _GEOMETRIC), "mean")


def mean(values: Sequence[float], *, geometric: bool) -> float:
    """Average; a geometric mean of values of which one is zero is zero."""
    if not geometric:
        return math.fsum(values) / len(values)
    if min(values) <= 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, values)) / len(values))
