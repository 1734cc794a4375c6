"""A/A: one arm against itself on real runs, with other seeds.

Simulated noise may be kinder than that of training. Here the noise is real and the truth is known
all the same: both sides were trained alike, so a verdict of ``supported`` or ``contradicted`` is
false. A study of its own (``aa`` in the grid ``full``) trains one arm again with other seeds at the
condition that decides claims. And any store with at least 12 seeds holds 6 such pairs: the first
half of its seeds against the second.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.costs import STUDY as COST_STUDY
from analysis.measures import claim_contrasts
from analysis.stats.inputs import MINIMUM_SEEDS
from analysis.verdicts import judge
from suite.records import AXES

if TYPE_CHECKING:
    from analysis.claims import Claim, Registry
    from analysis.comparison import AxisValue, Comparison
    from analysis.contrasts import Verdict
    from analysis.samples import Samples

STUDY: Final = "aa"
_AXIS = "norm"


def same_arm_study(samples: Samples, registry: Registry) -> list[Verdict]:
    """Judge the claims that the study ``aa`` can serve, its seeds against the other study's.

    Each claim's own study gives the treatment, ``aa`` the control, seed by seed in their order, at
    the conditions that both hold under the same protocol.

    Returns
    -------
    list of Verdict
        Empty where the grid has no such study, or fewer than 6 seeds of it.
    """
    again = samples.study(STUDY)
    cases = []
    for claim in filter(None, map(_applicable, registry)):
        primary = claim.primary
        if primary.measure == "paired" and not again.empty:
            rows = _against(samples.study(primary.study), again, primary)
            halves = dataclasses.replace(samples, trials=rows, _curves={})
            one = claim.model_copy(update={"comparisons": (primary,)})
            cases.append((one, claim_contrasts(halves, one, registry.chance)))
    return [v for v in judge(cases) if v.word != "no verdict"]


def _against(study: pd.DataFrame, again: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Give the trials of one arm twice, as the arms of a comparison, with seeds that match."""
    match = [*AXES, "device", "protocol", "data_fingerprint", "code_version"]
    names = again.drop_duplicates(match)[match]
    first = study.merge(names, on=match, how="inner")
    second = again.merge(first.drop_duplicates(match)[match], on=match, how="inner")
    pairs = dict(zip(sorted(second["seed"].unique()), sorted(first["seed"].unique()), strict=False))
    second = second[second["seed"].isin(pairs)]
    return pd.concat(
        [
            first[first["seed"].isin(pairs.values())].assign(**{_AXIS: comparison.arms.treatment}),
            second.assign(
                **{_AXIS: comparison.arms.control, "study": comparison.study},
                seed=second["seed"].map(pairs),
            ),
        ],
        ignore_index=True,
    )


def same_arm_verdicts(samples: Samples, registry: Registry, arm: AxisValue) -> list[Verdict]:
    """Judge every claim about norms with one arm in the place of both.

    Parameters
    ----------
    samples
        The evidence of a run.
    registry
        Claims; those that compare something else than norms, cost, or published runs are left out.
    arm
        The norm that is compared with itself.

    Returns
    -------
    list of Verdict
        Of the claims that could be judged; empty below 12 seeds.
    """
    cases = []
    for claim in filter(None, map(_applicable, registry)):
        arms = claim.primary.arms
        halves = split_seeds(samples, arm, arms.treatment, arms.control)
        cases.append((claim, claim_contrasts(halves, claim, registry.chance)))
    return [v for v in judge(cases) if v.word != "no verdict"]


def split_seeds(
    samples: Samples, arm: AxisValue, treatment: AxisValue, control: AxisValue
) -> Samples:
    """Give the trials of one arm as if they were two.

    The first half of each study's seeds takes the name of the treatment, the second that of the
    control and the first half's seeds, in order; an odd one out is left out, as are studies with
    fewer than 12 seeds.
    """
    halves = []
    for _, rows in samples.trials[samples.trials[_AXIS] == arm].groupby("study", sort=False):
        seeds = sorted(rows["seed"].unique())
        half = len(seeds) // 2
        if half < MINIMUM_SEEDS:
            continue
        first = rows[rows["seed"].isin(seeds[:half])]
        second = rows[rows["seed"].isin(seeds[half : 2 * half])]
        partner = dict(zip(seeds[half:], seeds[:half], strict=False))
        halves += [
            first.assign(**{_AXIS: treatment}),
            second.assign(**{_AXIS: control, "seed": second["seed"].map(partner)}),
        ]
    trials = pd.concat(halves, ignore_index=True) if halves else samples.trials.iloc[:0]
    return dataclasses.replace(samples, trials=trials, _curves={})


def _applicable(claim: Claim) -> Claim | None:
    kept = tuple(
        c
        for c in claim.comparisons
        if c.arms.axis == _AXIS
        and c.decision == "superiority"
        and c.study != COST_STUDY
        and c.role != "context"
    )
    if not kept or kept[0].role != "primary":
        return None
    return claim.model_copy(update={"comparisons": kept})
