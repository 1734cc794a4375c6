"""Holm's correction: edges and its defining property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.stats.multiplicity import holm

families = st.lists(st.floats(0, 1), max_size=12)


def test_one_test_is_not_corrected():
    assert holm([0.03]) == pytest.approx([0.03])


def test_agrees_with_statsmodels():
    p = np.random.default_rng(0).random(20) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_no_test_at_all():
    assert holm([]).size == 0


def test_ties_get_the_same_p():
    assert holm([0.01, 0.01, 0.5]) == pytest.approx([0.03, 0.03, 0.5])


@given(families)
def test_between_no_correction_and_bonferroni(p):
    adjusted = holm(p)
    assert (adjusted >= np.asarray(p) - 1e-12).all()
    assert (adjusted <= np.minimum(1, np.asarray(p) * len(p)) + 1e-12).all()


@given(families, st.randoms())
def test_the_order_of_the_tests_does_not_matter(p, random):
    order = list(range(len(p)))
    random.shuffle(order)
    assert holm([p[i] for i in order]) == pytest.approx(holm(p)[order])


@pytest.mark.parametrize("bad", [[-0.1], [1.1], [[0.1]]])
def test_what_is_no_p_value(bad):
    with pytest.raises(ValueError, match="p values"):
        holm(bad)
