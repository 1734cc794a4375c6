"""Frozen records of a comparison of two results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analysis.contrasts import Contrast

RESULTS: Final = ("A", "B")


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """One quantity at one condition, B against A.

    Parameters
    ----------
    study, condition, quantity
        Where, in words, and what; the quantity with its facet, ``steps_to_target@0.95``.
    contrast
        The pairs: differences are above 0 where B is worse.
    word
        ``worse`` and ``better``: significant after Holm, and at least the margin; ``same``: shown
        to be less than the margin; ``identical``: every pair holds the same number; ``unclear``;
        ``no verdict``: fewer than 6 pairs.
    why
        Which part of the rule gave the word.
    a, b
        Means of the two results; geometric ones where ratios are compared. In the stored unit.
    estimate, low, high
        Mean difference on the scale of the comparison and its 95 % interval, above 0 where B is
        worse.
    p, p_adjusted
        Paired t test, raw and after Holm over everything that is compared.
    p_equivalence
        Two one-sided tests against the margin, after Holm.
    text
        Estimate and interval in natural units.
    """

    study: str
    condition: str
    quantity: str
    contrast: Contrast
    word: str
    why: str
    a: float
    b: float
    estimate: float
    low: float
    high: float
    p: float
    p_adjusted: float
    p_equivalence: float
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Broken:
    """A trial or measurement that A has and B could not finish."""

    study: str
    condition: str
    seed: int
    status: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """Everything that two results say about each other.

    Parameters
    ----------
    changes
        In the order of the grid.
    broken
        What worked in A and failed, or ran out of memory, in B.
    only
        ``A`` and ``B`` → trials and measurements that the other result does not plan.
    lost
        Trials and measurements that A has finished and B does not have.
    allowed
        Incomparabilities that are there and were allowed, as sentences.
    devices
        ``A`` and ``B`` → their devices.
    """

    changes: tuple[Change, ...]
    broken: tuple[Broken, ...]
    only: dict[str, int]
    lost: int
    allowed: tuple[str, ...]
    devices: dict[str, tuple[str, ...]]

    @property
    def regressions(self) -> tuple[Change, ...]:
        """Changes for the worse."""
        return tuple(c for c in self.changes if c.word == "worse")
