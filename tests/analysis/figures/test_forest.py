"""The forest plot draws many rows in few strokes, and loses none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.figures import forest, palette
from analysis.figures.grammar import NARROW, WIDE, style
from analysis.report.svg import svg_text


def rows(**changes: object) -> pd.DataFrame:
    """Six conditions: one decides, three are evidence, two context."""
    made = pd.DataFrame(
        {
            "comparison": "steps",
            "condition": [f"batch size {2**k}" for k in range(6)],
            "role": ["primary", *["evidence"] * 3, *["context"] * 2],
            "estimate": [0.5, 0.4, 0.6, 0.3, 0.2, 0.1],
            "low": [0.4, 0.3, 0.5, 0.2, 0.1, 0.0],
            "high": [0.6, 0.5, 0.7, 0.4, 0.3, 0.2],
            "margin": 0.1,
            "word": "supported",
            "text": "50 % fewer steps [40, 60]",
        }
    )
    for column, values in changes.items():
        made[column] = values
    return made


SHOWN = {
    "estimate": [0.5, 0.4, np.nan, 90.0, 0.2, -90.0],
    "low": [0.4, -np.inf, 0.1, 0.3, np.nan, -99.0],
    "high": [0.6, np.inf, 0.2, 99.0, np.nan, -0.1],
}


def one_by_one(data: pd.DataFrame, left: float, right: float) -> set[tuple[object, ...]]:
    """Say, row by row, what is to be seen: pieces of lines and marks, with their looks."""
    seen: set[tuple[object, ...]] = set()
    inset = 0.012 * (right - left)
    for y, row in enumerate(data.itertuples()):
        colour = palette.LIGHT["muted" if row.role == "context" else "ink"]
        if not np.isfinite(row.estimate):
            continue
        if row.low < left:
            seen.add(("<", left + inset, y, colour, colour, 6))
        if row.high > right:
            seen.add((">", right - inset, y, colour, colour, 6))
        if not np.isnan(row.low + row.high) or np.isinf([row.low, row.high]).any():
            width = 2.4 if row.role == "primary" else 1.4
            seen.add(("line", max(row.low, left), min(row.high, right), y, colour, width))
        if left <= row.estimate <= right:
            face = palette.LIGHT["paper"] if row.role == "evidence" else colour
            size = {"primary": 10, "evidence": 7.5}.get(row.role, 5)
            seen.add(("o", row.estimate, y, colour, face, size))
    return seen


def at_once(data: pd.DataFrame, left: float, right: float) -> set[tuple[object, ...]]:
    """Read the same from what is drawn."""
    with style():
        ax = Figure().subplots()
        ax.set_xlim(left, right)
        forest._intervals(ax, list(range(len(data))), data)
    seen: set[tuple[object, ...]] = set()
    for line in ax.lines:
        xs, ys = (np.asarray(v, dtype=float) for v in line.get_data())
        if line.get_linestyle() == "None":
            look = (line.get_color(), line.get_markerfacecolor(), line.get_markersize())
            seen |= {(line.get_marker(), x, y, *look) for x, y in zip(xs, ys, strict=True)}
            continue
        for (low, high, lifted), (y, *_) in zip(xs.reshape(-1, 3), ys.reshape(-1, 3), strict=True):
            assert np.isnan(lifted)
            if not np.isnan([low, high]).any():
                seen.add(("line", low, high, y, line.get_color(), line.get_linewidth()))
    return seen


@pytest.mark.parametrize("changes", [{}, SHOWN, {"estimate": np.nan}], ids=["all", "odd", "none"])
def test_all_at_once_is_the_same_as_one_by_one(changes: dict[str, object]) -> None:
    data = rows(**changes)
    found = at_once(data, -0.5, 1.0)
    assert found == one_by_one(data, -0.5, 1.0)
    assert bool(found) == bool(np.isfinite(data["estimate"]).any())


def drawn(data: pd.DataFrame, shape: object = WIDE) -> str:
    with style():
        return svg_text(forest.draw(data, shape))  # type: ignore[arg-type]


def marks(svg: str) -> list[int]:
    """Count the marks of each look: a group of them has its style once."""
    return sorted(
        group.count("<use ") for group in re.findall(r"<g[^>]*>(?:<use [^>]*>)+</g>", svg)
    )


def intervals(svg: str) -> list[int]:
    """Count the pieces of each thick or thin line that holds intervals."""
    lines = re.findall(r'<path d="([^"]*)"[^>]*stroke-width:(?:1\.4|2\.4)', svg)
    return sorted(line.count("M") for line in lines)


@pytest.mark.parametrize("shape", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_condition_has_its_interval_and_its_point(shape: object) -> None:
    svg = drawn(rows(), shape)
    assert intervals(svg) == [1, 2, 3]
    assert marks(svg)[-2:] == [2, 3]  # of the ticks there are more, one in each group
    assert "batch size 32" in svg


@pytest.mark.parametrize(
    ("text", "at", "lines"),
    [
        (
            "0.037 decades farther from equal [0.001, 0.074]",
            " [",
            ["0.037 decades farther from equal", "[0.001, 0.074]"],
        ),
        (
            "0.11 standard deviations above our mean [−0.29, 0.50]",
            " [",
            ["0.11 standard deviations above our", "mean [−0.29, 0.50]"],
        ),
        (
            "deep_mlp, default initialisation, depth 6",
            ", ",
            ["deep_mlp, default initialisation,", "depth 6"],
        ),
        (
            "each arm at its best learning rates",
            ", ",
            ["each arm at its best learning", "rates"],
        ),
    ],
)
def test_long_words_take_two_lines_and_lose_nothing(text: str, at: str, lines: list[str]) -> None:
    assert forest._two_lines(text, at).split("\n") == lines
    assert " ".join(lines) == text


def test_short_words_take_one_line_and_too_long_ones_are_cut() -> None:
    assert forest._two_lines("46.4 % fewer steps [42.1, 50.4]", " [") == (
        "46.4 % fewer steps [42.1, 50.4]"
    )
    assert forest._two_lines("a" * 40) == "a" * 33 + "…"
    assert forest._two_lines("a, " + "b" * 40) == "a,\n" + "b" * 33 + "…"


@given(st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=12), st.booleans())
def test_no_line_is_longer_than_there_is_room(words: list[str], commas: bool) -> None:
    text = (", " if commas else " ").join(words)
    lines = forest._two_lines(text).split("\n")
    assert len(lines) <= 2
    assert max(map(len, lines)) <= 34
    joined = " ".join(lines)
    assert joined == text or joined.removesuffix("…") == text[: len(joined) - 1]
