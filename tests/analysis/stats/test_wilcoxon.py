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
    one = np.array([0.3 - 0.2, 0.1, -0.1, 0.2, 0.4, 0.5, 0.6])
    other = np.array([0.1, 0.1, -0.1, 0.2, 0.4, 0.5, 0.6])
    assert wilcoxon_p(one) == wilcoxon_p(other)


def test_edges():
    assert wilcoxon_p([1.0] * 5) == 1.0  # too few
    assert wilcoxon_p([1.0] * 6) == 2 / 64
    assert wilcoxon_p([0.0] * 6) == 1.0
    assert wilcoxon_p([]) == 1.0
