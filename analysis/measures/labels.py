"""Conditions in words, and which columns of a pair table make one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.comparison import Comparison

_AXIS_WORDS: Final = {
    "dataset": "{}",
    "model": "{}",
    "norm": "norm {}",
    "optimizer": "{}",
    "init": "{} initialisation",
    "depth": "depth {}",
    "weight_decay": "weight decay {:g}",
    "learning_rate": "learning rate {:g}",
    "batch_size": "batch size {}",
    "train_size": "{} training images",
    "device": "{}",
}


def match_columns(pairs: pd.DataFrame) -> list[str]:
    """Give the columns of a pair table that say where a pair belongs, but for the seed."""
    return [c for c in (*AXES, "device") if c in pairs.columns]


def arm_name(comparison: Comparison, side: str) -> str:
    """Give the arm's value as text: ``batch``."""
    return str(getattr(comparison.arms, side))


def label_of(condition: Mapping[str, object], named: Sequence[str]) -> str:
    """Say a condition in words: ``batch size 64, learning rate 0.001``."""
    words = [
        _AXIS_WORDS[axis].format(condition[axis])
        for axis in named
        if condition.get(axis) is not None
    ]
    return ", ".join(words) or "all conditions"


def condition_of(match: Sequence[str], key: Sequence[Any]) -> dict[str, object]:
    """Turn a group's key into plain values, None where an axis has none."""
    plain = (None if pd.isna(v) else getattr(v, "item", lambda v=v: v)() for v in key)
    return dict(zip(match, plain, strict=True))


def named_axes(pairs: pd.DataFrame, comparison: Comparison) -> list[str]:
    """Choose the axes that a label names: those that vary, else those that the registry fixes."""
    varying = [c for c in match_columns(pairs) if pairs[c].nunique(dropna=False) > 1]  # noqa: PD101
    return varying or list(comparison.primary)


def reasons(group: pd.DataFrame, column: str, varying: Sequence[str]) -> str:
    """Join the different reasons of a group, each with its settings; no row's text is missing."""
    # Without groupby: this is called a thousand times, and it takes milliseconds.
    settings: dict[str, list[str]] = {}
    columns = (group[name].to_numpy(dtype=object) for name in (column, *varying))
    for reason, *key in zip(*columns, strict=True):
        if reason != "":
            settings.setdefault(reason, []).append(label_of(condition_of(varying, key), varying))
    return ", ".join(
        f"{reason} at {'; '.join(settings[reason])}" if varying else reason
        for reason in sorted(settings)
    )


def at_the_end(value: float, settings: Iterable[float]) -> str:
    """Say in brackets where a chosen setting is the last one tried; empty where it is not."""
    tried = sorted(set(settings))
    if len(tried) == 1:
        return " (the only one tried)"
    if value in (tried[0], tried[-1]):
        which = "smallest" if value == tried[0] else "largest"
        return f" (the {which} tried; a better one may lie beyond)"
    return ""


def same_value(left: object, right: object) -> bool:
    """Compare two axis values, numbers up to rounding."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=1e-9)
    return left == right


def same_number(left: str, right: str) -> bool:
    """Say whether two texts are the same number: ``0.9`` and ``0.90``."""
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return False
