from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.cost_records import (
    ACTIVITIES,
    COST_FLAGS,
    CostProtocol,
    CostResult,
    CostTask,
    Timing,
    cost_result_from_json,
)
from suite.records import Condition, Outcome

CONDITION = Condition(dataset="mnist", model="mlp", norm="batch", batch_size=64, learning_rate=1e-3)
TASK = CostTask(
    condition=CONDITION,
    replicate=3,
    protocol=CostProtocol(threads=2),
    device="cpu",
    code_version="abc",
)
positive = st.floats(1e-9, 1e9)


@given(
    st.lists(positive, min_size=1, max_size=30),
    st.sampled_from(sorted(ACTIVITIES)),
    st.sets(st.sampled_from(sorted(COST_FLAGS))),
    positive,
)
def test_what_is_written_is_read(
    seconds: list[float], activity: str, flags: set[str], value: float
) -> None:
    result = CostResult(
        task=TASK,
        status="ok",
        hardware="a “processor”",
        outcomes=(Outcome("pass_seconds", value, activity), Outcome("matmul_peak", value)),
        timings=(Timing(activity, 7, tuple(seconds), tuple(sorted(flags))),),
    )
    assert cost_result_from_json(result.to_json()) == result


@pytest.mark.parametrize(
    "change",
    [
        {"replicate": 4},
        {"device": "cuda:0"},
        {"code_version": "abd"},
        {"protocol": CostProtocol(threads=1)},
        {"condition": dataclasses.replace(CONDITION, batch_size=65)},
    ],
)
def test_the_key_knows_everything(change: dict[str, object]) -> None:
    assert dataclasses.replace(TASK).key == TASK.key
    assert dataclasses.replace(TASK, **change).key != TASK.key  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CostProtocol(threads=0), "threads"),
        (lambda: CostProtocol(threads=1, samples=0), "samples"),
        (lambda: CostProtocol(threads=1, sample_seconds=math.nan), "sample_seconds"),
        (lambda: CostProtocol(threads=1, warm_up_seconds=0), "warm_up_seconds"),
        (lambda: Timing("forwards", 1, (1.0,)), "activity"),
        (lambda: Timing("forward", 1, ()), "no samples"),
        (lambda: Timing("forward", 1, (-1.0,)), "seconds"),
        (lambda: Timing("forward", 1, (math.inf,)), "seconds"),
        (lambda: Timing("forward", 1, (1.0,), ("odd",)), "flag"),
        (lambda: CostResult(task=TASK, status="failed"), "reason"),
        (lambda: CostResult(task=TASK, status="diverged", reason="x"), "diverge"),
        (lambda: dataclasses.replace(TASK, replicate=-1), "replicate"),
    ],
)
def test_what_can_not_be_is_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
