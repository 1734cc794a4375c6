"""Numbers and names in words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import wording
from analysis.report.provenance import shown_command
from analysis.report.tables import MOST_ROWS, csv_text, table
from analysis.report.view import Cell


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567, "1,234,567"),
        (-3, "−3"),
        (0.123456, "0.123"),
        (-12.345, "−12.3"),
        (1234.5, "1,234"),
        (1.5e-7, "1.50e−7"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "–"),
        (None, "–"),
        (pd.NA, "–"),
        (np.int64(5), "5"),
        (True, "yes"),
    ],
)
def test_numbers(value: object, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "< .001"), (0.00099, "< .001"), (0.034, ".034"), (0.5, ".50"), (1.0, "1"), (None, "–")],
)
def test_p_values_are_never_zero(p: float | None, text: str) -> None:
    assert wording.p_value(p) == text


def test_p_in_a_sentence() -> None:
    assert wording.p_phrase(0.0001) == "adjusted p < .001"
    assert wording.p_phrase(0.034) == "adjusted p = .034"
    assert wording.p_phrase(math.nan) == ""


@pytest.mark.parametrize(
    ("items", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_lists(items: list[str], text: str) -> None:
    assert wording.listed(items) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-4, "1e-4"),
        (3e-4, "3e-4"),
        (1.25e-4, "0.000125"),
        (0.001, "0.001"),
        (64, "64"),
        ("adam", "adam"),
        (None, "–"),
    ],
)
def test_axis_values(value: object, text: str) -> None:
    assert wording.axis_value(value) == text


def test_many_values_are_shortened() -> None:
    assert wording.several([1, 2, 3]) == "1, 2, 3"
    assert wording.several(list(range(9))) == "0 … 8 (9 values)"


def test_sentences() -> None:
    assert wording.sentence("it holds") == "It holds."
    assert wording.sentence("does it?") == "Does it?"
    assert wording.sentence("") == ""
    assert wording.moment("2026-11-22T09:41:55.123+00:00") == "2026-11-22 09:41 UTC"
    assert wording.moment(None) == "–"
    assert wording.duration(30) == "30 s"
    assert wording.duration(600) == "10 min"
    assert wording.duration(7200) == "2.0 h"
    assert wording.count(1, "seed") == "1 seed"
    assert wording.count(1200, "seed") == "1,200 seeds"


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_number_has_words(value: float) -> None:
    text = wording.number(value)
    assert text
    assert "nan" not in text
    if math.isfinite(value) and abs(value) >= 1e-4:
        back = float(text.replace("−", "-").replace(",", ""))
        assert back == pytest.approx(value, rel=0.006, abs=0.5 if abs(value) >= 1000 else 0)


def test_a_command_keeps_nobodys_folders() -> None:
    command = ["python", "-m", "suite.run", "--data-dir", "/home/ann/data", "--out=/tmp/x/full"]
    assert shown_command(command) == [
        *("python", "-m", "suite.run", "--data-dir", "…/data", "--out=…/full")
    ]
    assert shown_command(["C:\\Users\\ann\\data", "results/full", "/"]) == [
        *("…/data", "results/full", "/")
    ]
    assert shown_command(None) == [""]


def test_long_tables_say_what_was_left_out() -> None:
    frame = pd.DataFrame({"batch_size": range(MOST_ROWS + 5), "value": 0.5})
    made = table(frame, "All")
    assert len(made.rows) == MOST_ROWS
    assert str(MOST_ROWS + 5) in made.note
    assert made.columns[0].title == "batch size"
    assert made.columns[0].numeric
    assert made.rows[3][0] == Cell("3"), "a script reads the text itself as a number"
    long = table(pd.DataFrame({"steps": [12_345], "value": [1 / 3]}), "All").rows[0]
    assert [cell.sort for cell in long] == ["", "0.3333333"]


@given(st.text(max_size=20))
def test_no_cell_of_a_csv_is_a_formula(name: str) -> None:
    text = csv_text(pd.DataFrame({"name": [f"={name}", f"@{name}"], "value": [-1.5, 2.0]}))
    assert "'=" in text
    assert "'@" in text
    assert "-1.5" in text, "a negative number is no formula"
