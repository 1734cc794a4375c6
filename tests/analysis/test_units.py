"""Numbers as people say them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.claims import load_registry
from analysis.units import displayed, margin_text, natural, plural, size_text

REGISTRY = load_registry()
STEPS = REGISTRY["A1"].primary
ACCURACY = REGISTRY["A2"].primary
LARGEST = REGISTRY["A7"].comparisons[1]


def test_fewer_steps() -> None:
    # 1 − 0.42 = 58 % fewer
    ends = (-math.log(0.49), -math.log(0.36))
    assert natural(STEPS, -math.log(0.42), *ends) == "58 % fewer steps [51, 64]"


def test_more_steps_are_counted_from_the_control() -> None:
    assert natural(STEPS, -math.log(1.5), -math.log(1.8), -math.log(1.2)) == (
        "50 % more steps [20, 80]"
    )


def test_an_interval_over_zero_has_a_negative_end() -> None:
    assert natural(STEPS, -math.log(0.9), -math.log(1.2), -math.log(0.7)) == (
        "10 % fewer steps [−20, 30]"
    )


def test_points() -> None:
    assert natural(ACCURACY, 0.0084, 0.0062, 0.0106) == "0.84 points higher [0.62, 1.06]"
    assert natural(ACCURACY, -0.0084, -0.0106, 0.0001) == "0.84 points lower [−0.01, 1.06]"


def test_factors() -> None:
    assert natural(LARGEST, math.log(10), math.log(10), math.log(10)) == "10× larger [10, 10]"
    assert natural(LARGEST, -math.log(4), -math.log(8), -math.log(2)) == "4.0× smaller [2.0, 8.0]"


def test_too_little_data() -> None:
    assert natural(ACCURACY, 0.01, -math.inf, math.inf) == "1.0 points higher [−∞, ∞]"
    assert natural(ACCURACY, math.nan, -math.inf, math.inf) == "no data"


def test_nothing_is_called_minus_zero() -> None:
    assert "−0.000" not in natural(ACCURACY, 0.0, -1e-9, 1e-9)


def test_margins() -> None:
    assert margin_text(STEPS) == "9.9 % fewer steps"
    assert margin_text(ACCURACY) == "0.20 points higher"
    assert size_text(ACCURACY, -0.002) == "0.20 points lower"


@pytest.mark.parametrize(("count", "text"), [(0, "0 seeds"), (1, "1 seed"), (1200, "1,200 seeds")])
def test_plural(count: int, text: str) -> None:
    assert plural(count, "seed") == text


@given(st.floats(-5, 5), st.sampled_from([STEPS, ACCURACY, LARGEST]))
def test_a_size_is_never_negative_and_its_word_follows_the_sign(value: float, c: object) -> None:
    size, word = displayed(c, value)  # type: ignore[arg-type]
    assert size >= 0
    assert word == c.reads[0 if value >= 0 else 1]  # type: ignore[attr-defined]
