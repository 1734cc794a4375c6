"""Probes don't change training: the same bits with and without, for each norm and trainer."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from suite.models import MODELS
from suite.norms import NORMS
from suite.probes import PROBES
from suite.records import Budget
from suite.training.serial import run_serial
from suite.training.stacked import run_stacked


def _never() -> bool:
    return False


def _trained(trainer, trials, dataset):
    if trainer == "serial":
        record, model = run_serial(trials[0], dataset, dtype=torch.float32, should_stop=_never)
    else:
        record, model = run_stacked(trials, dataset, dtype=torch.float32, should_stop=_never)
    return record, model


@pytest.mark.parametrize("trainer", ["serial", "stacked"])
@pytest.mark.parametrize("norm", NORMS)
def test_weights_buffers_and_results_keep_their_bits(norm, trainer, dataset, make_trial):
    trials = [make_trial(seed=s, norm=norm, budget=Budget(steps=40)) for s in range(2)]
    probed = [
        dataclasses.replace(t, protocol=dataclasses.replace(t.protocol, probes=tuple(PROBES)))
        for t in trials
    ]
    before = torch.random.get_rng_state()
    plain_record, plain = _trained(trainer, trials, dataset)
    record, model = _trained(trainer, probed, dataset)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert plain.state_dict().keys() == model.state_dict().keys()
    for name, value in plain.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    assert all(m.training for m in model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    for one, other in zip(plain_record.results(), record.results(), strict=True):
        curves = {(c.quantity, c.facet): c for c in other.curves}
        assert all(curves[c.quantity, c.facet] == c for c in one.curves)
        outcomes = {(o.quantity, o.facet): o.value for o in other.outcomes}
        for o in one.outcomes:
            if o.quantity != "seconds_to_target":
                assert outcomes[o.quantity, o.facet] == o.value
        assert len(other.outcomes) > len(one.outcomes)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(name, marks=() if spec.has_stacked else pytest.mark.slow)
        for name, spec in MODELS.items()
        if name != "mlp"
    ],
)
def test_other_models_keep_their_bits_too(model, dataset, make_trial):
    depth = 2 if MODELS[model].uses_depth else None
    trainer = "stacked" if MODELS[model].has_stacked else "serial"
    states = []
    for probes in ((), tuple(PROBES)):
        trial = make_trial(model=model, depth=depth, budget=Budget(steps=3), probes=probes)
        states.append(_trained(trainer, [trial], dataset)[1].state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_what_is_put_back_is_put_back_after_an_error_too(make_network):
    network = make_network()
    before = {name: value.clone() for name, value in network.model.state_dict().items()}

    def fail():
        with network.untouched():
            network.losses(0)
            network.model.eval()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert all(torch.equal(value, before[n]) for n, value in network.model.state_dict().items())
    assert all(m.training for m in network.model.modules())
