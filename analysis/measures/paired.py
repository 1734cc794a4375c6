"""Matched arms: treatment against control at the same value of every other axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.measures.grouping import contrasts
from analysis.measures.pairs import pair_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare the arms seed by seed at each condition.

    Times to a target are restricted to the budget, min(T, budget), which is fully observed and so
    is paired like any other number (Royston and Parmar 2013, BMC Med. Res. Methodol. 13:152).
    """
    return contrasts(pair_table(samples, comparison, chance), comparison)
