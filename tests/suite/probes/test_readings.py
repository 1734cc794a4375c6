"""From readings to stored numbers."""

from __future__ import annotations

import math

import pytest

from suite.probes.readings import MemberReadings, mean

NAN = math.nan


def _outcomes(points, final=None, *, usable=100, whole=True, quantity="dead_relu"):
    readings = MemberReadings({(quantity, ""): points}, final or {})
    return {(o.quantity, o.facet): o.value for o in readings.outcomes(usable, whole=whole)}


def test_initial_final_and_mean():
    found = _outcomes([(0, 5.0), (10, 1.0), (100, 3.0)])
    assert found == {
        ("dead_relu", "initial"): 5.0,
        ("dead_relu", "final"): 3.0,
        ("dead_relu", "mean"): 2.0,
    }


def test_means_of_ratios_are_geometric():
    found = _outcomes([(0, 1.0), (10, 1.0), (100, 100.0)], quantity="gradient_ratio")
    assert found["gradient_ratio", "mean"] == pytest.approx(10.0)
    assert mean([0.0, 4.0], geometric=True) == 0.0


def test_what_is_not_finite_is_left_out():
    found = _outcomes([(0, NAN), (10, 1.0), (50, math.inf), (100, NAN)], {("steps", ""): NAN})
    assert found == {("dead_relu", "mean"): 1.0}


def test_a_member_that_broke_off_has_its_start_and_no_summary():
    points = [(0, 5.0), (10, 1.0), (100, 3.0)]
    assert _outcomes(points, {("steps", ""): 1.0}, usable=40, whole=False) == {
        ("dead_relu", "initial"): 5.0
    }
    curves = MemberReadings({("dead_relu", ""): points}, {}).curves(40)
    assert [(c.steps, c.values) for c in curves] == [((0, 10), (5.0, 1.0))]
    assert MemberReadings({("dead_relu", ""): [(0, NAN)]}, {}).curves(40) == ()


def test_layers_and_curves_have_no_summary():
    points = {("dead_relu", "relu1"): [(0, 1.0)], ("gradient_norm", ""): [(0, 1.0)]}
    assert MemberReadings(points, {}).outcomes(10, whole=True) == ()
