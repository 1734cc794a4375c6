"""Robustness over an axis: what the worst of its settings loses against the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.measures.grouping import contrasts
from analysis.measures.pairs import pair_table
from analysis.measures.reduction import collapse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast, Values
    from analysis.samples import Samples


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare the arms' range (largest minus smallest value) over ``comparison.over``.

    Each seed has one range an arm. Both arms have the same settings, so the upward bias of a range
    from noise is the same in both.
    """
    assert comparison.over is not None, f"{comparison.name}: a spread is taken over an axis"
    pairs = pair_table(samples, comparison, chance)
    if pairs.empty:
        return []
    return contrasts(collapse(pairs, comparison.over, _range), comparison)


def _range(_: Values, values: Values) -> float:
    return float(np.ptp(values))
