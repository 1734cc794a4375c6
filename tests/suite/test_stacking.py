from __future__ import annotations

import dataclasses

from suite.records import Budget, Condition, Protocol, Trial
from suite.stacking import PER_MEMBER_AXES, stack_shape

TRIAL = Trial(
    condition=Condition(
        dataset="mnist", model="mlp", norm="batch", batch_size=64, learning_rate=1e-3
    ),
    seed=0,
    protocol=Protocol(budget=Budget(epochs=5)),
    device="cpu",
    data_fingerprint="f",
    code_version="v",
)


def _with(**changes):
    axes = {
        k: v for k, v in changes.items() if k not in {f.name for f in dataclasses.fields(Trial)}
    }
    own = {k: v for k, v in changes.items() if k not in axes}
    return dataclasses.replace(TRIAL, condition=dataclasses.replace(TRIAL.condition, **axes), **own)


def test_seeds_and_settings_of_a_member_share_a_stack():
    shape = stack_shape(TRIAL)
    assert stack_shape(_with(seed=9)) == shape
    assert stack_shape(_with(learning_rate=1.0)) == shape
    assert stack_shape(_with(weight_decay=0.1)) == shape
    assert stack_shape(_with(init="he")) == shape


def test_everything_else_makes_another_stack():
    others = [
        _with(norm="none"),
        _with(batch_size=32),
        _with(optimizer="sgd"),
        _with(depth=2),
        _with(train_size=100),
        _with(device="cuda"),
        _with(data_fingerprint="g"),
        _with(code_version="w"),
        _with(protocol=Protocol(budget=Budget(epochs=6))),
        _with(protocol=Protocol(budget=Budget(epochs=5), split="all")),
    ]
    assert len({stack_shape(t) for t in [TRIAL, *others]}) == len(others) + 1


def test_every_axis_is_either_shared_or_a_members_own():
    axes = {f.name for f in dataclasses.fields(Condition)}
    assert set(PER_MEMBER_AXES) < axes
