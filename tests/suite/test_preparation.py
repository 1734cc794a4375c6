import dataclasses

import pytest

from suite.grid import load_grid, parse_grid
from suite.models import MODELS
from suite.preparation import prepare, usual_stack
from tests.suite.test_grid import text


def work_of(**changes):
    grid = parse_grid(text(changes), name="g")
    return prepare(grid, devices="cpu", data_dir=None)


@pytest.mark.parametrize(("batch", "size"), [(1, 12), (256, 12), (512, 6), (1024, 4), (60_000, 4)])
def test_usual_stacks(batch, size):
    assert usual_stack(batch) == size


def test_the_plan_has_the_data_that_is_there():
    work = work_of(seeds="12")
    (fingerprint,) = work.fingerprints.values()
    assert {trial.data_fingerprint for trial in work.plan.trials.values()} == {fingerprint}
    assert work.used == {"mnist5k": "mnist5k"}
    assert work.notices == ()
    assert {"datasets", "fingerprints", "environment", "devices", "device_checks"} <= set(
        work.record()
    )
    assert work.checks["cpu"]


def test_a_stack_size_is_timed_only_where_that_pays():
    work = work_of(seeds="12", batch_size="1024")
    trials = next(iter(work.plan.shapes.values()))
    slow = dataclasses.replace(work, rate=1e5)
    asked = []

    class Trainer:
        def choose_size(self, trials, seconds):
            asked.append(seconds)
            return 7, {7: 0.1}

    for prepared in (work, slow):
        object.__setattr__(prepared, "trainer", Trainer())
    assert slow.choose_size(trials) == (7, {7: 0.1})
    assert asked == [1.0]
    work = dataclasses.replace(work, rate=1e15)
    assert work.choose_size(trials) == (4, {})
    assert asked == [1.0]


def test_a_model_without_a_stacked_twin_is_stored_trial_by_trial(monkeypatch):
    monkeypatch.setitem(MODELS, "mlp", dataclasses.replace(MODELS["mlp"], has_stacked=False))
    work = work_of()
    assert work.choose_size(next(iter(work.plan.shapes.values()))) == (1, {})


def test_costs_are_planned_where_the_grid_asks_for_them():
    assert work_of().costs == ()
    smoke = load_grid("smoke")
    assert bool(prepare(smoke, devices="cpu", data_dir=None).costs) == (smoke.cost is not None)
