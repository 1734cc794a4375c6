"""The stacked trainer against its slow twin: float64, 100 steps, every state within 1e-9."""

from __future__ import annotations

import math

import pytest
import torch

from suite.models import MODELS
from suite.norms import NORMS
from suite.optimizers import OPTIMIZERS
from suite.records import Budget
from suite.training import train_serial, train_stack
from suite.training.serial import run_serial
from suite.training.stacked import run_stacked

TOLERANCE = 1e-9


def _never() -> bool:
    return False


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", [name for name, spec in MODELS.items() if spec.has_stacked])
@pytest.mark.parametrize("norm", [*NORMS, "ghost:5"])
def test_each_member_is_its_own_serial_training(norm, model, optimizer, dataset, make_trial):
    settings = [
        {"seed": 0, "learning_rate": 1e-3},
        {"seed": 1, "learning_rate": 3e-3, "weight_decay": 1e-2},
        {"seed": 2, "learning_rate": 3e-3, "init": "he"},
    ]
    trials = [
        make_trial(
            norm=norm,
            model=model,
            optimizer=optimizer,
            budget=Budget(steps=100),
            evaluations_per_decade=2,
            **s,
        )
        for s in settings
    ]
    record, stacked = run_stacked(trials, dataset, dtype=torch.float64, should_stop=_never)
    together = stacked.state_dict()
    for member, (trial, from_stack) in enumerate(zip(trials, record.results(), strict=True)):
        alone, serial = run_serial(trial, dataset, dtype=torch.float64, should_stop=_never)
        for name, value in serial.model.state_dict().items():
            worst = (together[name][member] - value).abs().max().item()
            assert worst <= TOLERANCE, (name, worst)
        assert set(serial.model.state_dict()) == set(together)
        _same_results(alone.results()[0], from_stack)


def _same_results(serial, stacked):
    assert serial.trial == stacked.trial
    assert serial.status == stacked.status == "ok"
    for one, other in zip(serial.outcomes, stacked.outcomes, strict=True):
        assert (one.quantity, one.facet) == (other.quantity, other.facet)
        if one.quantity != "seconds_to_target":
            assert math.isclose(one.value, other.value, abs_tol=1e-6) or one.value == other.value
    for one, other in zip(serial.curves, stacked.curves, strict=True):
        assert (one.quantity, one.steps) == (other.quantity, other.steps)
        assert one.values == pytest.approx(other.values, abs=1e-6)


def test_float32_results_are_close_too(dataset, make_trial):
    trials = [make_trial(seed=s, budget=Budget(epochs=3)) for s in range(3)]
    for trial, stacked in zip(trials, train_stack(trials, dataset), strict=True):
        serial = train_serial(trial, dataset)
        losses = [dict_of(r)["train_loss"] for r in (serial, stacked)]
        assert losses[0] == pytest.approx(losses[1], rel=0.05)


def dict_of(result):
    return {o.quantity: o.value for o in result.outcomes if not o.facet}
