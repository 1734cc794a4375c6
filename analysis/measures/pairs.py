"""The table of matched pairs that every measure starts from, and the way from it to contrasts.

What each status means for a pair:

- ``diverged`` is data. A time-to-target that it has not reached is censored; an accuracy that it
  does not have is that of guessing.
- ``undefined`` (BN over a batch of one) is a property of the condition, the same for every seed:
  the pair is counted and shown, is no gap in the data and is never given a value.
- ``missing``, ``failed`` and ``oom`` are gaps: whether a trial ends so may well depend on its arm,
  so they are not missing at random, and more than 10 % of them leave a claim inconclusive.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from analysis.claims import OUTCOME
from analysis.contrasts import Contrast, LostPair
from analysis.measures.along import value_after
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analysis.claims import AxisValue, Comparison
    from analysis.contrasts import Role, Values
    from analysis.samples import Samples

# Time-to-target → the column of samples with its budget.
BUDGETS: Final = {"steps_to_target": "budget_steps", "samples_to_target": "budget_samples"}
ARMS: Final = ("treatment", "control")
FACET_WORDS: Final = ("first", "middle", "last")
_AXIS_WORDS: Final = {
    "dataset": "{}",
    "model": "{}",
    "norm": "norm {}",
    "optimizer": "{}",
    "init": "{} initialisation",
    "depth": "depth {}",
    "weight_decay": "weight decay {:g}",
    "learning_rate": "learning rate {:g}",
    "batch_size": "batch size {}",
    "train_size": "{} training images",
    "device": "{}",
}


def pair_table(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> pd.DataFrame:
    """Match the two arms of a comparison on every other axis, device and seed.

    Parameters
    ----------
    samples
        The evidence.
    comparison
        Study, arms, metric, facet and limits.
    chance
        Dataset → accuracy of guessing.

    Returns
    -------
    pandas.DataFrame
        One row per planned pair: the other axes, ``device``, ``seed``, and for each arm
        (``treatment``, ``control``) its value, and with that prefix ``_censored``, ``_diverged``,
        ``_lost`` and ``_undefined`` (the reason, or empty). A time that was not reached is its
        budget; a lost value is NaN.
    """
    if comparison.arms.axis != OUTCOME:
        return pair_up(trial_table(samples, comparison, chance), comparison)
    trials = limited(samples, comparison)
    arms = (str(arm).partition("@") for arm in _arms(comparison))
    tables = (trial_values(samples, trials, name, facet, chance) for name, _, facet in arms)
    return join_arms(list(tables), AXES)


def pair_up(values: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Match the arms of a comparison among trials with their values; gives a pair table."""
    axis = values[comparison.arms.axis]
    tables = [values[_equals(axis, arm)] for arm in _arms(comparison)]
    return join_arms(tables, other_axes(comparison))


def join_arms(arms: Sequence[pd.DataFrame], axes: Sequence[str]) -> pd.DataFrame:
    """Make a pair table of treatment's and control's trials, matched on axes, device and seed."""
    match = [*axes, "device", "seed"]
    columns = ["value", "censored", "diverged", "lost", "undefined"]
    first, second = (
        table[[*match, *columns]].rename(
            columns={c: side if c == "value" else f"{side}_{c}" for c in columns}
        )
        for side, table in zip(ARMS, arms, strict=True)
    )
    return first.merge(second, on=match, how="inner", validate="one_to_one")


