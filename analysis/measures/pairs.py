"""The table of matched pairs that every measure starts from.

What each status means for a pair:

- ``diverged`` is data. A time-to-target that it has not reached is censored; an accuracy that it
  does not have is that of guessing.
- ``undefined`` (BN over a batch of one) is a property of the condition, the same for every seed:
  the pair is counted and shown, is no gap in the data and is never given a value.
- ``missing``, ``failed`` and ``oom`` are gaps: whether a trial ends so may well depend on its arm,
  so they are not missing at random, and more than 10 % of them leave a claim inconclusive.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from analysis.comparison import OUTCOME
from analysis.measures.along import value_after
from analysis.measures.labels import same_number
from suite.quantities import QUANTITIES
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.comparison import AxisValue, Comparison
    from analysis.samples import Samples

# Time-to-target → the column of samples with its budget.
BUDGETS: Final = {"steps_to_target": "budget_steps", "samples_to_target": "budget_samples"}
ARMS: Final = ("treatment", "control")
WHAT: Final = ("censored", "diverged", "lost", "undefined")  # what is known about an arm's value
FACET_WORDS: Final = ("first", "middle", "last")


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
    columns = ["value", *WHAT]
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
    frame = _with_outcome(trials, metric)
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


def _with_outcome(trials: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Leave out the other outcomes, a hundred of them, before the table is taken apart."""
    kept = {metric, "steps", "samples"}
    names = {c: str(c).partition("@")[0] for c in trials.columns}
    return trials[[c for c, name in names.items() if name in kept or name not in QUANTITIES]]


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
