"""Operations and bytes of the perceptron against closed forms."""

from __future__ import annotations

import random

import pytest
import torch

from suite.cost import operations
from suite.cost.clock import PerformanceClock
from suite.cost.network import build_network
from suite.cost.operations import count_bytes_moved, count_flops, matmul_peak
from suite.cost_records import CostProtocol
from suite.records import Condition
from tests.simulated_machine import Machine

LAYERS = ((784, 128), (128, 64), (64, 10))


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("batch", [2, 64])
def test_flops_of_the_perceptron(norm: str, batch: int) -> None:
    condition = Condition(
        dataset="mnist", model="mlp", norm=norm, batch_size=batch, learning_rate=1e-3
    )
    activities = build_network(condition, 0, "cpu").activities()
    forward = sum(2 * batch * i * o for i, o in LAYERS)
    # Backward multiplies for every weight's gradient and every input's but the image's.
    backward = 2 * forward - 2 * batch * 784 * 128
    assert count_flops(activities["forward"]) == forward
    assert count_flops(activities["inference"]) == forward
    assert count_flops(activities["train_step"]) == forward + backward


def test_bytes_moved_by_inference_are_the_closed_form() -> None:
    batch = 64
    condition = Condition(
        dataset="mnist", model="mlp", norm="batch", batch_size=batch, learning_rate=1e-3
    )
    activities = build_network(condition, 0, "cpu").activities()
    linear = sum(i * o + o + batch * (i + o) for i, o in LAYERS)
    relu = 2 * batch * (128 + 64)
    assert count_bytes_moved(activities["inference_folded"]) == 4 * (linear + relu)
    norm = 2 * batch * (128 + 64) + 4 * (128 + 64)  # in, out; γ, β, mean, variance
    assert count_bytes_moved(activities["inference"]) == 4 * (linear + relu + norm)


def test_views_and_bare_memory_move_nothing_and_expanded_tensors_their_storage() -> None:
    x = torch.rand(10, 1)
    assert count_bytes_moved(lambda: x.view(1, 10).t().expand(10, 7)) == 0
    assert count_bytes_moved(lambda: torch.empty(1000)) == 0
    assert count_bytes_moved(lambda: x.expand(10, 50) + 1) == 4 * (10 + 500)
    assert count_bytes_moved(lambda: x.add_(1)) == 4 * (10 + 10)
    a, out = torch.rand(10, 10), torch.empty(10, 10)
    assert count_bytes_moved(lambda: torch.mm(a, a, out=out)) == 4 * 300


def test_matmul_peak_is_the_best_of_all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine whose products run at known rates with noise, the peak is the highest rate."""
    machine = Machine(1, noise=0.01)
    rates = {64: 1e9, 128: 3e9, 256: 2e9}
    monkeypatch.setattr(
        operations,
        "_product",
        lambda n, device: machine.cell(str(n), 2 * n**3 / rates[n]).run,
    )
    protocol = CostProtocol(threads=1, sample_seconds=1e-4, warm_up_seconds=1e-3)
    peak = matmul_peak("cpu", machine, protocol, lambda: None, tuple(rates))
    assert peak == pytest.approx(3e9, rel=0.05)
    assert machine.random.random() != random.Random(1).random()  # the noise was drawn


def test_matmul_peak_of_this_machine_is_a_rate() -> None:
    protocol = CostProtocol(threads=1, samples=2, sample_seconds=1e-4, warm_up_seconds=1e-4)
    found = matmul_peak("cpu", PerformanceClock(), protocol, lambda: None, (64, 128))
    assert 1e6 < found < 1e16
