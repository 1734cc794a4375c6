"""Whether each place has a best setting of its own: what one setting for all of them costs."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis.measures.grouping import contrasts
from analysis.measures.labels import at_the_end, condition_of, match_columns
from analysis.measures.pairs import WHAT, join_arms, trial_table
from analysis.stats.best import probability_best
from analysis.stats.tuned import selecting_seeds
from suite.quantities import quantity
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples

TUNED: Final = "learning_rate"  # what every setting is tuned over before it is compared
_ANY: Final = object()  # in the place of an axis that was averaged over
_SHOWN: Final = 0.005  # smaller probabilities of being best are not listed


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare each place's own best setting of ``comparison.over`` with the best for all places.

    A place is a combination of the axes in ``mean_over`` (dataset × model). Choices are made by the
    first third of the seeds, by ``select_by`` on validation images: at every place and setting the
    learning rate, then the place's best setting, and the setting with the best mean over all
    places. The other seeds are tested, treatment being the place's own and control the one for
    all, each at the learning rate chosen for it there. Where they are the same the difference is 0.
    Settings at which a choosing seed has no result or diverged are not chosen; a place where none
    is left is lost.

    Beside it stands how often each setting has the best mean over bootstrap resamples of the tested
    seeds' validation results.
    """
    over = comparison.over
    assert over is not None, f"{comparison.name}: the best setting is one of an axis"
    chooser = comparison.select_by or comparison.metric
    by = comparison.model_copy(update={"metric": chooser, "facet": "", "minus": "", "after": None})
    values, chosen_by = (trial_table(samples, c, chance) for c in (comparison, by))
    if values.empty:
        return []
    sign = 1.0 if quantity(chooser).better == "higher" else -1.0
    trained = chosen_by["value"].where(~chosen_by["diverged"])
    values = values.assign(score=sign * trained, choice=chosen_by["value"])
    used = [*AXES, "device", "seed", "value", *WHAT, "score", "choice"]
    values = values.loc[values["undefined"] == "", used]
    match = [c for c in match_columns(values) if c not in (over, TUNED)]
    world = [c for c in match if c not in comparison.mean_over]
    own_best, best_for_all = [], []
    notes = dict[tuple[object, ...], str]()
    for _, group in values.groupby(world, dropna=False, sort=True):
        seeds = sorted(group["seed"].unique())
        choosing = seeds[: selecting_seeds(len(seeds))]
        places = [
            _place(rows, over, choosing, tuple(condition_of(match, key).values()))
            for key, rows in group.groupby(match, dropna=False, sort=True)
        ]
        for_all = _first_best(pd.DataFrame([p.scores for p in places]).mean(skipna=False))
        for place in places:
            own = _first_best(place.scores)
            own_best.append(place.at(own))
            best_for_all.append(place.at(for_all))
            notes[place.key] = _note(place, sign, own, for_all)
    arms = [pd.concat(rows, ignore_index=True) for rows in (own_best, best_for_all)]
    pairs = join_arms(arms, [a for a in AXES if a not in (over, TUNED)])
    found = contrasts(pairs, comparison)
    for i, contrast in enumerate(found):
        note = notes.get(tuple(contrast.condition.get(axis, _ANY) for axis in match))
        if note:
            found[i] = dataclasses.replace(contrast, notes=(*contrast.notes, note))
    return found


@dataclass(frozen=True, eq=False)
class _Place:
    """One place: what was chosen there, and the trials of the seeds that did not choose.

    Parameters
    ----------
    key
        Its condition.
    over
        The axis whose settings are compared.
    rates
        Setting → the learning rate chosen for it.
    scores
        Setting → the choosing seeds' mean at that rate, larger is better; NaN where none trained.
    tested
        Trials of the other seeds.
    """

    key: tuple[object, ...]
    over: str
    rates: pd.Series[float]
    scores: pd.Series[float]
    tested: pd.DataFrame

    def at(self, setting: float) -> pd.DataFrame:
        """Take the tested trials at a setting, tuned; lost ones where it can't be chosen."""
        rate = self.rates.get(setting, math.nan)
        rows = self.tested
        if not math.isnan(rate):
            return rows[(rows[self.over] == setting) & (rows[TUNED] == rate)]
        lost = f"no {self.over.replace('_', ' ')} at which all choosing seeds trained"
        return rows.drop_duplicates("seed").assign(value=math.nan, lost=lost)


def _place(
    rows: pd.DataFrame, over: str, choosing: Sequence[int], key: tuple[object, ...]
) -> _Place:
    chooses = rows["seed"].isin(choosing)
    scores = rows[chooses].groupby([over, TUNED])["score"]
    means = scores.agg(lambda s: s.mean(skipna=False)).unstack(TUNED)  # noqa: PD010
    worked = means[means.notna().any(axis=1)]
    rates = worked.idxmax(axis=1).reindex(means.index).astype("float64")
    return _Place(key, over, rates, means.max(axis=1), rows[~chooses])


def _first_best(scores: pd.Series[float]) -> float:
    return float(str(scores.idxmax())) if scores.notna().any() else math.nan


def _note(place: _Place, sign: float, own: float, for_all: float) -> str:
    """Name the place's best setting, and how sure that is."""
    words = place.over.replace("_", " ")
    if math.isnan(own):
        return f"No {words} at which all choosing seeds trained."
    settings = map(float, map(str, place.rates.dropna().index))
    table = pd.DataFrame({s: place.at(s).set_index("seed")["choice"] for s in settings}).dropna()
    chances = probability_best(table.to_numpy(np.float64), better="higher" if sign > 0 else "lower")
    shares = sorted(zip(chances, table.columns, strict=True), key=lambda c: (-c[0], c[1]))
    listed = ", ".join(f"{s:g} with {p:.0%}" for p, s in shares if p >= _SHOWN)
    return (
        f"Best {words} here: {own:g}{at_the_end(own, map(float, map(str, place.rates.index)))} as "
        f"the choosing seeds have it, {for_all:g} for all places; "
        f"over {len(table)} other seeds, resampled, the best is {listed}."
    )
