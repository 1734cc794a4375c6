"""How much the difference of the arms depends on another axis."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pandas as pd

from analysis.measures.grouping import contrasts
from analysis.measures.labels import arm_name, same_value
from analysis.measures.pairs import ARMS, join_arms, other_axes, pair_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare the advantage of the treatment at each setting of an axis with that at the baseline.

    The advantage is treatment − control (on the ratio scale, treatment over control) of one seed at
    one setting of ``over``; the contrast is the advantage there against the advantage of the same
    seed at ``baseline``. What a setting does to both arms alike so cancels.
    """
    over, baseline = comparison.over, comparison.baseline
    pairs = pair_table(samples, comparison, chance)
    if pairs.empty:
        return []
    assert over is not None, f"{comparison.name}: an interaction is along an axis"
    assert baseline is not None, f"{comparison.name}: an interaction needs a baseline"
    advantage = (
        pairs["treatment"] / pairs["control"]
        if comparison.scale == "log_ratio"
        else pairs["treatment"] - pairs["control"]
    )
    there = pairs.assign(
        value=advantage,
        lost=_either(pairs, "lost", comparison),
        undefined=_either(pairs, "undefined", comparison),
        censored=pairs["treatment_censored"] | pairs["control_censored"],
        diverged=pairs["treatment_diverged"] | pairs["control_diverged"],
    )
    axes = [axis for axis in other_axes(comparison) if axis != over]
    settings = dict(list(there.groupby(over, sort=True)))
    reference = next((rows for s, rows in settings.items() if same_value(s, baseline)), None)
    if reference is None:
        return []
    tables = [
        join_arms((rows, reference), axes).assign(**{over: setting})
        for setting, rows in settings.items()
        if not same_value(setting, baseline)
    ]
    table = pd.concat(tables, ignore_index=True)
    return [_named(c) for c in contrasts(table, comparison)]


def _either(pairs: pd.DataFrame, what: str, comparison: Comparison) -> pd.Series[str]:
    """Say what either arm of each pair lacks, and which arm."""
    texts = []
    for side in ARMS:
        name = arm_name(comparison, side)
        texts.append([f"{name}: {t}" if t else "" for t in pairs[f"{side}_{what}"]])
    return pd.Series(
        ["; ".join(filter(None, both)) for both in zip(*texts, strict=True)],
        pairs.index,
        dtype="str",
    )


def _named(contrast: Contrast) -> Contrast:
    """Call the two numbers of a seed what they are."""
    comparison = contrast.comparison
    treatment, control = (arm_name(comparison, side) for side in ARMS)
    joint = "over" if comparison.scale == "log_ratio" else "minus"
    words = str(comparison.over).replace("_", " ")
    setting = contrast.condition.get(str(comparison.over))
    places = (
        f"{words} {setting}" if setting is not None else f"other {words}s",
        f"{words} {comparison.baseline}",
    )
    return dataclasses.replace(
        contrast,
        arms={
            f"{treatment} {joint} {control}, {place}": values
            for place, values in zip(places, contrast.arms.values(), strict=True)
        },
    )
