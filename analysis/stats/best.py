"""Which of several arms is best, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from analysis.stats.inputs import FloatArray


def probability_best(
    values: ArrayLike, *, better: str = "higher", resamples: int = 10_000, seed: int = 0
) -> FloatArray:
    """Share of bootstrap resamples of the seeds in which each arm has the best mean.

    Whole seeds are drawn with replacement (Efron 1979), so the pairing of the arms is kept. It
    describes how firm the ranking is; it is no posterior probability and no test. Arms that tie
    share the resample. Written by hand: ``scipy.stats.bootstrap`` resamples a statistic's
    interval, not a choice.

    Parameters
    ----------
    values
        Shape (n, arms), one row a seed, any unit.
    better
        ``higher`` or ``lower``.
    resamples, seed
        The same input always gives the same answer.

    Returns
    -------
    numpy.ndarray
        Shape (arms,), sums to 1. Below 2 seeds every arm has the same share: nothing is known.

    Raises
    ------
    ValueError
        Not a table, NaN or infinite values, or an unknown direction.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 1:
        raise ValueError(f"seeds × arms are needed, not shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("NaN or infinite value in seeds × arms")
    if better not in ("higher", "lower"):
        raise ValueError(f"better must be higher or lower, not {better!r}")
    n, arms = table.shape
    if n < 2:
        return np.full(arms, 1 / arms)
    generator = np.random.default_rng(seed)
    times_drawn = generator.multinomial(n, np.full(n, 1 / n), size=resamples)
    means = times_drawn @ (table if better == "higher" else -table) / n
    best = means.max(axis=1, keepdims=True)
    winners = means >= best - 1e-12 * np.maximum(1.0, np.abs(best))
    shares: FloatArray = (winners / winners.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares
