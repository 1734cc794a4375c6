"""The same trial, the same bits: again and again, in any order, after any resume.

At fixed threads and a fixed stack size, as a store keeps them.
"""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest
import torch

from suite.data import load_dataset
from suite.errors import InterruptedRunError
from suite.executors.in_process import InProcessExecutor
from suite.executors.training import StackTrainer
from suite.preparation import prepare
from suite.runner import Options, run_plan
from suite.store import StoreReader, StoreWriter
from tests.suite.test_grid import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from suite.executors.base import ShouldStop
    from suite.preparation import Work
    from suite.records import Trial, TrialResult

TIMES = 10
SIZES = (1, 2, 3)


@pytest.fixture(scope="module")
def work() -> Work:
    grid = parse(
        {
            "norm": '["none", "batch", "ghost:8"]',
            "batch_size": "[16]",
            "learning_rate": "1e-2",
            "train_size": "128",
            "epochs": None,
            "steps": "12",
            "seeds": "3",
            "probes": '["gradient_norm"]',
        }
    )
    return prepare(grid, "cpu", None)


@pytest.fixture(scope="module")
def trainer() -> StackTrainer:
    return StackTrainer({"mnist5k": load_dataset("mnist5k", data_dir=None, download=False)})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def never() -> bool:
    return False


def without_clock(result: TrialResult) -> TrialResult:
    outcomes = tuple(o for o in result.outcomes if "seconds" not in o.quantity)
    assert outcomes
    assert result.status == "ok"
    return dataclasses.replace(result, seconds=0.0, outcomes=outcomes)


def by_norm(work: Work) -> list[list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for trial in work.plan.trials.values():
        found.setdefault(trial.condition.norm, []).append(trial)
    return list(found.values())


@pytest.mark.parametrize("size", SIZES)
def test_ten_times_in_any_order(work: Work, trainer: StackTrainer, size: int) -> None:
    chance = random.Random(size)
    stacks = [trials[i : i + size] for trials in by_norm(work) for i in range(0, 3, size)]
    first: dict[str, TrialResult] = {}
    for _ in range(TIMES):
        chance.shuffle(stacks)
        for stack in stacks:
            for result in trainer(stack, never):
                assert first.setdefault(result.trial.key, without_clock(result)) == without_clock(
                    result
                )
    assert len(first) == len(work.plan.trials)


def choose(size: int):
    def sizes(
        shapes: Mapping[str, Sequence[Trial]], should_stop: ShouldStop
    ) -> Iterator[tuple[str, int, dict[int, float]]]:
        del should_stop
        for shape in shapes:
            yield shape, size, {}

    return sizes


def train(
    work: Work, trainer: StackTrainer, out: Path, size: int, stop_after: int | None = None
) -> None:
    """Run the plan; stopped, if asked for, once so many trials are stored."""
    with StoreWriter(out) as store:

        def should_stop() -> bool:
            return stop_after is not None and len(store.statuses()) >= stop_after

        run_plan(
            work.plan,
            store,
            InProcessExecutor(trainer, threads=1),
            choose(size),
            {},
            options=Options(),
            should_stop=should_stop,
            on_event=lambda _: None,
        )


def stored(out: Path) -> list[TrialResult]:
    with StoreReader(out) as store:
        return [without_clock(result) for result in store.results()]


@pytest.mark.parametrize("size", SIZES)
def test_after_any_resume(work: Work, trainer: StackTrainer, tmp_path: Path, size: int) -> None:
    whole = tmp_path / "whole"
    train(work, trainer, whole, size)
    # Later than this, the last stack may be all that is left when it is asked whether to stop.
    for stop_after in range(1, len(work.plan.trials) - size + 1):
        out = tmp_path / f"stopped-{stop_after}"
        with pytest.raises(InterruptedRunError):
            train(work, trainer, out, size, stop_after)
        assert len(stored(out)) < len(work.plan.trials)
        train(work, trainer, out, 99)  # the size that the store keeps is used again, not this one
        assert stored(out) == stored(whole)
