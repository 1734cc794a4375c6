from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from analysis.stats.proportions import wilson_interval


@pytest.mark.parametrize(("count", "n"), [(0, 12), (1, 12), (6, 12), (12, 12), (1, 1)])
def test_agrees_with_statsmodels(count, n):
    theirs = proportion_confint(count, n, method="wilson")
    assert wilson_interval(count, n) == pytest.approx(theirs, abs=1e-12)


def test_edges_are_exact_and_nothing_is_known_without_seeds():
    assert wilson_interval(0, 12)[0] == 0.0
    assert wilson_interval(12, 12)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("count", "n"), [(-1, 3), (4, 3)])
def test_a_count_out_of_range(count, n):
    with pytest.raises(ValueError, match="count"):
        wilson_interval(count, n)
