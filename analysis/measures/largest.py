"""The largest setting of an axis, such as the learning rate, at which a network still trains."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.measures.grouping import contrasts
from analysis.measures.labels import arm_name
from analysis.measures.pairs import ARMS, limited, pair_table, resolve_facet
from analysis.measures.reduction import collapse
from analysis.stats.paired import paired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast, Values
    from analysis.samples import Samples

# The stored targets of a dataset are facets of this quantity.
TARGETS: Final = "steps_to_target"


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare the arms' largest setting of ``comparison.over`` that trains, seed by seed.

    A trial trains where its final metric (validation accuracy) is at least the dataset's target
    that ``facet`` names; a diverged one does not. Where all settings train the limit lies beyond
    them, where none does below: such a seed gets the largest or the smallest setting tried, which
    makes the contrast smaller, never larger, and counts as censored. So does one whose next setting
    is further away than the margin: where limits are equal on so coarse a scale, a difference that
    matters may hide between two settings.
    """
    over = comparison.over
    assert over is not None, f"{comparison.name}: a limit is taken along an axis"
    # The facet names the target; the metric itself has none.
    plain = comparison.model_copy(update={"facet": ""})
    pairs = pair_table(samples, plain, chance)
    if pairs.empty:
        return []
    targets = _targets(samples, comparison)
    target = pairs["dataset"].map(targets).astype("float64")
    for side in ARMS:
        known = pairs[side].notna() & target.notna()
        unknown = target.isna() & (pairs[f"{side}_lost"] == "")
        pairs[side] = (pairs[side] >= target).astype("float64").where(known)
        pairs[f"{side}_lost"] = pairs[f"{side}_lost"].mask(unknown, "no target is stored")
    limits = collapse(pairs, over, largest_that_trains)
    none_trains = collapse(pairs, over, lambda _, trains: float(trains.max() == 0))
    wanted = ", ".join(f"{name} {value:.0%}" for name, value in targets.items())
    notes = [f"Trains: final {comparison.metric.replace('_', ' ')} of at least {wanted}."]
    tried = np.unique(pairs[over].to_numpy(np.float64))
    top = float(tried[-1])
    coarse = [low for low, high in itertools.pairwise(tried) if high > comparison.margin * low]
    if coarse:
        notes.append(
            f"Tried: {', '.join(f'{setting:g}' for setting in tried)}; a limit is known no better "
            "than that."
        )
    for side in ARMS:
        above, below = limits[side] == top, none_trains[side] == 1
        limits[f"{side}_censored"] = above | below | limits[side].isin(coarse)
        total = int(limits[side].notna().sum())
        name = arm_name(comparison, side)
        if above.any():
            notes.append(
                f"{name}: {top:g}, the largest tried, still trains in {int(above.sum())} of "
                f"{total}; its limit may lie above."
            )
        if below.any():
            notes.append(f"{name}: none of those tried trains in {int(below.sum())} of {total}.")
    return [
        dataclasses.replace(c, notes=(_limits(c), *c.notes)) if c.n else c
        for c in contrasts(limits, comparison, notes)
    ]


def _limits(contrast: Contrast) -> str:
    """Give each arm's limit with its uncertainty over seeds."""
    texts = []
    for arm, values in contrast.arms.items():
        found = paired(np.log(values))
        low, at, high = (f"{math.exp(x):.2g}" for x in (found.low, found.estimate, found.high))
        texts.append(f"{arm} {at} [{low}, {high}]")
    words = str(contrast.comparison.over).replace("_", " ")
    return (
        f"Largest {words} that trains: {', '.join(texts)} (geometric mean over {contrast.n} seeds, "
        "95 % interval)."
    )


def largest_that_trains(settings: Values, trains: Values) -> float:
    """Find the largest setting that trains; the smallest tried where none does.

    Parameters
    ----------
    settings
        Shape (k,), rising.
    trains
        Shape (k,), 1 or 0.
    """
    good = np.flatnonzero(trains)
    return float(settings[good[-1]] if good.size else settings[0])


def _targets(samples: Samples, comparison: Comparison) -> dict[str, float]:
    """Find each dataset's target, as its own trials have stored it."""
    found: dict[str, float] = {}
    for name, rows in limited(samples, comparison).groupby("dataset"):
        facet = resolve_facet(samples.facets(TARGETS), rows, TARGETS, comparison.facet)
        if facet is not None:
            found[str(name)] = float(facet)
    return found
