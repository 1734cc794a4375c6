from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.stats.wilcoxon import wilcoxon_p


@given(st.lists(st.integers(1, 10_000), min_size=6, max_size=14, unique=True), st.data())
def test_agrees_with_scipy_where_nothing_is_tied(sizes, data):
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=len(sizes), max_size=len(sizes)))
    x = np.array(sizes) * np.array(signs) / 7
    assert wilcoxon_p(x) == pytest.approx(stats.wilcoxon(x, method="exact").pvalue)


def test_ties_up_to_rounding_are_ties():
    # .3 − .2 is a little less than .1: told apart, one of the two would get the lower rank.
    exact = np.array([0.1, -0.1, 0.25, 0.4, 0.5, -0.6, 0.7])
    rounded = exact.copy()
    rounded[0] = 0.3 - 0.2
    assert rounded[0] != exact[0]
    untied = exact.copy()
    untied[0] = 0.09
    assert wilcoxon_p(rounded) == wilcoxon_p(exact) != wilcoxon_p(untied)


def test_edges():
    assert wilcoxon_p([1.0] * 5) == 1.0  # too few
    assert wilcoxon_p([1.0] * 6) == 2 / 64
    assert wilcoxon_p([0.0] * 6) == 1.0
    assert wilcoxon_p([]) == 1.0
