"""How many runs of an arm ended in some way, with the interval of their share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.figures.palette import norm_title
from analysis.stats.proportions import wilson_interval
from analysis.wording import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.contrasts import Contrast


def runs_of_arms(contrast: Contrast, counts: Mapping[str, int]) -> str:
    """Write counts by arm: ``3 of 12 (no norm), 9 to 53 % of such runs``.

    The share has Wilson's 95 % interval where each seed is one run. Where a contrast reduces
    several runs of a seed to one number they are no independent sample, and only counted.
    """
    comparison = contrast.comparison
    one_each = comparison.measure == "paired" and not comparison.mean_over
    return listed(
        [
            _share(arm, count, contrast.n + len(contrast.missing))
            if one_each
            else f"{count} ({norm_title(arm)})"
            for arm, count in counts.items()
            if count
        ]
    )


def _share(arm: str, count: int, runs: int) -> str:
    low, high = (100 * share for share in wilson_interval(count, runs))
    return f"{count} of {runs} ({norm_title(arm)}), {low:.0f} to {high:.0f} % of such runs"
