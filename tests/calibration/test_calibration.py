"""Whether the verdict code keeps its promises on simulated data.

The quick form is a part of the unit tests: fewer simulations of everything, judged within Monte
Carlo error. ``CALIBRATION=long`` (``tox -e calibration``) runs the form whose table the report
shows. Draws are seeded: a failure is a finding and stays one.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats

from analysis.calibrate import SEEDS, calibrate
from analysis.calibration import checks, whole_registry
from analysis.calibration.parts import SPREAD
from analysis.calibration.scenarios import SCENARIOS
from analysis.calibration.whole_registry import judge_null_reports, registry_rows
from analysis.claims import load_registry
from analysis.stats.paired import paired

LONG = os.environ.get("CALIBRATION") == "long"
QUICK = pytest.mark.skipif(LONG, reason="the long form holds it")


def broken(rows):
    return [f"{r.test}, {r.scenario}, n = {r.n}: {r.value:.4f}" for r in rows if r.holds is False]


def clearly_broken(rows):
    """Promises that few simulations are enough to refute: there are hundreds of them."""
    return [
        f"{r.test}, {r.scenario}, n = {r.n}: {r.value:.4f}"
        for r in rows
        for limit, side in ((r.most, "greater"), (r.least, "less"))
        if limit is not None
        and stats.binomtest(round(r.value * r.simulations), r.simulations, limit, side).pvalue
        < 1e-4
    ]


@pytest.mark.skipif(not LONG, reason="CALIBRATION=long is not set")
def test_every_promise_holds_in_the_long_form():
    table = calibrate(10_000, 1_000, processes=os.cpu_count() or 1)
    assert broken(table.rows) == []


@QUICK
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
@pytest.mark.parametrize("n", SEEDS)
def test_error_rates_and_coverage(scenario, n):
    assert clearly_broken(checks.error_rates(scenario, n, 300, 1)) == []


@QUICK
def test_the_other_tests():
    assert clearly_broken(checks.other_tests(12, 150, 1)) == []


@QUICK
@pytest.mark.parametrize(("effect", "margin"), [(0.8, 0.25), (0.0, 0.5)])
def test_seeds_needed(effect, margin):
    (row,) = checks.power_rows(effect, margin, 2000, 1)
    assert row.value == pytest.approx(1, abs=0.1)


@QUICK
def test_reports_on_null_data():
    registry = load_registry()
    count = judge_null_reports(registry, 12, range(3), 1, spread=SPREAD)
    assert {"A1", "A2", "A7", "N1"} <= count.claims
    assert clearly_broken(registry_rows(count, len(registry.claims), 12, SPREAD)) == []


# The calibration itself must be able to find a fault.


def test_a_test_that_is_too_liberal_is_found(monkeypatch):
    def eager(differences, **settings):
        result = paired(differences, **settings)
        object.__setattr__(result, "p", result.p / 2)
        return result

    monkeypatch.setattr("analysis.decision.paired", eager)
    rows = checks.error_rates(SCENARIOS[0], 12, 1000, 1)
    # The rule also asks for an interval that excludes 0, which caught the halved p.
    assert rows[0].holds

    def narrow(differences, **settings):
        result = eager(differences, **settings)
        object.__setattr__(result, "low", result.estimate - 0.8 * (result.estimate - result.low))
        object.__setattr__(result, "high", result.estimate + 0.8 * (result.high - result.estimate))
        return result

    monkeypatch.setattr("analysis.decision.paired", narrow)
    rows = checks.error_rates(SCENARIOS[0], 12, 1000, 1)
    assert rows[0].holds is False
    coverage = next(r for r in rows if r.question == "coverage")
    assert coverage.holds is False


def test_an_equivalence_test_that_is_too_liberal_is_found(monkeypatch):
    from analysis.stats.equivalence import equivalence

    monkeypatch.setattr(
        "analysis.decision.equivalence", lambda x, margin: equivalence(x, 1.2 * margin)
    )
    rows = checks.error_rates(SCENARIOS[0], 12, 500, 1)
    assert [r.holds for r in rows if r.question == "equivalence at the margin"] == [False]


def test_too_few_seeds_asked_for_are_found(monkeypatch):
    monkeypatch.setattr(checks, "seeds_needed", lambda *_, **__: 30)  # 34 are needed
    (row,) = checks.power_rows(0.5, 0.0, 5000, 1)
    assert row.value > 1.1


def test_choosing_with_every_other_seed_is_liberal_and_the_split_is_not():
    """Why fair-tuned contrasts split the seeds: leaving one out at a time breaks the t test."""
    generator = np.random.default_rng(0)
    rejected = 0
    for _ in range(1500):
        arms = generator.normal(size=(2, 12, 5))  # five equally good settings, validation = outcome
        others = arms.sum(axis=1, keepdims=True) - arms
        chosen = np.take_along_axis(arms, others.argmax(axis=2)[..., None], axis=2)[..., 0]
        rejected += stats.ttest_rel(*chosen).pvalue < 0.05
    assert rejected / 1500 > 0.15
    split = [r for r in checks.tuned_rows(12, 300, 0) if "settings chosen" in r.test]
    assert len(split) == 4
    assert clearly_broken(split) == []


def test_a_planted_effect_is_counted_as_false(monkeypatch):
    simulated = whole_registry._simulated

    def planted(*arguments):
        samples = simulated(*arguments)
        samples.trials.loc[samples.trials["norm"] == "batch", "test_accuracy"] += 0.2
        return samples

    monkeypatch.setattr(whole_registry, "_simulated", planted)
    assert judge_null_reports(load_registry(), 12, [0], 1, spread=SPREAD).false == 1