def trial_table(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> pd.DataFrame:
    """Give all trials within the comparison's limits, whatever their arm, with their values."""
    trials = limited(samples, comparison)
    values = trial_values(
        samples, trials, comparison.metric, comparison.facet, chance, after=comparison.after
    )
    if comparison.minus:
        name, _, facet = comparison.minus.partition("@")
        other = trial_values(samples, trials, name, facet, chance)
        values["value"] -= other["value"]
        values["lost"] = values["lost"].where(values["lost"] != "", other["lost"])
    return values


def _arms(comparison: Comparison) -> tuple[AxisValue, AxisValue]:
    return comparison.arms.treatment, comparison.arms.control


def other_axes(comparison: Comparison) -> list[str]:
    """Give the axes that both arms share."""
    return [axis for axis in AXES if axis != comparison.arms.axis]


def limited(samples: Samples, comparison: Comparison) -> pd.DataFrame:
    """Rows of the comparison's study within its limits."""
    trials = samples.study(comparison.study)
    for axis, allowed in comparison.where.items():
        keep = np.zeros(len(trials), dtype=bool)
        for value in allowed:
            keep |= _equals(trials[axis], value).to_numpy(dtype=bool)
        trials = trials[keep]
    return trials


def trial_values(
    samples: Samples,
    trials: pd.DataFrame,
    metric: str,
    facet: str,
    chance: Mapping[str, float],
    *,
    after: int | None = None,
) -> pd.DataFrame:
    """Add each trial's value of a metric and what is to be known about it.

    Parameters
    ----------
    after
        Training images after which the metric's curve is read; None for the stored outcome.

    Returns
    -------
    pandas.DataFrame
        The rows with ``value``, ``censored``, ``diverged``, ``lost`` and ``undefined``.
    """
    frame = trials.copy()
    if after is None:
        raw = _column(samples, frame, metric, facet)
    else:
        raw = value_after(samples, frame, metric, after)
    diverged = frame["status"] == "diverged"
    censored = pd.Series(data=False, index=frame.index)
    if metric in BUDGETS:
        raw = raw.mask(diverged & raw.isna(), math.inf)
        budget = frame[BUDGETS[metric]]
        censored = raw.notna() & ~(raw <= budget)
        # Not reached by anyone: the budget is unknown, and the same for both arms of the pair.
        raw = raw.mask(censored, budget.fillna(1.0)).clip(lower=1.0)
    elif metric.endswith("accuracy"):
        raw = raw.mask(diverged & raw.isna(), frame["dataset"].map(dict(chance)))
    usable = frame["status"].isin(("ok", "diverged"))
    value = raw.where(usable & np.isfinite(raw))
    undefined = frame["status"] == "undefined"
    why = frame["status"].mask(usable, f"no finite {metric}")
    return frame.assign(
        value=value,
        censored=censored & usable,
        diverged=diverged,
        lost=why.where(value.isna() & ~undefined, ""),
        undefined=frame["reason"].where(undefined, ""),
    )


def collapse(
    pairs: pd.DataFrame, over: str, reduce: Callable[[Values, Values], float]
) -> pd.DataFrame:
    """Reduce each arm over an axis, seed by seed: many pairs become one.

    Settings where either arm is undefined are left out of both; one lost value loses the seed.

    Parameters
    ----------
    pairs
        A pair table.
    over
        The axis.
    reduce
        (settings, values), rising in the setting, → one number; shapes (k,) and (k,).

    Returns
    -------
    pandas.DataFrame
        A pair table without that axis.
    """
    where = [c for c in match_columns(pairs) if c != over] + ["seed"]
    ordered = pairs.sort_values([*where, over], kind="stable", ignore_index=True)
    group = ordered.groupby(where, dropna=False, sort=True).ngroup()
    defined = _defined(ordered)
    first = ~group.duplicated()
    result = ordered.loc[first, where].set_index(group[first])
    used, used_group = ordered[defined], group[defined]
    # Settings that are names, such as initialisations, have their place in the order as a number.
    names = not pd.api.types.is_numeric_dtype(used[over])
    settings = (pd.factorize(used[over], sort=True)[0] if names else used[over]).astype(np.float64)
    settings = np.asarray(settings)
    slices = used_group.groupby(used_group).indices
    for side in ARMS:
        values = used[side].to_numpy(np.float64)
        reduced = {g: reduce(settings[at], values[at]) for g, at in slices.items()}
        result[side] = pd.Series(reduced, dtype="float64")
        result[f"{side}_censored"] = used[f"{side}_censored"].groupby(used_group).any()
        result[f"{side}_diverged"] = used[f"{side}_diverged"].groupby(used_group).sum()
        for what, rows in (("lost", used), ("undefined", ordered[~group.isin(slices)])):
            column = f"{side}_{what}"
            marked = rows[rows[column] != ""]
            result[column] = pd.Series(
                {g: _reasons(r, column, [over]) for g, r in marked.groupby(group[marked.index])},
                dtype="str",
            )
            result[column] = result[column].fillna("")
        result[side] = result[side].where(result[f"{side}_lost"] == "")
        result[f"{side}_censored"] = result[f"{side}_censored"].eq(other=True)
        result[f"{side}_diverged"] = result[f"{side}_diverged"].fillna(0).astype("int64")
    return result.reset_index(drop=True)


def contrasts(
    pairs: pd.DataFrame, comparison: Comparison, notes: Sequence[str] = ()
) -> list[Contrast]:
    """Turn a pair table into contrasts: one for each condition, and the primary one.

    Without ``mean_over`` the primary contrast is the condition that ``primary`` names; with it, the
    mean of each seed over those axes. Where several conditions could be primary (two datasets), it
    is the first.
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
    """Give every contrast its role; the first candidate at the primary condition decides.

    Other devices than the first are context: they are shown beside, and pool with nothing.
    """
    everything = [*candidates, *others]
    devices = sorted({str(c.condition.get("device", "")) for c in everything})
    roles: list[Role] = []
    for position, contrast in enumerate(everything):
        decides = (
            comparison.role == "primary"
            and position < len(candidates)
            and "primary" not in roles
            and _holds(contrast.condition, comparison.primary)
        )
        if comparison.role == "context" or contrast.condition.get("device", "") not in devices[:1]:
            roles.append("context")
        else:
            roles.append("primary" if decides else "evidence")
    named = [dataclasses.replace(c, role=r) for c, r in zip(everything, roles, strict=True)]
    return sorted(named, key=lambda c: c.role != "primary")


def match_columns(pairs: pd.DataFrame) -> list[str]:
    """Give the columns of a pair table that say where a pair belongs, but for the seed."""
    return [c for c in (*AXES, "device") if c in pairs.columns]


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
    of = {name: group[name].to_numpy() for name in group.columns}
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
        missing=_lost_pairs(group[lost], label, varying, "lost"),
        undefined=_lost_pairs(group[undefined], label, varying, "undefined"),
        diverged={arm_name(comparison, a): int(of[f"{a}_diverged"].sum()) for a in ARMS},
        censored={arm_name(comparison, a): int(censored[a].sum()) for a in ARMS},
        censored_pairs=int(np.unique(of["seed"][kept][either]).size),
        notes=tuple(notes),
    )


def arm_name(comparison: Comparison, side: str) -> str:
    """Give the arm's value as text: ``batch``."""
    return str(getattr(comparison.arms, side))


def label_of(condition: Mapping[str, object], named: Sequence[str]) -> str:
    """Say a condition in words: ``batch size 64, learning rate 0.001``."""
    words = [
        _AXIS_WORDS[axis].format(condition[axis])
        for axis in named
        if condition.get(axis) is not None
    ]
    return ", ".join(words) or "all conditions"


def condition_of(match: Sequence[str], key: Sequence[Any]) -> dict[str, object]:
    """Turn a group's key into plain values, None where an axis has none."""
    plain = (None if pd.isna(v) else getattr(v, "item", lambda v=v: v)() for v in key)
    return dict(zip(match, plain, strict=True))


def named_axes(pairs: pd.DataFrame, comparison: Comparison) -> list[str]:
    """Choose the axes that a label names: those that vary, else those that the registry fixes."""
    varying = [c for c in match_columns(pairs) if pairs[c].nunique(dropna=False) > 1]  # noqa: PD101
    return varying or list(comparison.primary)


def with_differences(pairs: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Add ``difference``: on the comparison's scale, above 0 where the claim predicts it."""
    return pairs.assign(difference=_differences(pairs, comparison))


def _differences(pairs: pd.DataFrame, comparison: Comparison) -> pd.Series[float]:
    treatment, control = pairs["treatment"], pairs["control"]
    if comparison.scale == "difference":
        return comparison.sign * (treatment - control)
    positive = (treatment > 0) & (control > 0)
    ratio = treatment.where(positive) / control.where(positive)
    return comparison.sign * ratio.map(math.log, na_action="ignore").astype("float64")


def _defined(pairs: pd.DataFrame) -> pd.Series[bool]:
    return (pairs["treatment_undefined"] == "") & (pairs["control_undefined"] == "")


def _lost_pairs(
    rows: pd.DataFrame, label: str, varying: Sequence[str], what: str
) -> tuple[LostPair, ...]:
    """List one lost pair a seed, naming the trials that it lacks."""
    pairs: list[LostPair] = []
    if rows.empty:
        return ()
    for seed, group in rows.groupby("seed", sort=True):
        reasons = [
            f"{side}: {text}"
            for side in ARMS
            if (text := _reasons(group, f"{side}_{what}", varying))
        ]
        pairs.append(LostPair(int(str(seed)), label, "; ".join(reasons) or "no finite difference"))
    return tuple(pairs)


def _reasons(group: pd.DataFrame, column: str, varying: Sequence[str]) -> str:
    """Join the different reasons of a group, each with its settings."""
    texts = []
    for reason, rows in group[group[column] != ""].groupby(column, sort=True):
        settings = [
            label_of(condition_of(varying, key), varying)
            for key in rows[list(varying)].itertuples(index=False, name=None)
        ]
        texts.append(f"{reason} at {'; '.join(settings)}" if varying else str(reason))
    return ", ".join(texts)


def _holds(condition: Mapping[str, object], primary: Mapping[str, AxisValue]) -> bool:
    return all(
        axis in condition and same_value(condition[axis], value) for axis, value in primary.items()
    )


def same_value(left: object, right: object) -> bool:
    """Compare two axis values, numbers up to rounding."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=1e-9)
    return left == right


def _equals(column: pd.Series[Any], value: AxisValue) -> pd.Series[bool]:
    if isinstance(value, float):
        return pd.Series(np.isclose(column.astype("float64"), value, rtol=1e-9), column.index)
    return (column == value).fillna(value=False).astype(bool)


def _column(samples: Samples, frame: pd.DataFrame, metric: str, facet: str) -> pd.Series[float]:
    """Take a metric's column; the words first, middle and last are resolved in each dataset."""
    nothing = pd.Series(math.nan, frame.index, dtype="float64")
    if not facet:
        return frame[metric].astype("float64") if metric in frame.columns else nothing
    result = nothing
    for _, rows in frame.groupby("dataset", sort=False):
        name = resolve_facet(samples.facets(metric), rows, metric, facet)
        if name is not None:
            result = result.mask(frame.index.isin(rows.index), frame[f"{metric}@{name}"])
    return result


def resolve_facet(facets: Sequence[str], rows: pd.DataFrame, metric: str, facet: str) -> str | None:
    """Find the facet meant among those that these rows have; None where they have none."""
    present = [f for f in facets if rows[f"{metric}@{f}"].notna().any()]
    if not present:
        return None
    if facet in FACET_WORDS:
        return present[{"first": 0, "middle": (len(present) - 1) // 2, "last": -1}[facet]]
    for name in present:
        if name == facet or same_number(name, facet):
            return name
    return None


def same_number(left: str, right: str) -> bool:
    """Say whether two texts are the same number: ``0.9`` and ``0.90``."""
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return False
