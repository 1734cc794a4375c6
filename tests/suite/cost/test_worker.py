"""A replicate, measured in this process on a simulated clock, and in a fresh one for real."""

from __future__ import annotations

import dataclasses
import time
from types import SimpleNamespace

import pytest
import torch

from suite.cost import processes, worker
from suite.cost.plan import CostStudy, Replicate, plan_costs
from suite.cost.processes import measure_in_process
from suite.cost_records import CostProtocol, CostResult, CostTask
from suite.errors import InterruptedRunError
from suite.estimate import LEAST_LIMIT, UNKNOWN_LIMIT
from suite.records import Condition, Outcome

PROTOCOL = CostProtocol(
    threads=1, samples=3, sample_seconds=1e-4, warm_up_passes=1, warm_up_seconds=1e-4
)


def condition(norm: str, batch_size: int) -> Condition:
    return Condition(
        dataset="mnist", model="mlp", norm=norm, batch_size=batch_size, learning_rate=1e-3
    )


def replicate(*conditions: Condition) -> Replicate:
    return plan_costs(CostStudy("why", conditions, 1, PROTOCOL), ["cpu"], lambda c: "v")[0]


def outcomes(result: CostResult) -> dict[tuple[str, str], float]:
    return {(o.quantity, o.facet): o.value for o in result.outcomes}


@pytest.fixture(scope="module")
def measured() -> tuple[CostResult, ...]:
    arms = [condition(norm, size) for size in (1, 8) for norm in ("none", "batch")]
    return measure_in_process(replicate(*arms), lambda: False)


def test_every_task_has_its_result_in_order(measured: tuple[CostResult, ...]) -> None:
    found = [(r.task.condition.batch_size, r.task.condition.norm, r.status) for r in measured]
    assert found == [
        (1, "none", "ok"),
        (1, "batch", "undefined"),
        (8, "none", "ok"),
        (8, "batch", "ok"),
    ]
    assert all(r.hardware for r in measured)


def test_what_is_undefined_is_still_measured_where_it_can_be(
    measured: tuple[CostResult, ...],
) -> None:
    assert "variance" in measured[1].reason
    assert [t.activity for t in measured[1].timings] == ["inference", "inference_folded"]


def test_figures_of_a_result_belong_together(measured: tuple[CostResult, ...]) -> None:
    result = measured[3]
    found = outcomes(result)
    assert [t.activity for t in result.timings] == [
        "forward",
        "train_step",
        "inference",
        "inference_folded",
    ]
    for timing in result.timings:
        assert len(timing.seconds) == PROTOCOL.samples
        assert "few samples" in timing.flags
        seconds = found["pass_seconds", timing.activity]
        assert min(timing.seconds) <= seconds <= max(timing.seconds)
        assert found["images_per_second", timing.activity] == pytest.approx(8 / seconds)
        share = found["flops", timing.activity] / seconds / found["matmul_peak", ""]
        assert found["matmul_peak_share", timing.activity] == pytest.approx(share)
    kinds = [value for (name, _), value in found.items() if name == "memory_bytes"]
    assert found["training_bytes", ""] == sum(kinds)
    assert found["folding_error", ""] < 1e-5


def test_arms_of_one_process_share_what_belongs_to_it(measured: tuple[CostResult, ...]) -> None:
    assert len({outcomes(r)["matmul_peak", ""] for r in measured}) == 1
    assert len({outcomes(r)["other_load", ""] for r in measured}) == 1


def test_one_network_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    build = worker.build_network

    def breaks(asked: Condition, seed: int, device: str) -> object:
        if asked.batch_size == 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        if asked.batch_size == 5:
            raise ZeroDivisionError("odd")
        return build(asked, seed, device)

    monkeypatch.setattr(worker, "build_network", breaks)
    monkeypatch.setattr(worker, "_peak", lambda task: ())
    tasks = replicate(*(condition("none", size) for size in (4, 5, 6))).tasks
    found = worker.measure(tasks, worker.PerformanceClock())
    assert [r.status for r in found] == ["oom", "failed", "ok"]
    assert "ZeroDivisionError: odd" in found[1].reason


