"""Fair-tuned contrasts: each arm at its own best setting, chosen by other seeds than those tested.

Why the seeds are split and not cross-fitted. Leaving one seed out at a time, choosing by the others
and testing on the one left out uses every seed, and each difference is unbiased; but a seed with a
high value at one setting pushes the *other* seeds towards it, so the n differences are positively
correlated and the t test on them is liberal: false positives in 15 to 29 % at n = 24 where several
settings are about equally good (12 % with two folds). Choosing and testing on the same seeds
favours the arm with more good settings. With a split, the tested seeds know nothing of the choice
and the test holds its level exactly, for the hypothesis that the arms are equal *at the settings
chosen*. ``python -m analysis.calibrate`` shows all of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.stats.inputs import MINIMUM_SEEDS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from analysis.stats.inputs import FloatArray


@dataclass(frozen=True, kw_only=True)
class TunedContrast:
    """Differences of two arms, each at the setting that the selecting seeds chose for it.

    Parameters
    ----------
    differences
        first − second on the tested seeds, shape (tested,), for
        :func:`analysis.stats.paired.paired`.
    first_choice, second_choice
        Column that each arm uses; None where no setting ever worked, or no seed could select.
    first_agreement, second_agreement
        Share of the selecting seeds whose own best setting is the chosen one, 0…1: how firm the
        choice is.
    selecting, tested, missing
        Positions of the seeds: those that chose, those that are tested, and those that would be
        but have no finite outcome at a chosen setting (counted as missing pairs).
    """

    differences: FloatArray
    first_choice: int | None
    second_choice: int | None
    first_agreement: float
    second_agreement: float
    selecting: tuple[int, ...]
    tested: tuple[int, ...]
    missing: tuple[int, ...]


def selecting_seeds(n: int) -> int:
    """Say how many of n seeds choose: a third, as long as 6 stay for the test.

    12 seeds are split 4 and 8, 24 are split 8 and 16. Learning rates differ by more than seeds do,
    so few seeds are enough to choose; most of them are better spent on the test. Below 7 seeds one
    chooses, and the test will say "too few"; a single seed can't do both.
    """
    return 0 if n < 2 else max(1, min(n // 3, n - MINIMUM_SEEDS))


def seeds_in_all(tested: int) -> int:
    """Say how many seeds a run needs so that this many of them are left for the test."""
    n = tested
    while n - selecting_seeds(n) < tested:
        n += 1
    return n


def tuned_contrast(
    first_validation: ArrayLike,
    second_validation: ArrayLike,
    first_outcome: ArrayLike,
    second_outcome: ArrayLike,
    *,
    better: str = "higher",
) -> TunedContrast:
    """Contrast two arms, each at its best setting by the mean validation of the selecting seeds.

    The first :func:`selecting_seeds` rows choose, the others are tested; which rows those are is
    fixed by their order (by seed) and never by the data.

    Parameters
    ----------
    first_validation, second_validation
        What to choose by, shape (n, settings of that arm); the arms may have different settings.
        A run that diverged is NaN or infinite: a setting with such a run among the selecting seeds
        is never chosen.
    first_outcome, second_outcome
        What to compare, same shapes as the validation of that arm, any unit.
    better
        Which way the validation value is better: ``higher`` or ``lower``.

    Raises
    ------
    ValueError
        Shapes that don't fit, or an unknown direction.
    """
    validation = [_table(v) for v in (first_validation, second_validation)]
    outcome = [_table(v) for v in (first_outcome, second_outcome)]
    if any(v.shape != o.shape for v, o in zip(validation, outcome, strict=True)):
        raise ValueError("validation and outcome of an arm need the same seeds and settings")
    if validation[0].shape[0] != validation[1].shape[0]:
        raise ValueError("the two arms need the same seeds in the same order")
    if better not in ("higher", "lower"):
        raise ValueError(f"better must be higher or lower, not {better!r}")
    n = validation[0].shape[0]
    choosing = selecting_seeds(n)
    sign = 1.0 if better == "higher" else -1.0
    first, second = (_choose(sign * v[:choosing]) for v in validation)
    rest = np.arange(choosing, n)
    if first is None or second is None:
        differences = np.full(rest.size, np.nan)
    else:
        differences = outcome[0][choosing:, first] - outcome[1][choosing:, second]
    known = np.isfinite(differences)
    return TunedContrast(
        differences=differences[known],
        first_choice=first,
        second_choice=second,
        first_agreement=_agreement(sign * validation[0][:choosing], first),
        second_agreement=_agreement(sign * validation[1][:choosing], second),
        selecting=tuple(range(choosing)),
        tested=tuple(rest[known].tolist()),
        missing=tuple(rest[~known].tolist()),
    )


def _table(values: ArrayLike) -> FloatArray:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 1:
        raise ValueError(f"seeds × settings are needed, not shape {table.shape}")
    return table


def _choose(scores: FloatArray) -> int | None:
    """Find the best mean among settings that worked for every seed; the first of ties."""
    worked = np.isfinite(scores).all(axis=0)
    if scores.shape[0] == 0 or not worked.any():
        return None
    means = np.where(worked, np.where(worked, scores, 0.0).mean(axis=0), -np.inf)
    return int(means.argmax())


def _agreement(scores: FloatArray, choice: int | None) -> float:
    if choice is None:
        return 0.0
    known = np.where(np.isfinite(scores), scores, -np.inf)
    return float((known[:, choice] == known.max(axis=1)).mean())
