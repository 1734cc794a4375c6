"""Wall-clock time to a target: steps to the target times the measured time of a step."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from analysis.costs import STUDY
from analysis.measures.grouping import contrasts, with_roles
from analysis.measures.pairs import pair_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples

# What a step's time depends on; learning rate, init and the number of images play no part.
_AXES = ("model", "depth", "optimizer", "batch_size", "device")


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare seconds to the target, with the uncertainty of steps and of step time in one.

    ln(seconds ratio) = ln(steps ratio) + ln(step time ratio). The first was observed for n seeds,
    the second for m replicates, independently of each other. The i-th seed is paired with the i-th
    replicate: min(n, m) independent sums, whose mean has the variance of both means together, so
    the tests for seeds hold for them as they are. Surplus seeds or replicates are not used.

    Steps are restricted to the budget as in ``paired``; evaluation and loading cost nothing here.
    A setting whose step time was not measured gives no contrast; replicates that failed are missing
    pairs like seeds that did.
    """
    timed = comparison.model_copy(
        update={"metric": "pass_seconds", "facet": "train_step", "study": STUDY, "where": {}}
    )
    steps = contrasts(pair_table(samples, comparison, chance), comparison)
    costs = contrasts(pair_table(samples, timed, chance), timed)
    found = [_joined(one, cost) for one in steps if (cost := _cost_of(one, costs)) is not None]
    return with_roles(found, [], comparison)


def _cost_of(steps: Contrast, costs: Sequence[Contrast]) -> Contrast | None:
    """Find the step time at a setting, measured with the same images if there is a choice."""
    here = steps.condition
    fitting = [c for c in costs if all(here.get(a) == c.condition.get(a) for a in _AXES)]
    same = [c for c in fitting if c.condition.get("dataset") == here.get("dataset")]
    return next(iter(same or fitting), None)


def _joined(steps: Contrast, cost: Contrast) -> Contrast:
    n = min(steps.n, cost.n)
    note = (
        f"Steps of {steps.n} seeds, times of {cost.n} replicates: {n} independent pairs. Step time "
        f"alone: ratio {_ratio(cost):.3f}; steps alone: ratio {_ratio(steps):.3f}."
    )
    return dataclasses.replace(
        steps,
        seeds=steps.seeds[:n],
        differences=steps.differences[:n] + cost.differences[:n],
        arms={arm: values[:n] * cost.arms[arm][:n] for arm, values in steps.arms.items()},
        # Whether a measurement fails may hang on the arm, as with a trial.
        missing=(*steps.missing, *cost.missing),
        notes=(*steps.notes, note) if n else steps.notes,
    )


def _ratio(contrast: Contrast) -> float:
    """Geometric mean of treatment over control."""
    if not contrast.n:
        return float("nan")
    return float(np.exp(contrast.comparison.sign * contrast.differences.mean()))
