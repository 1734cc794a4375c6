"""Where published single runs fall among ours."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from analysis.measures.grouping import deciding, seed_contrast, with_roles
from analysis.measures.labels import arm_name, condition_of, match_columns
from analysis.measures.pairs import ARMS, pair_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Set each arm's runs against its published single run.

    ``differences`` are published − ours, one a seed, so d_z (their mean over their standard
    deviation) says how many standard deviations between seeds the published run lies above our
    mean. Both arms are primary at the condition that decides. Where both have a figure, the
    difference between the arms stands beside as context.
    """
    pairs = pair_table(samples, comparison, chance)
    match = match_columns(pairs)
    groups = [
        (condition_of(match, key), group)
        for key, group in pairs.groupby(match, dropna=False, sort=True)
    ]
    devices = sorted({str(condition["device"]) for condition, _ in groups})
    among = [condition for condition, _ in groups if condition["device"] in devices[:1]]
    found = deciding(among, comparison)
    decides = among[found[0]] if len(found) == 1 else None
    result: list[Contrast] = []
    for condition, group in groups:
        arms = [
            _arm(group, side, {**condition, comparison.arms.axis: name}, comparison)
            for side in ARMS
            if (name := arm_name(comparison, side)) in comparison.reference
        ]
        result += [
            dataclasses.replace(c, role="primary") if condition is decides else c
            for c in with_roles([], arms, comparison)
        ]
        if len(arms) == len(ARMS):
            result.append(_between(group, condition, comparison))
    return sorted(result, key=lambda c: ("primary", "evidence", "context").index(c.role))


def _arm(
    group: pd.DataFrame, side: str, condition: dict[str, object], comparison: Comparison
) -> Contrast:
    name = arm_name(comparison, side)
    published = comparison.reference[name]
    (other,) = (a for a in ARMS if a != side)
    own = group.assign(
        difference=published - group[side], **{f"{other}_lost": "", f"{other}_undefined": ""}
    )
    contrast = seed_contrast(own, condition, comparison, f"{comparison.arms.axis} {name}")
    return dataclasses.replace(contrast, arms={name: contrast.arms[name]})


def _between(group: pd.DataFrame, condition: dict[str, object], comparison: Comparison) -> Contrast:
    names = [arm_name(comparison, side) for side in ARMS]
    published = comparison.reference[names[0]] - comparison.reference[names[1]]
    own = group.assign(difference=published - (group["treatment"] - group["control"]))
    contrast = seed_contrast(own, condition, comparison, f"{names[0]} minus {names[1]}")
    return dataclasses.replace(contrast, role="context")
