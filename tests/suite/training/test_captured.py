"""The step as a CUDA graph against the eager one; needs a CUDA device."""

from __future__ import annotations

import dataclasses
import warnings

import pytest
import torch

from suite.devices import use_full_precision
from suite.models import MODELS
from suite.norms import NORMS
from suite.optimizers import OPTIMIZERS
from suite.records import Budget
from suite.training import stacked, train_stack
from suite.training.build import build_stacked
from suite.training.captured import CapturedStep
from suite.training.stacked import StackedStep, run_stacked, step_for_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

CUDA = "cuda:0"
TOLERANCE = 1e-9


def _never() -> bool:
    return False


@pytest.fixture
def on_cuda(make_trial):
    use_full_precision()

    def make(**given):
        return dataclasses.replace(make_trial(**given), device=CUDA)

    return make


def members(make, **given):
    """Three members, two of which share their settings: two groups of the optimizer."""
    settings = [
        {"seed": 0, "learning_rate": 1e-3},
        {"seed": 1, "learning_rate": 3e-3, "weight_decay": 1e-2},
        {"seed": 2, "learning_rate": 3e-3, "weight_decay": 1e-2},
    ]
    return [
        make(budget=Budget(steps=100), evaluations_per_decade=2, **given, **s) for s in settings
    ]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", [name for name, spec in MODELS.items() if spec.has_stacked])
@pytest.mark.parametrize("norm", [*NORMS, "ghost:5"])
def test_it_trains_as_the_cpu_does(norm, model, optimizer, dataset, make_trial, on_cuda):
    wanted = {"norm": norm, "model": model, "optimizer": optimizer}
    states = []
    for make in (make_trial, on_cuda):
        record, network = run_stacked(
            members(make, **wanted), dataset, dtype=torch.float64, should_stop=_never
        )
        assert [r.status for r in record.results()] == ["ok"] * 3
        states.append({name: value.cpu() for name, value in network.state_dict().items()})
    for name, value in states[0].items():
        worst = (states[1][name] - value).abs().max().item()
        assert worst <= TOLERANCE, (name, worst)


def test_it_gives_the_bits_of_the_eager_step(dataset, on_cuda, monkeypatch):
    states = []
    for form in (step_for_device, StackedStep):
        monkeypatch.setattr(stacked, "step_for_device", form)
        _, network = run_stacked(members(on_cuda), dataset, dtype=torch.float32, should_stop=_never)
        states.append(network.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_every_number_of_images_has_one_graph(dataset, on_cuda, monkeypatch):
    made = []

    def noted(*given):
        made.append(step_for_device(*given))
        return made[-1]

    monkeypatch.setattr(stacked, "step_for_device", noted)
    train_stack(members(on_cuda), dataset)  # 270 images in batches of 16: the last has 14
    (step,) = made
    assert isinstance(step, CapturedStep)
    assert set(step._graphs) == {16, 14}


def test_no_step_waits_for_the_device(dataset, on_cuda):
    trials = members(on_cuda)
    data = dataset.to(CUDA)
    step = step_for_device(build_stacked(trials, data.spec).to(CUDA), trials, data)
    batch = torch.randint(0, 330, (3, 16), device=CUDA)
    for _ in range(2):
        step(batch)
    torch.cuda.synchronize()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that the mode does not see everything
            torch.cuda.set_sync_debug_mode("error")
        for _ in range(5):
            losses = step(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert losses.isfinite().all()


def test_a_member_that_diverges_is_stored_as_diverged(dataset, on_cuda):
    given = {"norm": "none", "optimizer": "sgd", "budget": Budget(steps=60)}
    trials = [on_cuda(learning_rate=rate, **given) for rate in (1e-2, 1e6)]
    assert [r.status for r in train_stack(trials, dataset)] == ["ok", "diverged"]
