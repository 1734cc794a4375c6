"""Numbers, counts and names as the page writes them; effects in natural units are in ``units``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING: Final = "–"
_SMALL_COUNTS: Final = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)


def absent(value: Any) -> bool:
    """Whether there is no value: None, NaN or pandas' NA."""
    return bool(pd.isna(value)) if pd.api.types.is_scalar(value) else False


def number(value: Any, digits: int = 3) -> str:
    """Write a number with so many significant digits; a dash where there is none."""
    if absent(value):
        return NOTHING
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}".replace("-", "−")
    value = float(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        text = f"{value:,.0f}"
    elif size >= 1e-4:
        text = f"{value:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
    else:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def p_value(p: float | None) -> str:
    """Write a p value in the usual form: two digits, and never 0."""
    if p is None or not math.isfinite(p):
        return NOTHING
    if p < 0.001:
        return "< .001"
    if p > 0.995:
        return "1"
    return f"{p:.3f}".lstrip("0") if p < 0.1 else f"{p:.2f}".lstrip("0")


def p_phrase(p: float | None) -> str:
    """Write a p value inside a sentence: ``adjusted p < .001``."""
    text = p_value(p)
    return "" if text == NOTHING else f"adjusted p {text if text.startswith('<') else '= ' + text}"


def count(n: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun: ``1 seed``, ``12 seeds``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def small_count(n: int) -> str:
    """Write a small count as a word, as prose does."""
    return _SMALL_COUNTS[n] if 0 <= n < len(_SMALL_COUNTS) else f"{n:,}"


def listed(items: Sequence[str]) -> str:
    """Join as a sentence does: ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def inside(text: str) -> str:
    """Begin a title with a small letter, for use inside a sentence."""
    return text[:1].lower() + text[1:]


def several(values: Sequence[Any], most: int = 6) -> str:
    """List distinct values of an axis, shortened where they are many."""
    texts = [axis_value(v) for v in values]
    if len(texts) > most:
        return f"{texts[0]} … {texts[-1]} ({len(texts)} values)"
    return ", ".join(texts)


def axis_value(value: Any) -> str:
    """Write an axis value: 64, 1e-4, adam."""
    if absent(value):
        return NOTHING
    if isinstance(value, (float, np.floating)):
        value = float(value)
        small = 0 < abs(value) < 1e-3
        return f"{value:.0e}".replace("e-0", "e-") if small and _round(value) else f"{value:g}"
    return str(value)


def _round(value: float) -> bool:
    """Whether one digit says it all: 3e-4, but not 1.25e-4."""
    return math.isclose(float(f"{value:.0e}"), value, rel_tol=1e-9)


def moment(iso: str | None) -> str:
    """Write a stored UTC time without its fraction: ``2026-11-22 09:41 UTC``."""
    if not iso:
        return NOTHING
    day, _, clock = iso.partition("T")
    return f"{day} {clock[:5]} UTC" if clock else day


def duration(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    if seconds < 90:
        return f"{number(seconds, 2)} s"
    if seconds < 5400:
        return f"{number(seconds / 60, 2)} min"
    return f"{number(seconds / 3600, 2)} h"
