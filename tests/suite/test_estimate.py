import dataclasses
import itertools
import math

import pytest

from suite import estimate
from suite.cost_records import CostProtocol
from suite.estimate import (
    cuda_seconds,
    estimate_plan,
    hang_limit,
    matmul_rate,
    replicate_seconds,
    trial_bytes,
    trial_seconds,
)
from suite.models import MODELS
from suite.records import FINAL_TRAIN_IMAGES, Budget, Condition, Protocol
from tests.fakes import tiny_plan

CONDITION = Condition(dataset="mnist", model="mlp", norm="none", batch_size=64, learning_rate=1e-3)
PROTOCOL = Protocol(budget=Budget(epochs=5))


def test_the_registered_sizes_of_models_are_those_of_the_networks():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from suite.norms import parse_norm

    for spec in MODELS.values():
        if spec.size is None:
            continue
        model = spec.load().serial(parse_norm("none").serial, spec.default_depth, 10, (1, 28, 28))
        parameters, multiply_adds = spec.size(spec.default_depth)
        assert sum(p.numel() for p in model.parameters()) == parameters
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(2, 1, 28, 28))
        assert counter.get_total_flops() == 2 * 2 * multiply_adds


def test_a_replicate_of_costs_takes_its_samples_and_its_start():
    protocol = CostProtocol(threads=1, samples=10)
    start = replicate_seconds([], protocol, 1e11)
    one = replicate_seconds([CONDITION], protocol, 1e11) - start
    # Three activities, each at least its warm-up and ten samples of five milliseconds.
    assert 3 * (0.1 + 10 * 0.005) < one < 1.0
    longer = CostProtocol(threads=1, samples=20)
    assert replicate_seconds([CONDITION], longer, 1e11) - start == pytest.approx(
        one + 0.17, abs=0.05
    )
    # A network without a known size counts with its samples alone.
    own = dataclasses.replace(CONDITION, model="mine:build")
    assert 0 < replicate_seconds([own], protocol, 1e11) - start < one


def test_work_hangs_only_after_many_times_its_estimate():
    assert hang_limit(1.0) == 3600
    assert hang_limit(1000.0) == 30_000
    # A model of the user's own has no estimate; a trial of hours is no fault of it.
    assert hang_limit(math.nan) == 24 * 3600


def test_seconds_follow_the_arithmetic():
    rate = 1e11
    one = trial_seconds(CONDITION, PROTOCOL, rate)
    # 5 epochs of 55,000 images, 6 operations for each of 109,184 multiply-adds, at half the rate.
    training = 5 * 55_000 * 6 * 109_184 / (rate * estimate.TRAINING_SHARE[64])
    assert training < one < 1.5 * training
    assert trial_seconds(CONDITION, PROTOCOL, 2 * rate) == pytest.approx(one / 2)
    longer = dataclasses.replace(PROTOCOL, budget=Budget(epochs=10))
    assert 1.5 * one < trial_seconds(CONDITION, longer, rate) < 2 * one
    for change in ({"norm": "batch"}, {"batch_size": 16}):
        assert trial_seconds(dataclasses.replace(CONDITION, **change), PROTOCOL, rate) > one
    small = dataclasses.replace(CONDITION, train_size=1000)
    assert trial_seconds(small, PROTOCOL, rate) < 0.2 * one


def test_stored_seconds_take_the_place_of_estimated_training():
    evaluation = trial_seconds(CONDITION, PROTOCOL, 1e11, stored=0.0)
    assert trial_seconds(CONDITION, PROTOCOL, 1e11, stored=40.0) == pytest.approx(40 + evaluation)


def test_of_the_training_images_no_more_are_evaluated_than_the_trainer_does():
    protocol = dataclasses.replace(PROTOCOL, budget=Budget(steps=100))

    def evaluation(images: int) -> float:
        some = dataclasses.replace(CONDITION, train_size=images)
        return trial_seconds(some, protocol, 1e11, stored=0.0)

    assert evaluation(5_000) < evaluation(FINAL_TRAIN_IMAGES) == evaluation(50_000)


def test_a_model_without_a_size_has_no_estimate(monkeypatch):
    monkeypatch.setitem(MODELS, "mlp", dataclasses.replace(MODELS["mlp"], size=None))
    assert math.isnan(trial_seconds(CONDITION, PROTOCOL, 1e11))
    assert trial_seconds(CONDITION, PROTOCOL, 1e11, stored=3.0) == 3.0


def test_memory_grows_with_the_batch():
    large = dataclasses.replace(CONDITION, batch_size=1024)
    assert trial_bytes(large) - trial_bytes(CONDITION) == 4 * 3 * 784 * (1024 - 64)


def test_a_plan_counts_what_is_to_be_done_once():
    plan = tiny_plan()
    whole = estimate_plan(plan, set(plan.trials), 1e11, {})
    assert whole["grid"].seconds > 0
    assert whole["again"].seconds == 0  # shared with the study before
    half = {key for key, trial in plan.trials.items() if trial.seed < 2}
    assert estimate_plan(plan, half, 1e11, {})["grid"].seconds == pytest.approx(
        whole["grid"].seconds / 2
    )
    none = estimate_plan(plan, set(), 1e11, {})
    assert (none["grid"].seconds, none["grid"].memory_bytes) == (0, 0)
    known = estimate_plan(plan, set(plan.trials), 1e11, dict.fromkeys(plan.shapes, 100.0))
    assert known["grid"].seconds == pytest.approx(3200, rel=0.01)


def test_the_rate_is_the_best_of_several_products():
    passing = itertools.cycle([0, 0.004, 0, 0, 0.002, 0])  # before, after, enough?
    ticks = itertools.accumulate(itertools.chain([0], passing))
    assert matmul_rate(0.05, lambda: next(ticks)) == pytest.approx(2 * 512**3 / 0.002)


def of_stack(members, **changes):
    condition = dataclasses.replace(CONDITION, **changes)
    trial = next(iter(tiny_plan(seeds=1).trials.values()))
    return [dataclasses.replace(trial, condition=condition, protocol=PROTOCOL)] * members


@pytest.mark.parametrize(
    ("batch_size", "members", "seconds"),
    [(16, 60, 6.87), (64, 12, 0.93), (64, 72, 2.21), (256, 60, 0.72), (1024, 60, 0.45)],
)
def test_a_stack_on_a_gpu_takes_about_what_it_took_on_an_h200(batch_size, members, seconds):
    """Training alone, as a run of ``full`` stored it; a start and an end come on top."""
    estimated = cuda_seconds(of_stack(members, batch_size=batch_size))
    assert estimated - estimate.CUDA_STACK_SECONDS == pytest.approx(seconds, rel=0.5, abs=0.3)


def test_a_stack_on_a_gpu_takes_hardly_longer_for_more_members():
    one, twelve, many = (cuda_seconds(of_stack(members)) for members in (1, 12, 1000))
    assert twelve < 1.5 * one
    assert many > 8 * twelve
