import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.records import (
    AXES,
    Budget,
    Condition,
    Curve,
    Outcome,
    Protocol,
    Trial,
    TrialResult,
    canonical_json,
    content_hash,
)

CONDITION = Condition(dataset="mnist", model="mlp", norm="none", batch_size=64, learning_rate=1e-3)
TRIAL = Trial(
    condition=CONDITION,
    seed=3,
    protocol=Protocol(budget=Budget(epochs=5)),
    device="cpu",
    data_fingerprint="data",
    code_version="code",
)
FIELDS = [f.name for f in dataclasses.fields(Trial)]


def test_a_key_is_the_hash_of_all_fields_and_never_changes_by_itself():
    assert TRIAL.key == content_hash(dataclasses.asdict(TRIAL))
    assert TRIAL.plain() == dataclasses.asdict(TRIAL)
    assert TRIAL.key == "f276a4bb9a51b5e576fd6dacc3740bd2"


@pytest.mark.parametrize("axis", AXES)
def test_every_axis_is_part_of_the_key(axis):
    value = {
        "batch_size": 32,
        "learning_rate": 0.1,
        "depth": 4,
        "train_size": 9,
        "weight_decay": 0.1,
    }.get(axis, "other")
    other = dataclasses.replace(CONDITION, **{axis: value})
    assert dataclasses.replace(TRIAL, condition=other).key != TRIAL.key


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 4),
        ("device", "cuda:0"),
        ("data_fingerprint", "other"),
        ("code_version", "other"),
        ("protocol", Protocol(budget=Budget(epochs=6))),
        ("protocol", Protocol(budget=Budget(steps=5))),
        ("protocol", Protocol(budget=Budget(epochs=5), split="all")),
        ("protocol", Protocol(budget=Budget(epochs=5), probes=("gradient_norm",))),
        ("protocol", Protocol(budget=Budget(epochs=5), trace_every=50)),
    ],
)
def test_everything_else_is_part_of_the_key(field, value):
    assert field in FIELDS
    assert dataclasses.replace(TRIAL, **{field: value}).key != TRIAL.key


def test_a_whole_number_and_its_decimal_are_one_trial():
    for one, other in ((1, 1.0), (0, 0.0)):
        left, right = (
            dataclasses.replace(CONDITION, learning_rate=v + 1, weight_decay=v)
            for v in (one, other)
        )
        assert canonical_json(dataclasses.asdict(left)) == canonical_json(dataclasses.asdict(right))
    assert canonical_json(dataclasses.asdict(Budget(epochs=5))) == canonical_json(
        dataclasses.asdict(Budget(epochs=5.0))
    )


@given(
    st.integers(1, 5000),
    st.integers(1, 600),
    st.integers(0, 5),
    st.integers(0, 4999),
)
def test_steps_of_a_budget_are_those_of_a_plain_loop(images, batch, epochs, extra):
    """Against counting batches one by one, the last, smaller one of an epoch among them."""

    def loop(samples: int) -> int:
        steps = seen = 0
        while seen < samples:
            in_epoch = seen % images
            seen += min(batch, images - in_epoch)
            steps += 1
        return steps

    samples = max(1, epochs * images + extra % images)
    assert Budget(samples=samples).steps_for(images, batch) == loop(samples)
    if epochs:
        assert Budget(epochs=epochs).steps_for(images, batch) == loop(epochs * images)
    assert Budget(steps=17).steps_for(images, batch) == 17


def test_a_part_of_an_epoch_is_rounded_up_to_a_step():
    assert Budget(epochs=0.5).steps_for(1000, 100) == 5
    assert Budget(epochs=0.51).steps_for(1000, 100) == 6
    assert Budget(epochs=0.1 + 0.2).steps_for(1000, 100) == 3  # not 4, for 0.30000000000000004
    assert Budget(epochs=1e-6).steps_for(1000, 100) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: dataclasses.replace(CONDITION, batch_size=0),
        lambda: dataclasses.replace(CONDITION, learning_rate=0.0),
        lambda: dataclasses.replace(CONDITION, learning_rate=math.nan),
        lambda: dataclasses.replace(CONDITION, learning_rate=math.inf),
        lambda: dataclasses.replace(CONDITION, depth=0),
        lambda: dataclasses.replace(CONDITION, train_size=0),
        lambda: dataclasses.replace(CONDITION, weight_decay=-1.0),
        lambda: dataclasses.replace(TRIAL, seed=-1),
        Budget,
        lambda: Budget(epochs=1, steps=1),
        lambda: Budget(steps=0),
        lambda: Budget(epochs=math.inf),
        lambda: Protocol(budget=Budget(steps=1), split="half"),  # type: ignore[arg-type]
        lambda: Protocol(budget=Budget(steps=1), trace_every=0),
        lambda: Outcome("test_accuracy", math.nan),
        lambda: Curve("train_loss", (0, 1), (1.0,)),
        lambda: Curve("train_loss", (1, 1), (1.0, 1.0)),
        lambda: Curve("train_loss", (0,), (math.inf,)),
        lambda: TrialResult(trial=TRIAL, status="good"),  # type: ignore[arg-type]
        lambda: TrialResult(trial=TRIAL, status="failed"),
        lambda: TrialResult(trial=TRIAL, status="diverged"),
        lambda: TrialResult(trial=TRIAL, status="ok", diverged_step=3),
    ],
)
def test_records_are_checked_when_they_are_built(make):
    with pytest.raises(ValueError, match=r"must|exactly|unknown|needs|goes|differ|rise|finite|NaN"):
        make()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3),
        max_leaves=8,
    )
)
def test_canonical_json_does_not_know_the_order_of_keys(value):
    try:
        text = canonical_json(value)
    except ValueError:
        return  # an infinity
    assert canonical_json(json.loads(text)) == text
    if isinstance(value, dict):
        backwards = dict(reversed(list(value.items())))
        assert content_hash(backwards) == content_hash(value)
