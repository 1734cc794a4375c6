"""How work on the same samples is shared out; by itself, nobody shares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.samples import Samples

T = TypeVar("T")
R = TypeVar("R")


class Share(Protocol):
    """Calls a function of the samples for each item, and gives the results in their order."""

    def __call__(
        self, function: Callable[[Samples, T], R], samples: Samples, items: Sequence[T], /
    ) -> list[R]:
        """Call it for each item."""


def alone(function: Callable[[Samples, T], R], samples: Samples, items: Sequence[T]) -> list[R]:
    """Do all of it here, one after the other."""
    return [function(samples, item) for item in items]
