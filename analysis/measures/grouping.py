"""Pair table → contrasts: one for each condition, and which of them decides the claim."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.contrasts import Contrast, LostPair
from analysis.measures.labels import (
    arm_name,
    condition_of,
    label_of,
    match_columns,
    named_axes,
    reasons,
    same_value,
)
from analysis.measures.pairs import ARMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from analysis.comparison import AxisValue, Comparison
    from analysis.contrasts import Role, Values
    from analysis.stats.inputs import FloatArray


# Columns of a pair table that a contrast is made of.
_USED: Final = (
    *("seed", "difference", *ARMS),
    *(f"{side}_{what}" for side in ARMS for what in ("censored", "diverged", "undefined")),
)


def contrasts(
    pairs: pd.DataFrame, comparison: Comparison, notes: Sequence[str] = ()
) -> list[Contrast]:
    """Turn a pair table into contrasts: one for each condition, and the primary one.

    Without ``mean_over`` the primary contrast is the condition that ``primary`` names; with it, the
    mean of each seed over those axes. See ``with_roles`` for which of several conditions it is.
    """
    if pairs.empty:
        return []
    table = with_differences(pairs, comparison)
    named = named_axes(table, comparison)

    def grouped(match: Sequence[str]) -> list[Contrast]:
        found = []
        for key, group in table.groupby(list(match), dropna=False, sort=True):
            condition = condition_of(match, key)
            shown = [axis for axis in named if axis in condition]
            averaged = [f"{a.replace('_', ' ')}s" for a in named if a not in condition]
            label = label_of(condition, shown) if shown or not averaged else ""
            if averaged:
                label += f"{', ' if label else ''}mean over {' and '.join(averaged)}"
            found.append(seed_contrast(group, condition, comparison, label, notes))
        return found

    match = match_columns(table)
    singles = grouped(match)
    means = []
    if comparison.mean_over:
        means = grouped([c for c in match if c not in comparison.mean_over])
    return with_roles(means or singles, singles if means else [], comparison)


def with_roles(
    candidates: Sequence[Contrast], others: Sequence[Contrast], comparison: Comparison
) -> list[Contrast]:
    """Give every contrast its role; see ``deciding`` for the one that decides.

    Other devices than the first by name are context: they are shown beside, and pool with nothing.
    """
    everything = [*candidates, *others]
    devices = sorted({str(c.condition.get("device", "")) for c in everything})
    here = [c.condition.get("device", "") in devices[:1] for c in everything]
    among = [i for i in range(len(candidates)) if here[i]]
    found = deciding([everything[i].condition for i in among], comparison)
    decides = among[found[0]] if comparison.role == "primary" and len(found) == 1 else None
    roles: list[Role] = []
    for position in range(len(everything)):
        if comparison.role == "context" or not here[position]:
            roles.append("context")
        else:
            roles.append("primary" if position == decides else "evidence")
    named = [dataclasses.replace(c, role=r) for c, r in zip(everything, roles, strict=True)]
    return sorted(named, key=lambda c: c.role != "primary")


def deciding(conditions: Sequence[Mapping[str, object]], comparison: Comparison) -> list[int]:
    """Find the condition that decides: one that holds ``primary``, else the usual one of several.

    Parameters
    ----------
    conditions
        Of the contrasts that come into question.

    Returns
    -------
    list of int
        Positions. One decides; several can't be told apart by the registry, and then none does.
    """
    left = [i for i, c in enumerate(conditions) if _holds(c, comparison.primary)]
    for axis, preferred in comparison.usual.items():
        for value in preferred:
            at = [i for i in left if same_value(conditions[i].get(axis), value)]
            if at:
                left = at
                break
    return left


def seed_contrast(
    group: pd.DataFrame,
    condition: dict[str, object],
    comparison: Comparison,
    label: str,
    notes: Sequence[str] = (),
) -> Contrast:
    """Make a contrast of pairs at one condition, or of several that each seed is averaged over.

    Parameters
    ----------
    group
        Rows of a pair table with ``difference``; several rows of a seed are averaged, and a seed
        with one lost among them is lost.
    condition, label
        Where it belongs.
    """
    # In numpy, for there may be a thousand of these and pandas takes milliseconds for each step.
    of = {name: group[name].to_numpy() for name in _USED}
    undefined = (of["treatment_undefined"] != "") | (of["control_undefined"] != "")
    lost = ~undefined & np.isnan(of["difference"])
    kept = ~undefined & ~np.isin(of["seed"], of["seed"][lost])
    seeds, position = np.unique(of["seed"][kept], return_inverse=True)
    rows_of_seed = np.bincount(position, minlength=seeds.size)

    def by_seed(values: Values) -> Values:
        sums = np.bincount(position, weights=values, minlength=seeds.size)
        return np.asarray(sums / rows_of_seed, dtype=np.float64)

    arms: dict[str, Values] = {}
    for side in ARMS:
        values = of[side][kept].astype(np.float64)
        if comparison.scale == "log_ratio":
            arms[arm_name(comparison, side)] = np.exp(by_seed(np.log(values)))
        else:
            arms[arm_name(comparison, side)] = by_seed(values)
    censored = {side: of[f"{side}_censored"][kept].astype(bool) for side in ARMS}
    either = censored["treatment"] | censored["control"]
    varying = [c for c in match_columns(group) if c not in condition]
    return Contrast(
        comparison=comparison,
        label=label,
        condition=condition,
        role="evidence",
        seeds=tuple(seeds.tolist()),
        differences=by_seed(of["difference"][kept].astype(np.float64)),
        arms=arms,
        planned=int(np.unique(of["seed"]).size),
        missing=_lost_pairs(group, lost, label, varying, "lost"),
        undefined=_lost_pairs(group, undefined, label, varying, "undefined"),
        diverged={arm_name(comparison, a): int(of[f"{a}_diverged"].sum()) for a in ARMS},
        censored={arm_name(comparison, a): int(censored[a].sum()) for a in ARMS},
        censored_pairs=int(np.unique(of["seed"][kept][either]).size),
        notes=tuple(notes),
    )


def with_differences(pairs: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Add ``difference``: on the comparison's scale, above 0 where the claim predicts it."""
    treatment, control = (pairs[side].to_numpy(np.float64) for side in ARMS)
    return pairs.assign(difference=differences_of(treatment, control, comparison))


def differences_of(
    treatment: FloatArray, control: FloatArray, comparison: Comparison
) -> FloatArray:
    """Give treatment against control, shape (pairs,); NaN where a ratio has no logarithm."""
    if comparison.scale == "difference":
        return comparison.sign * (treatment - control)
    positive = (treatment > 0) & (control > 0)
    ratio = np.divide(treatment, control, out=np.full(treatment.size, np.nan), where=positive)
    return np.asarray(comparison.sign * np.log(ratio), dtype=np.float64)


def _lost_pairs(
    rows: pd.DataFrame, these: Values, label: str, varying: Sequence[str], what: str
) -> tuple[LostPair, ...]:
    """List one lost pair a seed, naming the trials that it lacks."""
    pairs: list[LostPair] = []
    if not these.any():
        return ()
    for seed, group in rows[these].groupby("seed", sort=True):
        lacking = [
            f"{side}: {text}"
            for side in ARMS
            if (text := reasons(group, f"{side}_{what}", varying))
        ]
        pairs.append(LostPair(int(str(seed)), label, "; ".join(lacking) or "no finite difference"))
    return tuple(pairs)


def _holds(condition: Mapping[str, object], primary: Mapping[str, AxisValue]) -> bool:
    return all(
        axis in condition and same_value(condition[axis], value) for axis, value in primary.items()
    )
