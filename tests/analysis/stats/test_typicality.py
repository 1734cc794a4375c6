"""Typicality against simulation and scipy's own noncentral t."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.stats.typicality import typicality


def test_against_scipys_noncentral_t() -> None:
    x = np.random.default_rng(0).normal(1.5, 1.0, size=12)
    found = typicality(x)
    t = x.mean() / x.std(ddof=1) * math.sqrt(12)
    inside = stats.nct.cdf(abs(t), 11, 1.96 * math.sqrt(12))
    assert found.p_inside == pytest.approx(inside, rel=1e-9)
    assert found.p_outside == pytest.approx(1 - inside, rel=1e-9)
    assert found.z == pytest.approx(t / math.sqrt(12))
    assert found.low < found.z < found.high


@pytest.mark.parametrize("sign", [1, -1])
def test_both_sides_are_alike(sign: int) -> None:
    x = np.random.default_rng(1).normal(2.5, 1.0, size=9)
    found, mirrored = typicality(sign * x), typicality(-sign * x)
    assert found.p_inside == mirrored.p_inside
    assert found.z == -mirrored.z
    assert found.low == -mirrored.high


@pytest.mark.parametrize("n", [6, 20])
def test_either_error_is_rare_at_the_limit(n: int) -> None:
    """A value exactly at the limit is called typical, or not typical, in 5 % each."""
    runs = np.random.default_rng(n).normal(size=(1000, n))
    found = [typicality(1.96 - row) for row in runs]
    inside = np.mean([f.p_inside < 0.05 for f in found])
    outside = np.mean([f.p_outside < 0.05 for f in found])
    tolerance = 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert inside == pytest.approx(0.05, abs=tolerance)
    assert outside == pytest.approx(0.05, abs=tolerance)


def test_too_little_data() -> None:
    found = typicality([0.1, 0.2, 0.1, 0.3, 0.2])
    assert (found.p_inside, found.p_outside) == (1.0, 1.0)
    assert math.isinf(found.low)
    assert math.isfinite(found.z)
    assert math.isnan(typicality([0.1] * 8).z)
    assert typicality([0.1] * 8).p_outside == 1.0


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        typicality([0.1, math.nan])
    with pytest.raises(ValueError, match="limit"):
        typicality([0.1] * 8, 0.0)
