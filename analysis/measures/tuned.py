"""Fair-tuned contrast: each arm at its own best setting, chosen by other seeds than are tested."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.measures.grouping import differences_of, seed_contrast, with_roles
from analysis.measures.labels import (
    arm_name,
    at_the_end,
    condition_of,
    label_of,
    match_columns,
    named_axes,
)
from analysis.measures.pairs import ARMS, WHAT, pair_table
from analysis.stats.tuned import selecting_seeds, tuned_contrast
from suite.quantities import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast
    from analysis.samples import Samples


def measure(
    samples: Samples, comparison: Comparison, chance: Mapping[str, float]
) -> list[Contrast]:
    """Compare the arms, each at the setting of ``comparison.over`` that is best for it.

    The first third of the seeds choose, by the mean of ``select_by`` (validation, never test); the
    others are tested. A setting at which a choosing seed diverged is not chosen, unless that is so
    at all of them. A seed that lacks a trial at any setting does not choose.
    """
    over = comparison.over
    assert over is not None, f"{comparison.name}: what is tuned is an axis"
    pairs = pair_table(samples, comparison, chance)
    if pairs.empty:
        return []
    chooser = comparison.select_by or comparison.metric
    chosen_by = pairs
    if chooser != comparison.metric:
        plain = {"metric": chooser, "facet": "", "minus": "", "after": None}
        chosen_by = pair_table(samples, comparison.model_copy(update=plain), chance)
    match = [c for c in match_columns(pairs) if c != over]
    both = pairs.merge(chosen_by, on=[*match, over, "seed"], suffixes=("", "_choice"))
    named = [axis for axis in named_axes(pairs, comparison) if axis in match]
    found = [
        _contrast(group, condition_of(match, key), comparison, named)
        for key, group in both.groupby(match, dropna=False, sort=True)
    ]
    return with_roles(found, [], comparison)


def _contrast(
    group: pd.DataFrame,
    condition: dict[str, object],
    comparison: Comparison,
    named: Sequence[str],
) -> Contrast:
    over = str(comparison.over)
    words = over.replace("_", " ")
    place = label_of(condition, named) + ", " if named else ""
    label = f"{place}each arm at its best {words}"
    undefined = [group[f"{side}_undefined"].to_numpy() != "" for side in ARMS]
    either = undefined[0] | undefined[1]
    defined = group[~either] if either.any() else group
    picks, agreement, tested, choosing = _choose(defined, comparison)
    tried = group[over].astype("float64").tolist()
    notes = [
        f"{arm_name(comparison, side)} at {words} {pick:g}{at_the_end(pick, tried)}, the best of "
        f"{agreement[side]:.0%} of the {choosing} seeds that chose."
        for side, pick in picks.items()
        if pick is not None
    ]
    rows = _chosen(defined, picks, comparison, tested)
    return seed_contrast(rows, condition, comparison, label, notes)


def _choose(
    group: pd.DataFrame, comparison: Comparison
) -> tuple[dict[str, float | None], dict[str, float], list[int], int]:
    """Let the first seeds choose each arm's setting.

    Returns
    -------
    tuple
        Arm → setting (None where none trained), arm → agreement of the choosing seeds, the seeds
        that did not choose, and how many chose.
    """
    over = str(comparison.over)
    seeds, row = np.unique(group["seed"], return_inverse=True)
    settings, column = np.unique(group[over].to_numpy(np.float64), return_inverse=True)

    def table(name: str) -> NDArray[np.float64]:
        cells = np.full((seeds.size, settings.size), math.nan)
        cells[row, column] = group[name]
        return cells

    scores = {side: table(f"{side}_choice") for side in ARMS}
    complete = np.all([np.isfinite(s).all(axis=1) for s in scores.values()], axis=0)
    if not complete.any():
        return dict.fromkeys(ARMS), dict.fromkeys(ARMS, 0.0), seeds.tolist(), 0
    choosers = selecting_seeds(int(complete.sum()))
    kept = {}
    for side in ARMS:
        cells = scores[side][complete]
        trained = np.where(table(f"{side}_diverged")[complete] > 0, math.nan, cells)
        # An arm that diverges everywhere is still compared, at what its trials score then.
        works = np.isfinite(trained[:choosers]).all(axis=0).any()
        kept[side] = trained if works else cells
    result = tuned_contrast(
        *(kept[side] for side in ARMS),
        *(kept[side] for side in ARMS),
        better=quantity(comparison.select_by or comparison.metric).better,
    )
    chosen = (result.first_choice, result.second_choice)
    picks = {
        side: None if choice is None else float(settings[choice])
        for side, choice in zip(ARMS, chosen, strict=True)
    }
    agreement = dict(zip(ARMS, (result.first_agreement, result.second_agreement), strict=True))
    choosing = seeds[complete][list(result.selecting)]
    return picks, agreement, seeds[~np.isin(seeds, choosing)].tolist(), choosing.size


def _chosen(
    group: pd.DataFrame,
    picks: Mapping[str, float | None],
    comparison: Comparison,
    tested: Sequence[int],
) -> pd.DataFrame:
    """Pair the tested seeds' trials, each arm's at the setting chosen for it."""
    # In numpy: there are many groups, and a merge takes milliseconds.
    over = str(comparison.over)
    setting, seed = group[over].to_numpy(np.float64), group["seed"].to_numpy()
    rows = {
        side: np.flatnonzero(np.isin(seed, tested) & _at(setting, seed, picks[side]))
        for side in ARMS
    }
    first, second = (seed[rows[side]] for side in ARMS)
    both = np.intersect1d(first, second)
    columns: dict[str, NDArray[Any]] = {"seed": both}
    for side, unordered in rows.items():
        at = unordered[np.argsort(seed[unordered], kind="stable")]
        at = at[np.isin(seed[at], both)]
        for column in (side, *(f"{side}_{what}" for what in WHAT)):
            columns[column] = group[column].to_numpy()[at]
        if picks[side] is None:
            columns[side] = np.full(both.size, math.nan)
            columns[f"{side}_lost"] = np.full(
                both.size,
                f"no {over.replace('_', ' ')} at which all choosing seeds trained",
                object,
            )
    arms = [columns[side].astype(np.float64) for side in ARMS]
    difference = differences_of(arms[0], arms[1], comparison)
    return pd.DataFrame({**columns, "difference": difference})


def _at(
    setting: NDArray[np.float64], seed: NDArray[np.int64], pick: float | None
) -> NDArray[np.bool_]:
    """Say which rows hold a setting; where none was chosen, the first row of each seed."""
    if pick is not None:
        return np.asarray(setting == pick)
    first = np.zeros(seed.size, dtype=np.bool_)
    first[np.unique(seed, return_index=True)[1]] = True
    return first