def test_on_cuda_only_what_trains_has_a_peak_and_no_other_network_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Networks really lie on the CPU: the device is faked, its counters are scripted."""
    build = worker.build_trainee

    def built(asked: Condition, seed: int, device: str) -> object:
        assert device == "cuda:0"
        if asked.batch_size == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if asked.batch_size == 5:
            raise ZeroDivisionError("odd")
        return build(asked, seed, "cpu")

    monkeypatch.setattr(worker, "build_trainee", built)
    monkeypatch.setattr(worker, "peak_allocated", lambda build, device: build() and 1234)

    def peak(norm: str, batch_size: int) -> tuple[Outcome, ...]:
        (task,) = replicate(condition(norm, batch_size)).tasks
        return worker._peak(dataclasses.replace(task, device="cuda:0"))

    found = (Outcome("peak_memory_bytes", 1234, "allocator"),)
    assert peak("batch", 2) == peak("none", 1) == found
    assert [peak(norm, size) for norm, size in (("batch", 1), ("none", 3), ("none", 5))] == [()] * 3


@pytest.mark.parametrize("joules", [2.5, None])
def test_energy_is_that_of_a_training_step_where_the_counter_moves(
    monkeypatch: pytest.MonkeyPatch, joules: float | None
) -> None:
    counter = SimpleNamespace(joules_per_pass=lambda *_: joules)
    monkeypatch.setattr(worker.EnergyCounter, "of", lambda device: counter)
    monkeypatch.setattr(worker, "_peak", lambda task: ())
    (result,) = worker.measure(replicate(condition("batch", 2)).tasks, worker.PerformanceClock())
    found = {key: value for key, value in outcomes(result).items() if key[0] == "energy_joules"}
    assert found == ({} if joules is None else {("energy_joules", "train_step"): joules})


def test_tasks_of_two_kinds_are_refused() -> None:
    (task,) = replicate(condition("none", 2)).tasks
    other = dataclasses.replace(task, replicate=1)
    with pytest.raises(ValueError, match="share"):
        worker.measure([task, other], worker.PerformanceClock())


def test_a_process_that_dies_fails_its_tasks_with_what_it_said() -> None:
    (task,) = replicate(condition("none", 2)).tasks
    broken: CostTask = dataclasses.replace(task, device="cuda:77")
    found = measure_in_process(Replicate("cuda:77", 0, (broken, task)), lambda: False)
    assert [r.status for r in found] == ["failed", "failed"]
    assert "share device" in found[0].reason


def test_a_process_that_hangs_is_killed_and_its_tasks_have_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        processes, "_limit", lambda replicate: 0.0
    )  # it hasn't loaded torch by then
    (result,) = measure_in_process(replicate(condition("none", 2)), lambda: False)
    assert result.status == "failed"
    assert "killed after 0 s without an answer" in result.reason


def test_a_process_hangs_only_after_many_times_its_estimate() -> None:
    usual = condition("batch", 64)
    assert processes._limit(replicate(usual)) == LEAST_LIMIT
    large = CostProtocol(threads=1, samples=1_000_000)
    costly = plan_costs(CostStudy("why", (usual,), 1, large), ["cpu"], lambda c: "v")[0]
    assert processes._limit(costly) > 20 * 3 * 1_000_000 * large.sample_seconds
    own = dataclasses.replace(usual, model="mine:build")
    assert processes._limit(replicate(usual, own)) == UNKNOWN_LIMIT


def test_a_stop_ends_the_process_at_once() -> None:
    start = time.monotonic()
    calls = iter([False, False])
    with pytest.raises(InterruptedRunError):
        measure_in_process(replicate(condition("none", 2)), lambda: next(calls, True))
    assert time.monotonic() - start < 60  # it did not hang
