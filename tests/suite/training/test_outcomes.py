from __future__ import annotations

import math

import numpy as np
import pytest

from suite.records import Budget
from suite.training.outcomes import (
    Evaluation,
    Run,
    diverged_step,
    result,
    roughness,
    samples_after,
)


def _step(losses, *, finite=True, accuracy=0.1):
    return diverged_step(np.array(losses), finite, accuracy, classes=10, window=4)


def test_a_loss_that_is_not_finite_is_divergence_at_its_step():
    assert _step([2.3, 5.0, math.nan, math.nan]) == 3
    assert _step([math.inf, 1.0], accuracy=0.9) == 1


def test_a_parameter_that_is_not_finite_at_the_end_is_divergence_at_the_last_step():
    assert _step([2.3, 2.2, 2.1], finite=False) == 3


def test_a_blow_up_to_a_constant_guess_is_divergence_where_it_leapt():
    assert _step([2.3, 2.0, 30.0, 1e6, 40.0, 2.6, 2.5, 2.7, 2.5]) == 3


def test_a_blow_up_that_recovers_is_none():
    assert _step([2.3, 1e6, 40.0, 2.0, 0.9, 0.4, 0.3, 0.2], accuracy=0.95) is None
    assert _step([2.3, 1e6, 400.0, 90.0, 50.0, 40.0, 30.0, 20.0], accuracy=0.8) is None
    assert _step([2.3, 1e6, 40.0, 2.0, 2.1, 2.1, 2.1, 2.1], accuracy=0.1) is None


def test_learning_nothing_is_not_divergence_nor_is_a_bad_start():
    assert _step([2.31] * 10) is None
    assert _step([400.0, 300.0, 200.0, 100.0, 50.0, 50.0, 50.0]) is None


def test_samples_count_the_smaller_last_batch():
    assert [samples_after(s, 10, 4) for s in (0, 1, 2, 2.5, 3, 4, 6)] == [0, 4, 8, 10, 10, 14, 20]
    assert samples_after(1.5, 100, 10) == 15


def test_roughness_is_taken_over_the_second_half():
    assert roughness(np.array([9.0, -9.0, 1.0, 2.0, 1.0, 2.0])) == 1.0


@pytest.fixture
def run_and_spec(dataset):
    losses = np.array([2.3, 1.0, 0.5, 0.25])
    evaluations = [
        Evaluation(0, 0.0, 2.3, 0.1),
        Evaluation(2, 4.0, 1.0, 0.5),
        Evaluation(4, 8.0, 0.3, 0.7),
    ]
    run = {
        "losses": losses,
        "finite": True,
        "evaluations": evaluations,
        "final": {"train_accuracy": 0.8, "test_loss": 0.4},
        "seconds": 2.0,
        "train_images": 30,
        "stack_size": 4,
    }
    return run, dataset.spec


def test_a_result_holds_what_was_recorded(run_and_spec, make_trial):
    run, spec = run_and_spec
    trial = make_trial(trace_every=3, budget=Budget(steps=4))
    made = result(trial, Run(**run), spec)
    found = {(o.quantity, o.facet): o.value for o in made.outcomes}
    assert made.status == "ok"
    assert made.diverged_step is None
    assert (made.seconds, made.stack_size) == (2.0, 4)
    assert found == {
        ("steps", ""): 4,
        ("samples", ""): 60,
        ("steps_to_target", "0.3"): pytest.approx(1),
        ("samples_to_target", "0.3"): pytest.approx(16),
        ("seconds_to_target", "0.3"): pytest.approx(0.5),
        ("steps_to_target", "0.6"): pytest.approx(3),
        ("samples_to_target", "0.6"): pytest.approx(46),
        ("seconds_to_target", "0.6"): pytest.approx(1.5),
        ("steps_to_target", "0.999"): math.inf,
        ("samples_to_target", "0.999"): math.inf,
        ("seconds_to_target", "0.999"): math.inf,
        ("loss_roughness", ""): 0.25,
        ("train_accuracy", ""): 0.8,
        ("test_loss", ""): 0.4,
    }
    curves = {c.quantity: (c.steps, c.values) for c in made.curves}
    assert curves == {
        "trace_loss": ((3, 4), (pytest.approx(3.8 / 3), 0.25)),
        "validation_loss": ((0, 2, 4), (2.3, 1.0, 0.3)),
        "validation_accuracy": ((0, 2, 4), (0.1, 0.5, 0.7)),
    }


def test_a_diverged_run_keeps_its_curves_up_to_there(run_and_spec, make_trial):
    run, spec = run_and_spec
    run["losses"] = np.array([2.3, 1.0, 0.5, math.nan])
    run["finite"] = False
    run["final"] = {"train_accuracy": 0.1, "test_loss": math.nan}
    made = result(make_trial(trace_every=3), Run(**run), spec)
    found = {(o.quantity, o.facet): o.value for o in made.outcomes}
    assert (made.status, made.diverged_step) == ("diverged", 4)
    assert found["steps", ""] == 4
    assert found["steps_to_target", "0.3"] == pytest.approx(1)
    assert found["steps_to_target", "0.6"] == math.inf
    assert ("test_loss", "") not in found
    assert {c.quantity: c.steps for c in made.curves} == {
        "trace_loss": (3,),
        "validation_loss": (0, 2),
        "validation_accuracy": (0, 2),
    }


def test_without_validation_there_are_no_targets(run_and_spec, make_trial):
    run, spec = run_and_spec
    run["evaluations"] = []
    made = result(make_trial(split="all"), Run(**run), spec)
    assert not any("target" in o.quantity for o in made.outcomes)
    assert [c.quantity for c in made.curves] == ["trace_loss"]
