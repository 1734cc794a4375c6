"""A clock that is set back: runs are in the order in which they happened, whatever it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.report import build_report
from suite import runner
from suite.errors import InterruptedRunError
from suite.executors.in_process import InProcessExecutor
from suite.runner import Options, pending, run_plan
from suite.store import StoreWriter
from tests.fakes import FakeTrainer, choose_three, tiny_plan

if TYPE_CHECKING:
    from pathlib import Path

PLAN = tiny_plan(seeds=2)


def go(store: StoreWriter, *, stop_after: int | None = None, force: bool = False) -> FakeTrainer:
    trainer = FakeTrainer()

    def should_stop() -> bool:
        return stop_after is not None and len(trainer.stacks) >= stop_after

    run_plan(
        PLAN,
        store,
        InProcessExecutor(trainer, threads=1),
        choose_three,
        {},
        options=Options(force=force),
        should_stop=should_stop,
        on_event=lambda _: None,
    )
    return trainer


def test_runs_at_earlier_and_earlier_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = iter(range(23, 0, -1))
    monkeypatch.setattr(runner, "now", lambda: f"2025-01-01T{next(hours):02}:00:00+00:00")
    with StoreWriter(tmp_path) as store:
        with pytest.raises(InterruptedRunError):
            go(store, stop_after=2)
        go(store)
        first, second = store.runs()
        assert first["started"] > second["started"] > second["finished"]
        # A forced run that was stopped goes on where it was, though the one before seems newer.
        with pytest.raises(InterruptedRunError):
            go(store, stop_after=1, force=True)
        left = pending(PLAN, store, Options(force=True))
        assert 0 < len(left) < len(PLAN.trials)
        again = go(store, force=True)
        assert {trial.key for stack in again.stacks for trial in stack} == left
        assert [run["id"] for run in store.runs()] == [1, 2, 3, 4]
    page = build_report(tmp_path).path.read_text()
    assert "Partial run." not in page
    assert "Unfinished run." not in page
