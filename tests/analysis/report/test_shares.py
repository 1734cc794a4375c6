from __future__ import annotations

import dataclasses

import numpy as np

from analysis.claims import load_registry
from analysis.contrasts import Contrast
from analysis.report.shares import runs_of_arms
from analysis.stats.proportions import wilson_interval

PAIRED = load_registry()["A2"].primary
CONTRAST = Contrast(
    comparison=PAIRED,
    label="here",
    role="primary",
    seeds=tuple(range(12)),
    differences=np.zeros(12),
    planned=12,
)


def test_a_share_of_runs_has_wilson_s_interval():
    text = runs_of_arms(CONTRAST, {"batch": 0, "none": 3})
    low, high = wilson_interval(3, 12)
    assert text.startswith("3 of 12 (")
    assert text.endswith(f"{100 * low:.0f} to {100 * high:.0f} % of such runs")
    assert text.endswith("9 to 53 % of such runs")


def test_runs_that_a_seed_reduces_are_only_counted():
    spread = load_registry()["A7"].primary
    assert spread.measure == "spread"
    text = runs_of_arms(dataclasses.replace(CONTRAST, comparison=spread), {"none": 30})
    assert text.startswith("30 (")
    assert "%" not in text
