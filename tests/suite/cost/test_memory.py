"""Bytes of one training step of the perceptron against a closed form, to the byte."""

from __future__ import annotations

import os
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from suite.cost import memory
from suite.cost.memory import KINDS, memory_by_kind, peak_resident
from suite.cost.network import Trainee, build_trainee
from suite.records import Condition

FLOAT, LONG = 4, 8
LAYERS = ((784, 128), (128, 64), (64, 10))


def condition(norm: str, batch_size: int, optimizer: str = "adam") -> Condition:
    return Condition(
        dataset="mnist",
        model="mlp",
        norm=norm,
        batch_size=batch_size,
        learning_rate=1e-3,
        optimizer=optimizer,
    )


def closed_form(batch: int, *, norm: bool, optimizer: str) -> dict[str, int]:
    hidden = 128 + 64
    tensors = 6 + (4 if norm else 0)
    parameters = sum(i * o + o for i, o in LAYERS) + (2 * hidden if norm else 0)
    # ReLU keeps its own output, the next layer's input; log-softmax keeps its output, and the loss
    # the sum of its weights. The labels and the images are the batch's.
    saved = batch * (hidden + 10) + 1
    if norm:
        # Batch norm keeps its input and, for each feature, mean and 1/σ of the batch.
        saved += batch * hidden + 2 * hidden
    moments = {"adam": 2 * parameters + tensors, "sgd": parameters}
    return {
        "parameters": FLOAT * parameters,
        "buffers": FLOAT * 2 * hidden + LONG * 2 if norm else 0,
        "batch": FLOAT * batch * 784 + LONG * batch,
        "gradients": FLOAT * parameters,
        "optimizer_state": FLOAT * moments[optimizer],
        "saved_activations": FLOAT * saved,
    }


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("batch", [2, 64, 1000])
def test_memory_of_the_perceptron_is_the_closed_form(norm: str, batch: int, optimizer: str) -> None:
    found = memory_by_kind(build_trainee(condition(norm, batch, optimizer), 0, "cpu"))
    assert found == closed_form(batch, norm=norm == "batch", optimizer=optimizer)
    assert set(found) == set(KINDS)


def test_counting_twice_gives_the_same() -> None:
    trainee = build_trainee(condition("batch", 16), 0, "cpu")
    assert memory_by_kind(trainee) == memory_by_kind(trainee)


def test_a_storage_counts_once_and_whole() -> None:
    """Two layers that share their weight, and a saved slice of a larger tensor."""

    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 4, bias=False)
            self.b = nn.Linear(4, 4, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            wide = torch.cat([x, x], dim=1)
            return self.b(self.a(wide[:, :4]))

    model = Shared()
    trainee = Trainee(
        model, torch.optim.SGD(model.parameters()), torch.rand(3, 4), torch.tensor([0, 1, 2])
    )
    found = memory_by_kind(trainee)
    assert found["parameters"] == found["gradients"] == 16 * FLOAT
    # All of `wide` through its slice, a's output, log-softmax's output, the loss's total weight.
    assert found["saved_activations"] == (3 * 8 + 3 * 4 + 3 * 4 + 1) * FLOAT


@pytest.mark.parametrize(
    ("baseline", "peaks", "found"),
    [
        (100, (120, 150), 50),
        (100, (120, 120), None),  # the peak lies before the measured steps
        (200, (120, 150), None),  # the kernel's two counts are not read in one moment
    ],
)
def test_a_peak_that_did_not_rise_is_not_known(
    monkeypatch: pytest.MonkeyPatch, baseline: int, peaks: tuple[int, int], found: int | None
) -> None:
    class Process:
        @staticmethod
        def memory_info() -> SimpleNamespace:
            return SimpleNamespace(rss=baseline)

    left = iter(peaks)
    monkeypatch.setattr(memory.psutil, "Process", Process)
    monkeypatch.setattr(memory, "_peak_resident", lambda: next(left))
    small = partial(build_trainee, condition("none", 2), 0, "cpu")
    assert peak_resident(small, small) == found


def test_the_first_network_on_cuda_does_not_carry_what_libraries_keep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A simulated allocator: the first step ever takes a workspace that stays."""

    class Allocator:
        kept = highest = 0

        def step(self, network: int) -> None:
            self.kept = 8_000_000
            self.highest = max(self.highest, self.kept + network)

        def reset_peak_memory_stats(self, device: str) -> None:
            self.highest = self.kept

    cuda = Allocator()
    fakes = {
        "synchronize": lambda device: None,
        "memory_allocated": lambda device: cuda.kept,
        "reset_peak_memory_stats": cuda.reset_peak_memory_stats,
        "max_memory_allocated": lambda device: cuda.highest,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(memory.torch.cuda, name, fake)

    def peak(network: int) -> int:
        trainee = SimpleNamespace(train_step=lambda: cuda.step(network))
        return memory.peak_allocated(lambda: trainee, "cuda:0")  # type: ignore[arg-type,return-value]

    assert [peak(500), peak(300)] == [500, 300]


def test_the_peak_of_the_resident_set_is_near_what_is_allocated() -> None:
    """A batch of 200,000 keeps far more than an allocator's slack; the rest is known in bytes."""
    large = condition("none", 20_000)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # the peak of a process never falls, so each measurement has its own
        build = partial(build_trainee, large, 0, "cpu")
        small = partial(build_trainee, condition("none", 2), 0, "cpu")
        os.write(writer, str(peak_resident(build, small)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        peak = int(pipe.read())
    os.waitpid(child, 0)
    exact = sum(memory_by_kind(build_trainee(large, 0, "cpu")).values())
    assert 0.7 * exact < peak < 3 * exact
