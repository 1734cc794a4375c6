"""What a sample may look like; shared by every test of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

# With 5 pairs the smallest two-sided exact p is 2/32 = .0625: no result could ever be significant.
MINIMUM_SEEDS: Final = 6
# Differences of equal arms are equal only up to rounding, and rounding is relative to the arms,
# which may be 1e4 times larger than their difference.
CONSTANT_TOLERANCE: Final = 1e-9


def sample(values: ArrayLike, name: str = "differences") -> FloatArray:
    """Check one sample: one finite number per seed.

    Parameters
    ----------
    values
        Shape (n,).
    name
        What to call it in an error.

    Raises
    ------
    ValueError
        Not one-dimensional, or a value is NaN or infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: one number per seed is needed, not an array of {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name}: NaN or infinite at {np.flatnonzero(~np.isfinite(array)).tolist()}; leave "
            "missing pairs out (and count them), restrict censored times to the budget first"
        )
    return array


def paired_samples(
    first: ArrayLike, second: ArrayLike, names: Sequence[str] = ("first", "second")
) -> tuple[FloatArray, FloatArray]:
    """Check two samples of the same seeds in the same order.

    Raises
    ------
    ValueError
        As for :func:`sample`, or the lengths differ.
    """
    a, b = sample(first, names[0]), sample(second, names[1])
    if a.shape != b.shape:
        raise ValueError(f"{names[0]} has {a.size} seeds and {names[1]} {b.size}: not paired")
    return a, b


def is_constant(values: FloatArray) -> bool:
    """Say whether all values are the same number up to rounding; true for fewer than two."""
    if values.size < 2:
        return True
    low, high = values.min(), values.max()
    return bool(high - low <= CONSTANT_TOLERANCE * max(-low, high))


def require_probability(value: float, name: str) -> None:
    """Refuse what is not strictly between 0 and 1.

    Raises
    ------
    ValueError
        It is not.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1, not {value}")


def require_positive(value: float, name: str) -> None:
    """Refuse what is not a positive finite number.

    Raises
    ------
    ValueError
        It is not.
    """
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, not {value}")
