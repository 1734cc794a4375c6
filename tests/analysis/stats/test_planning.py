"""Power, minimum detectable effect and seeds needed, against simulation and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from analysis.stats import planning
from analysis.stats.equivalence import equivalence
from analysis.stats.paired import paired


@pytest.mark.parametrize("n", [6, 12, 24, 100])
@pytest.mark.parametrize("effect", [0.0, 0.2, 0.8])  # NaN in statsmodels for larger ones
def test_power_of_the_t_test_agrees_with_statsmodels(n, effect):
    theirs = TTestPower().power(effect, n, 0.05, alternative="two-sided")
    assert planning.t_test_power(effect, n) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("n", [6, 12, 24, 400])
@pytest.mark.parametrize("effect", [0.3, 0.8])
def test_support_without_a_margin_is_the_upper_half_of_the_t_test(n, effect):
    both = planning.t_test_power(effect, n)
    wrong_side = planning.power_to_support(-effect, 1.0, n)
    assert planning.power_to_support(effect, 1.0, n) + wrong_side == pytest.approx(both, rel=1e-9)


@pytest.mark.parametrize(
    ("effect", "margin", "n"), [(0.8, 0.5, 12), (0.6, 0.5, 24), (0.1, 0.9, 12), (0.0, 0.7, 24)]
)
def test_power_agrees_with_simulation_through_the_tests_themselves(effect, margin, n):
    draws = np.random.default_rng(3).normal(effect, 1, (4000, n))
    if planning.settles(effect, margin) == "difference":
        expected = planning.power_to_support(effect, 1.0, n, margin=margin)
        results = [paired(x) for x in draws]
        found = np.mean([r.p < 0.05 and r.low > 0 and r.estimate >= margin for r in results])
    else:
        expected = planning.power_of_equivalence(effect, 1.0, n, margin=margin)
        found = np.mean([equivalence(x, margin).equivalent for x in draws])
    assert found == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 4000))


@pytest.mark.parametrize(("effect", "margin"), [(0.5, 0.0), (0.6, 0.5), (0.1, 0.4), (0.0, 1.0)])
def test_seeds_needed_is_the_first_number_that_reaches_the_power(effect, margin):
    n = planning.seeds_needed(effect, 2.0, margin=margin)
    power = (
        planning.power_to_support
        if planning.settles(effect, margin) == "difference"
        else planning.power_of_equivalence
    )
    assert n is not None
    assert power(effect, 2.0, n, margin=margin) >= 0.8
    assert n == 6 or power(effect, 2.0, n - 1, margin=margin) < 0.8
    assert planning.seeds_needed(-effect, 2.0, margin=margin) == n


def test_a_smaller_level_needs_more_seeds():
    loose, strict = (planning.seeds_needed(0.5, 1.0, alpha=a) for a in (0.05, 0.05 / 20))
    assert loose is not None
    assert strict is not None
    assert strict > loose


@pytest.mark.parametrize(
    ("effect", "sd", "margin", "seeds"),
    [
        (0.0, 1.0, 0.0, None),  # no number of seeds finds an effect of 0
        (0.5, 1.0, 0.5, None),  # nor decides on which side of the margin its edge lies
        (1e-4, 1.0, 0.0, None),  # beyond 100,000
        (math.nan, 1.0, 0.1, None),
        (0.5, math.nan, 0.1, None),  # one seed: no spread is known
        (9.0, 1.0, 0.1, 6),
        (0.3, 0.0, 0.1, 6),
        (0.0, 0.0, 0.0, None),
    ],
)
def test_edges(effect, sd, margin, seeds):
    assert planning.seeds_needed(effect, sd, margin=margin) == seeds


def test_detectable_effect_has_the_power_it_names():
    for n in (6, 12, 50):
        assert planning.t_test_power(planning.detectable_effect(n), n) == pytest.approx(0.8)
    assert planning.detectable_effect(5) == math.inf
    assert planning.detectable_effect(6, power=0.04) == 0.0
