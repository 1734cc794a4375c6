"""Norms by name: the registry, without torch.

A norm is one file of this package and one line in ``NORMS``. Its file holds

``serial(features, argument) -> nn.Module``
    for inputs ``(batch, features, …)``;
``stacked(stack, features, argument) -> nn.Module``
    for inputs ``(stack, batch, features, …)``.

Parameters and buffers have the same names in both forms; the stacked ones have a leading stack
axis. A norm draws no random numbers, so it can't disturb the pairing of two arms.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from suite.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from torch import nn


class NormModule(Protocol):
    """What the file of a norm offers."""

    def serial(self, features: int, argument: int | None) -> nn.Module:
        """Build the norm for inputs (batch, features, …)."""
        ...

    def stacked(self, stack: int, features: int, argument: int | None) -> nn.Module:
        """Build the norm for inputs (stack, batch, features, …)."""
        ...


@dataclass(frozen=True)
class NormSpec:
    """A norm as the registry knows it.

    Parameters
    ----------
    name, title
        Key in grids and stores; name for people.
    module
        Where its code is.
    batch_statistics
        Whether training uses statistics over the batch, so that a batch of one has none.
    meaning
        One sentence for tables and tooltips.
    argument
        What the number after the colon is, as in ``ghost:16``; empty where it takes none.
    default_argument
        Its value where none is written.
    """

    name: str
    title: str
    module: str
    batch_statistics: bool
    meaning: str
    argument: str = ""
    default_argument: int | None = None

    def load(self) -> NormModule:
        """Import the code (and with it torch)."""
        return cast("NormModule", importlib.import_module(self.module))


@dataclass(frozen=True)
class NormChoice:
    """A norm with its argument."""

    spec: NormSpec
    argument: int | None

    def __str__(self) -> str:
        """Write the choice as a grid does; the default argument is always written out."""
        return self.spec.name if self.argument is None else f"{self.spec.name}:{self.argument}"

    def serial(self, features: int) -> nn.Module:
        """Build the norm for inputs (batch, features, …)."""
        return self.spec.load().serial(features, self.argument)

    def stacked(self, stack: int, features: int) -> nn.Module:
        """Build the norm for inputs (stack, batch, features, …)."""
        return self.spec.load().stacked(stack, features, self.argument)


_ALL: Final = (
    NormSpec("none", "no norm", "suite.norms.none", False, "The activations as they are."),
    NormSpec(
        "batch",
        "batch norm",
        "suite.norms.batch",
        True,
        "Each feature scaled to mean 0 and variance 1 over the batch, then by learned γ and β.",
    ),
    NormSpec(
        "layer",
        "layer norm",
        "suite.norms.layer",
        False,
        "Each image scaled to mean 0 and variance 1 over its features: no batch is involved.",
    ),
    NormSpec(
        "group",
        "group norm",
        "suite.norms.group",
        False,
        "As layer norm, over groups of neighbouring channels instead of all of them.",
        argument="groups",
        default_argument=8,
    ),
    NormSpec(
        "ghost",
        "ghost batch norm",
        "suite.norms.ghost",
        True,
        "Batch norm over small virtual batches: more noise, the same scaling.",
        argument="virtual batch size",
        default_argument=16,
    ),
    NormSpec(
        "batch_no_affine",
        "batch norm without γ and β",
        "suite.norms.batch_no_affine",
        True,
        "Batch norm with γ fixed at 1 and β at 0.",
    ),
    NormSpec(
        "affine_only",
        "γ and β alone",
        "suite.norms.affine_only",
        False,
        "A placebo: batch norm's parameters without its normalizing.",
    ),
)

NORMS: Final[dict[str, NormSpec]] = {spec.name: spec for spec in _ALL}


def parse_norm(text: str) -> NormChoice:
    """Read a norm as grids write it: ``batch``, ``ghost:16``.

    Raises
    ------
    UnknownNameError
        No norm has that name.
    UsageError
        The argument is not a positive whole number, or the norm takes none.
    """
    name, colon, written = text.partition(":")
    if name not in NORMS:
        raise UnknownNameError("norm", name, NORMS)
    spec = NORMS[name]
    if not colon:
        return NormChoice(spec, spec.default_argument)
    if spec.default_argument is None:
        raise UsageError(f"norm {text!r}: {name} takes no argument; write {name!r}")
    if not (written.isascii() and written.isdigit() and len(written) <= 9 and int(written) >= 1):
        raise UsageError(
            f"norm {text!r}: {spec.argument} must be a whole number of at least 1, "
            f"as in '{name}:{spec.default_argument}'"
        )
    return NormChoice(spec, int(written))
