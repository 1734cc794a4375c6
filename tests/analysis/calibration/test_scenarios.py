"""Simulated data are what the table says that they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.calibration.scenarios import SCENARIOS

DRAWS = {s.name: s.differences(np.random.default_rng(1), (4000, 50)).ravel() for s in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_no_effect_and_unit_spread(scenario):
    x = DRAWS[scenario.name]
    assert x.mean() == pytest.approx(0, abs=5 / np.sqrt(x.size))
    assert x.std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_symmetric_where_it_says_so(scenario):
    x = DRAWS[scenario.name]
    # Differences of both signs are equally large in the tails.
    upper, lower = np.quantile(x, [0.75, 0.9]), -np.quantile(x, [0.25, 0.1])
    if scenario.symmetric:
        assert upper == pytest.approx(lower, abs=0.03)
    else:
        assert np.abs(upper - lower).max() > 0.1


def test_normal_where_it_says_so():
    for scenario in SCENARIOS:
        p = stats.kstest(DRAWS[scenario.name][:20_000], "norm").pvalue
        assert (p > 1e-4) == scenario.normal


def test_few_levels_and_ties_have_equal_differences():
    for name in ("ties", "few levels"):
        assert np.unique(DRAWS[name].round(9)).size < 20


def test_names_are_unique_and_the_list_holds_what_the_issue_names():
    names = [s.name for s in SCENARIOS]
    assert len(set(names)) == len(names)
    assert {"normal", "skewed", "heavy-tailed", "ties", "censored", "unequal variance"} <= set(
        names
    )
