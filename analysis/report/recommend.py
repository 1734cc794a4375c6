"""Which norm, batch size and learning rate to use here, for each goal, and how sure that is.

Settings are chosen on validation; what the chosen one gives is read from test. How sure a choice is
says the share of bootstrap resamples of the seeds in which the setting comes out best. With too few
seeds, or where that share is small, there is no clear best, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from analysis.costs import STUDY as COST_STUDY
from analysis.figures.evidence import setting_words
from analysis.figures.palette import clip, norm_title
from analysis.report.view import Recommendation
from analysis.stats.best import probability_best
from analysis.stats.inputs import MINIMUM_SEEDS
from analysis.wording import count, duration, number, sentence
from suite.records import AXES

if TYPE_CHECKING:
    from analysis.samples import Samples

SETTING: Final = ["norm", "batch_size", "learning_rate"]
CLEAR: Final = 0.9
GOOD_ENOUGH: Final = 0.002  # the margin of A2: what nobody who trains one network could see
_WHERE: Final = ["dataset", "model", "device"]
_OTHERS: Final = [a for a in AXES if a not in (*SETTING, *_WHERE)]
_RESAMPLES: Final = 2000
_STEP: Final = "pass_seconds@train_step"
_BYTES: Final = "training_bytes"


@dataclass(frozen=True, eq=False)
class Field:
    """The settings of one study on one dataset, model and device, all else being equal.

    Parameters
    ----------
    trials
        Finished and diverged trials of the settings.
    accuracy
        Validation accuracy, one row a seed that has every setting, one column a setting.
    """

    trials: pd.DataFrame
    accuracy: pd.DataFrame

    @property
    def seeds(self) -> int:
        """Seeds that have every setting."""
        return len(self.accuracy)


def recommendations(samples: Samples) -> tuple[Recommendation, ...]:
    """Recommend a setting for accuracy, for time to the target and for memory.

    Returns
    -------
    tuple of Recommendation
        Empty where no study compares settings, or no setting has enough seeds.
    """
    field = _field(samples)
    if field is None or field.seeds < MINIMUM_SEEDS:
        return ()
    costs = _costs(samples, field)
    found = [_for_accuracy(field), _for_time(field, costs), _for_memory(field, costs)]
    return tuple(r for r in found if r is not None)


def recommendation_scope(samples: Samples) -> str:
    """Say for what the recommendations hold; empty where there are none."""
    field = _field(samples)
    if field is None or field.seeds < MINIMUM_SEEDS:
        return ""
    first = field.trials.iloc[0]
    return (
        f"For {clip(str(first['model']))} on {clip(str(first['dataset']))} and the device "
        f"{clip(str(first['device']))}: the best of {count(field.accuracy.shape[1], 'setting')} of "
        f"norm, batch size and learning rate, chosen on validation images over "
        f"{count(field.seeds, 'seed')}."
    )


def _field(samples: Samples) -> Field | None:
    """Take the study with the most settings that has a validation part."""
    trials = samples.trials
    needed = {"validation_accuracy", "test_accuracy"}
    if trials.empty or not needed <= set(trials.columns):
        return None
    done = trials[(trials["split"] == "holdout") & trials["status"].isin(["ok", "diverged"])]
    if done.empty:
        return None
    groups = done.groupby(["study", *_WHERE, *_OTHERS], sort=False, dropna=False)
    most = max(groups, key=lambda item: item[1].groupby(SETTING).ngroups)[1]
    # A run that diverged has no accuracy that anyone could use.
    values = most.assign(validation_accuracy=most["validation_accuracy"].fillna(0.0))
    table = values.pivot_table(
        index="seed", columns=SETTING, values="validation_accuracy", aggfunc="first"
    )
    if table.shape[1] < 2:
        return None
    return Field(most, table.dropna())


def _costs(samples: Samples, field: Field) -> pd.DataFrame:
    """Mean cost of each norm and batch size on the same dataset, model and device."""
    rows = samples.study(COST_STUDY)
    if rows.empty:
        return pd.DataFrame()
    first = field.trials.iloc[0]
    for axis in _WHERE:
        rows = rows[rows[axis] == first[axis]]
    columns = [c for c in (_STEP, _BYTES) if c in rows]
    return rows.groupby(["norm", "batch_size"])[columns].mean() if columns else pd.DataFrame()


def _for_accuracy(field: Field) -> Recommendation:
    best, share, rivals = _best(field.accuracy, "higher")
    test = 100 * _of(field, best)["test_accuracy"].dropna()
    return Recommendation(
        goal="Accuracy",
        choice=_words(best)[0],
        setting=_words(best)[1],
        gives=f"{test.mean():.2f} % test accuracy",
        sure=_sure(share, rivals),
        clear=share >= CLEAR,
    )


def _for_time(field: Field, costs: pd.DataFrame) -> Recommendation | None:
    """Seconds to the target: steps to it, at the budget where not reached, times a step's time."""
    targets = sorted(
        (c for c in map(str, field.trials) if c.startswith("steps_to_target@")),
        key=lambda c: float(c.partition("@")[2]),
    )
    targets = [c for c in targets if np.isfinite(field.trials[c].astype(float)).any()]
    if not targets or _STEP not in costs:
        return None
    column = targets[len(targets) // 2]
    steps = field.trials[column].astype(float).fillna(np.inf)
    reached = np.isfinite(steps)
    known = field.trials.assign(
        steps=steps.clip(upper=field.trials["budget_steps"]),
        reached=reached,
    ).merge(costs[_STEP].reset_index(name="step_seconds"), on=["norm", "batch_size"])
    known["seconds_needed"] = known["steps"] * known["step_seconds"]
    always = known.groupby(SETTING)["reached"].transform("all")
    table = known[always].pivot_table(
        index="seed", columns=SETTING, values="seconds_needed", aggfunc="first"
    )
    table = table.dropna()
    if len(table) < MINIMUM_SEEDS or table.shape[1] < 2:
        return None
    best, share, rivals = _best(table, "lower")
    percent = number(100 * float(column.partition("@")[2]), 2)
    return Recommendation(
        goal=f"Time to {percent} % accuracy",
        choice=_words(best)[0],
        setting=_words(best)[1],
        gives=f"{duration(float(table[best].mean()))} of training steps for one network",
        sure=_sure(share, rivals),
        clear=share >= CLEAR,
    )


def _for_memory(field: Field, costs: pd.DataFrame) -> Recommendation | None:
    """Least memory among the settings that are as accurate as the best, but for the margin."""
    if _BYTES not in costs:
        return None
    means = field.accuracy.mean()
    enough = means[means >= means.max() - GOOD_ENOUGH].reset_index(name="accuracy")
    found = enough.merge(costs[_BYTES].reset_index(name="bytes"), on=["norm", "batch_size"])
    found = found.dropna(subset=["bytes"]).sort_values(
        ["bytes", "accuracy"], ascending=[True, False]
    )
    if found.empty:
        return None
    first = found.iloc[0]
    best = (first["norm"], first["batch_size"], first["learning_rate"])
    share = _share_near_the_best(field.accuracy, best)
    return Recommendation(
        goal="Memory, at nearly the best accuracy",
        choice=_words(best)[0],
        setting=_words(best)[1],
        gives=f"{number(first['bytes'] / 1e6)} MB kept by a training step",
        sure=(
            f"Exact bytes; {count(len(enough), 'setting')} lie within 0.2 points of the best, this "
            f"one in {100 * share:.0f} % of resamples of the seeds."
        ),
        clear=share >= CLEAR,
    )


def _share_near_the_best(table: pd.DataFrame, setting: tuple[object, ...]) -> float:
    """Give the share of bootstrap resamples of the seeds in which a setting is accurate enough."""
    values = table.to_numpy(np.float64)
    chosen = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    means = values[chosen].mean(axis=1)
    own = means[:, table.columns.get_loc(setting)]
    return float((own >= means.max(axis=1) - GOOD_ENOUGH).mean())


def _best(table: pd.DataFrame, better: str) -> tuple[tuple[object, ...], float, int]:
    """Return the setting with the best mean, how often it wins, and how many share 90 % of wins."""
    shares = probability_best(table.to_numpy(), better=better)
    means = table.mean().to_numpy()
    place = int(means.argmax() if better == "higher" else means.argmin())
    share = float(shares[place])
    ordered = np.sort(shares)[::-1]
    rivals = int(np.searchsorted(np.cumsum(ordered), CLEAR) + 1)
    settings: list[Any] = table.columns.to_list()
    norm, batch, rate = settings[place]
    return (norm, batch, rate), share, rivals


def _of(field: Field, setting: tuple[object, ...]) -> pd.DataFrame:
    rows = field.trials
    for axis, value in zip(SETTING, setting, strict=True):
        rows = rows[rows[axis] == value]
    return rows


def _words(setting: tuple[object, ...]) -> tuple[str, str]:
    norm, batch, rate = setting
    return sentence(norm_title(str(norm))).removesuffix("."), setting_words(batch, rate)


def _sure(share: float, rivals: int) -> str:
    if share >= CLEAR:
        return f"Clear: best in {100 * share:.0f} % of resamples of the seeds."
    return (
        f"No clear best: this one comes out best in {100 * share:.0f} % of resamples of the seeds; "
        f"{rivals} settings share {100 * CLEAR:.0f} % of them."
    )
