"""Numbers as people say them: ``58 % fewer steps [51, 64]``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.comparison import Comparison

MINUS: Final = "−"


def natural(comparison: Comparison, estimate: float, low: float, high: float) -> str:
    """Say an estimate with its interval in the comparison's natural unit.

    The word (``fewer`` or ``more``) follows the estimate's sign, and the interval is in the same
    direction, so an end with a minus sign lies on the other side.

    Parameters
    ----------
    comparison
        Scale, unit and words.
    estimate, low, high
        On the comparison's scale, oriented; infinite ends and NaN are said as such, and so are
        arms that are equal for every seed.
    """
    if math.isnan(estimate):
        return "no data"
    if estimate == low == high == 0:
        return "no difference"
    shown, _ = displayed(comparison, estimate)
    ends = sorted(_transform(comparison, estimate)(v) for v in (low, high))
    digits = _digits(shown, *ends)
    unit = comparison.unit
    word = comparison.reads[0 if estimate >= 0 else 1]
    joint = "" if unit == "×" else " "
    value = f"{_number(shown, digits)}{joint}{unit}".rstrip()
    interval = f"[{_number(ends[0], digits)}, {_number(ends[1], digits)}]"
    return f"{value} {word} {interval}"


def displayed(comparison: Comparison, value: float) -> tuple[float, str]:
    """Convert one number on the comparison's scale to the size and the word that people see."""
    return _transform(comparison, value)(value), comparison.reads[0 if value >= 0 else 1]


def margin_text(comparison: Comparison) -> str:
    """Say the margin in natural units: ``10 % fewer steps``."""
    return size_text(comparison, comparison.scaled_margin)


def size_text(comparison: Comparison, value: float) -> str:
    """Say one number on the comparison's scale in natural units."""
    shown, word = displayed(comparison, value)
    joint = "" if comparison.unit == "×" else " "
    return f"{_number(shown, _digits(shown))}{joint}{comparison.unit} {word}"


def bare_size(comparison: Comparison, value: float) -> str:
    """Say one number on the comparison's scale with its unit and no direction: ``10 %``."""
    return size_text(comparison, value).removesuffix(displayed(comparison, value)[1]).rstrip()


def plural(count: int, noun: str) -> str:
    """Say a count with its noun: ``1 seed``, ``12 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _transform(comparison: Comparison, estimate: float) -> Callable[[float], float]:
    """Choose the map from the scale to what is shown, rising in the direction of the estimate."""
    towards = 1 if estimate >= 0 else -1
    if comparison.scale == "difference":
        return lambda v: towards * v * comparison.factor
    # Whether, in the direction of the estimate, the treatment's value is the larger one.
    larger = towards * comparison.sign
    if comparison.unit == "×":
        return lambda v: _exp(towards * v)
    return lambda v: larger * 100 * (_exp(larger * towards * v) - 1)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _digits(*values: float) -> int:
    """Decimals that show two significant digits of the interval, or of the value alone."""
    finite = [v for v in values if math.isfinite(v)]
    width = max(finite) - min(finite) if len(finite) > 1 else max(map(abs, finite), default=1.0)
    if width <= 0:
        width = max(map(abs, finite), default=1.0) or 1.0
    digits = min(4, max(0, 1 - math.floor(math.log10(width))))
    while digits < 4 and any(v != 0 and round(v, digits) == 0 for v in finite):
        digits += 1  # an end just beyond 0 must not look like 0
    return digits


def _number(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{abs(value):,.{digits}f}"
    negative = value < 0 and any(c not in "0.," for c in text)
    return f"{MINUS}{text}" if negative else text
