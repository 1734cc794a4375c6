"""The forest plot draws many rows in few strokes, and loses none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from analysis.figures import forest
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


def test_what_is_not_known_is_not_drawn() -> None:
    unknown = [0.4, *[np.nan] * 5]
    svg = drawn(rows(estimate=[0.5, np.nan, 0.6, 0.3, 0.2, 0.1], low=unknown, high=unknown))
    assert intervals(svg) == [1]
    assert marks(svg)[-2:] == [2, 2]


def test_what_lies_far_outside_is_an_arrow() -> None:
    inside = drawn(rows())
    svg = drawn(rows(estimate=[0.5, 0.4, 0.6, 0.3, 0.2, 90.0], high=[*[0.7] * 4, np.inf, 99.0]))
    assert marks(svg)[-2:] == [2, 3]  # two arrows; of the context's points one is left
    assert svg.count("<use ") == inside.count("<use ") + 1


@pytest.mark.parametrize(
    ("text", "at", "lines"),
    [
        ("46.4 % fewer steps [42.1, 50.4]", " [", ["46.4 % fewer steps [42.1, 50.4]"]),
        (
            "0.037 decades farther from equal [0.001, 0.074]",
            " [",
            ["0.037 decades farther from equal", "[0.001, 0.074]"],
        ),
        (
            "0.11 standard deviations above our mean [−0.29, 0.50]",
            " [",
            ["0.11 standard deviations above", "our mean [−0.29, 0.50]"],
        ),
        (
            "deep_mlp, default initialisation, depth 6",
            ", ",
            ["deep_mlp, default initialisation,", "depth 6"],
        ),
        ("a" * 40, ", ", ["a" * 30 + "…"]),
    ],
)
def test_long_words_take_two_lines_and_lose_nothing(text: str, at: str, lines: list[str]) -> None:
    assert forest._two_lines(text, at).split("\n") == lines
