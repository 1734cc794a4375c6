"""What a training gives, and what goes wrong in it."""

from __future__ import annotations

import math

import pytest
import torch

from suite.data import load_dataset
from suite.errors import InterruptedRunError
from suite.records import Budget
from suite.training import fastest, record, time_stack_sizes, train_serial, train_stack
from suite.training.evaluate import loss_and_accuracy


def outcomes(result):
    return {o.quantity + (f"@{o.facet}" if o.facet else ""): o.value for o in result.outcomes}


def curve(result, quantity):
    return next(c for c in result.curves if c.quantity == quantity)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_network_learns(norm, dataset, make_trial):
    trials = [make_trial(seed=s, norm=norm, budget=Budget(epochs=6)) for s in range(3)]
    for result in train_stack(trials, dataset):
        found = outcomes(result)
        assert result.status == "ok"
        assert found["steps"] == 6 * 17
        assert found["samples"] == 6 * 270
        assert found["test_accuracy"] > 0.9
        assert found["steps_to_target@0.3"] < found["steps_to_target@0.6"] < 102
        assert curve(result, "validation_accuracy").values[-1] == found["validation_accuracy"]
        assert curve(result, "validation_accuracy").steps[:3] == (0, 1, 2)
        assert curve(result, "trace_loss").steps == (100, 102)
        assert result.stack_size == 3
        assert result.seconds > 0


def test_no_images_are_evaluated_twice_after_the_same_step(dataset, make_trial, monkeypatch):
    calls = []
    monkeypatch.setattr(
        record, "loss_and_accuracy", lambda *a: calls.append(0) or loss_and_accuracy(*a)
    )
    (result,) = train_stack([make_trial(budget=Budget(steps=40))], dataset)
    assert len(calls) == len(curve(result, "validation_loss").steps) + len(("train", "test"))


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_learning_rate_of_ten_diverges_on_real_images(norm, optimizer, make_trial):
    digits = load_dataset("mnist5k", data_dir=None, download=False)
    trial = make_trial(
        norm=norm, optimizer=optimizer, learning_rate=10.0, batch_size=64, budget=Budget(epochs=2)
    )
    (result,) = train_stack([trial], digits)
    assert result.status == "diverged"
    assert 1 < result.diverged_step <= 126


def test_a_diverging_member_disturbs_no_other(dataset, make_trial):
    calm = [make_trial(seed=s, norm="none", budget=Budget(steps=60)) for s in (0, 1)]
    wild = make_trial(seed=2, norm="none", learning_rate=1e300, budget=Budget(steps=60))
    alone = train_stack(calm, dataset, dtype=torch.float64)
    first, diverged, second = train_stack([calm[0], wild, calm[1]], dataset, dtype=torch.float64)
    assert diverged.status == "diverged"
    assert diverged.diverged_step == 2
    assert outcomes(diverged)["steps_to_target@0.999"] == math.inf
    for before, beside in zip(alone, (first, second), strict=True):
        assert beside.status == "ok"
        kept = {k: v for k, v in outcomes(beside).items() if "seconds" not in k}
        assert kept == pytest.approx(
            {k: v for k, v in outcomes(before).items() if "seconds" not in k}, abs=1e-9
        )


def test_a_stack_of_diverged_members_ends_early(dataset, make_trial):
    trials = [
        make_trial(
            seed=s, norm="none", learning_rate=1e30, budget=Budget(steps=500), trace_every=10
        )
        for s in (0, 1)
    ]
    calls = []
    results = train_stack(trials, dataset, should_stop=lambda: bool(calls.append(0)))
    assert [r.status for r in results] == ["diverged", "diverged"]
    assert len(calls) < 20


@pytest.mark.parametrize(
    ("axes", "why"),
    [
        ({"batch_size": 1}, "batch of one image"),
        ({"batch_size": 1, "train_size": 7}, "batch of one image"),
        ({"batch_size": 8, "train_size": 9}, "last batch of an epoch"),
    ],
)
def test_a_batch_of_one_is_undefined_for_norms_over_the_batch(axes, why, dataset, make_trial):
    trials = [make_trial(seed=s, **axes) for s in (0, 1)]
    for result in (*train_stack(trials, dataset), train_serial(trials[0], dataset)):
        assert result.status == "undefined"
        assert why in result.reason
    without = [make_trial(seed=s, norm="none", **axes) for s in (0, 1)]
    assert [r.status for r in train_stack(without, dataset)] == ["ok", "ok"]


def test_a_last_batch_that_is_never_reached_does_not_count(dataset, make_trial):
    trial = make_trial(batch_size=8, train_size=9, budget=Budget(steps=1))
    assert train_serial(trial, dataset).status == "ok"


@pytest.mark.parametrize("trainer", [train_serial, lambda t, *a, **k: train_stack([t], *a, **k)])
def test_a_stop_comes_between_steps(trainer, dataset, make_trial):
    asked = []

    def stop() -> bool:
        asked.append(0)
        return len(asked) == 3

    with pytest.raises(InterruptedRunError):
        trainer(make_trial(), dataset, should_stop=stop)
    assert len(asked) == 3


def test_all_images_means_no_validation(dataset, make_trial):
    (result,) = train_stack([make_trial(split="all", budget=Budget(epochs=1))], dataset)
    found = outcomes(result)
    assert found["samples"] == 330
    assert "test_accuracy" in found
    assert not any("validation" in name or "target" in name for name in found)


def test_the_same_stack_gives_the_same_bits(dataset, make_trial):
    trials = [make_trial(seed=s, budget=Budget(epochs=2)) for s in range(3)]
    first, again = (train_stack(trials, dataset) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.curves == other.curves


def test_the_chosen_stack_size_is_as_fast_as_any_of_those_timed(dataset, make_trial):
    timings = time_stack_sizes(make_trial(), dataset, (1, 2, 4), budget_seconds=0.2)
    assert timings[fastest(timings)] <= 1.02 * min(timings.values())


def test_the_choice_follows_the_clock_and_the_memory(dataset, make_trial):
    ticks = iter(range(10**6))
    clock = lambda: next(ticks) * 1e-3  # noqa: E731  every step seems to take as long
    timings = time_stack_sizes(make_trial(), dataset, (1, 2, 4), clock=clock)
    assert fastest(timings) == 4
    assert timings[1] == pytest.approx(4 * timings[4])
    small = time_stack_sizes(make_trial(), dataset, (1, 2, 4), memory_bytes=1, clock=clock)
    assert set(small) == {1}


@pytest.mark.parametrize("disturbed", range(0, 9, 2))
def test_a_disturbance_decides_for_no_stack_size(dataset, make_trial, disturbed):
    """Whatever three steps running are slowed down tenfold, the best size stays the best."""
    reads = iter(range(10**6))
    now = [0.0]
    # Without disturbance a step takes the same for 1, 2 and 4 members.
    slow = range(disturbed, disturbed + 3)

    def clock() -> float:
        read = next(
            reads
        )  # the first is the start, then two a step, with one more after three rounds
        if read and read % 2 == 0:
            step = read // 2 - 1
            now[0] += 0.01 if step in slow else 0.001
        return now[0]

    timings = time_stack_sizes(make_trial(), dataset, (1, 2, 4), clock=clock, budget_seconds=0)
    assert fastest(timings) == 4
    assert set(timings) == {1, 2, 4}
