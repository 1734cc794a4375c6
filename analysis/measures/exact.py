"""How far an outcome that should be 0 is from it: no second arm, an exact check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.measures.grouping import contrasts
from analysis.measures.labels import same_value
from analysis.measures.pairs import join_arms, other_axes, trial_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Set the treatment's trials against 0, which stands in the control's place.

    Goes with the decision ``equality``: the claim is that nothing is there. Where a
    metric may be negative (the lag of the running statistics, which is only shown), errors of both
    signs can hide in the mean over seeds.
    """
    arm = comparison.arms
    values = trial_table(samples, comparison, chance)
    values = values[values[arm.axis].map(lambda v: same_value(v, arm.treatment)).astype(bool)]
    pairs = join_arms((values, values), other_axes(comparison))
    pairs["control"] = pairs["control"].where(pairs["control"].isna(), 0.0)
    return contrasts(pairs, comparison)
