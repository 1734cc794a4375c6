"""How trials become one number a seed: one measure a file, one line here each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from analysis.measures import (
    best,
    exact,
    interaction,
    largest,
    matched,
    paired,
    spread,
    time_to_target,
    trend,
    tuned,
    typical,
)
from suite.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.claims import Claim
    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples


class Measure(Protocol):
    """Samples and a registered comparison → contrasts; none where the store holds no such pair."""

    def __call__(
        self, samples: Samples, comparison: Comparison, chance: Mapping[str, float], /
    ) -> list[Contrast]:
        """Make the contrasts, the primary one first."""
        ...


MEASURES: Final[dict[str, Measure]] = {
    "paired": paired.measure,
    "tuned": tuned.measure,
    "spread": spread.measure,
    "largest": largest.measure,
    "typical": typical.measure,
    "time_to_target": time_to_target.measure,
    "exact": exact.measure,
    "trend": trend.measure,
    "interaction": interaction.measure,
    "matched": matched.measure,
    "best": best.measure,
}


# Measures that let some of the seeds choose a setting and test the others.
CHOOSING: Final = ("tuned", "best")


def claim_contrasts(samples: Samples, claim: Claim, chance: Mapping[str, float]) -> list[Contrast]:
    """Make all contrasts of a claim, in the order of its comparisons.

    Raises
    ------
    UnknownNameError
        A comparison names a measure that is not registered.
    """
    found: list[Contrast] = []
    for comparison in claim.comparisons:
        if comparison.measure not in MEASURES:
            raise UnknownNameError("measure", comparison.measure, MEASURES)
        found += MEASURES[comparison.measure](samples, comparison, chance)
    return found
