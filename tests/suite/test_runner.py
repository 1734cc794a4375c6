import dataclasses

import pytest

from suite.errors import InterruptedRunError
from suite.executors.base import StackFinished, StackStarted
from suite.executors.in_process import InProcessExecutor
from suite.runner import Options, SizeChosen, SizesWanted, Summary, TrainingStarts, run_plan
from suite.store import StoreReader, StoreWriter
from tests.fakes import FakeTrainer, choose_three, tiny_plan

PLAIN = Options()


def run(
    path,
    trainer=None,
    plan=None,
    *,
    options=PLAIN,
    should_stop=lambda: False,
    choose=choose_three,
) -> tuple[Summary, list[object]]:
    events: list[object] = []
    with StoreWriter(path) as store:
        summary = run_plan(
            plan or tiny_plan(),
            store,
            InProcessExecutor(trainer or FakeTrainer(), threads=2),
            choose,
            {"command": ["test"]},
            options=options,
            should_stop=should_stop,
            on_event=events.append,
        )
    return summary, events


def rows(path):
    with StoreReader(path) as store:
        return [dataclasses.replace(r, seconds=0.0) for r in store.results()]


def test_everything_is_trained_stored_and_told(tmp_path):
    trainer = FakeTrainer()
    summary, events = run(tmp_path, trainer)
    assert summary == Summary({"ok": 32}, trained=32)
    assert (summary.unsuccessful, summary.missing) == (0, 0)
    assert {r.trial.key for r in rows(tmp_path)} == set(tiny_plan().trials)
    assert [type(e) for e in events[:5]] == [SizesWanted, *[SizeChosen] * 4]
    starts = [e for e in events if isinstance(e, TrainingStarts)]
    assert [(len(e.stacks), e.done) for e in starts] == [(len(trainer.stacks), 0)]
    told = [e for e in events if isinstance(e, StackStarted | StackFinished)]
    assert [type(e) for e in told] == [StackStarted, StackFinished] * len(trainer.stacks)
    with StoreReader(tmp_path) as store:
        (recorded,) = store.runs()
        assert recorded["command"] == ["test"]
        assert recorded["executor"] == {"name": "in-process", "processes": 1, "threads": 2}
        assert recorded["finished"] is not None
        assert len(store.planned()) == 48


def test_a_second_run_trains_nothing(tmp_path):
    run(tmp_path)
    before = rows(tmp_path)
    trainer = FakeTrainer()
    summary, events = run(tmp_path, trainer)
    assert (summary.trained, trainer.stacks) == (0, [])
    assert [type(e) for e in events] == [TrainingStarts]
    assert rows(tmp_path) == before


def test_more_seeds_train_only_the_new_ones(tmp_path):
    run(tmp_path, plan=tiny_plan(seeds=2))
    trainer = FakeTrainer()
    summary, _ = run(tmp_path, trainer, tiny_plan(seeds=4))
    assert summary == Summary({"ok": 32}, trained=16)
    assert {t.seed for stack in trainer.stacks for t in stack} == {2, 3}


def test_an_interrupt_keeps_what_is_finished_and_a_resumed_run_has_the_same_rows(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole)
    for after in (1, 2, 5, 0, 3):
        trainer = FakeTrainer()
        with pytest.raises(InterruptedRunError):
            run(parts, trainer, should_stop=lambda n=after, t=trainer: len(t.stacks) >= n)
        assert len(trainer.stacks) == after
    with StoreReader(parts) as store:
        assert all(r["finished"] is None for r in store.runs())
    run(parts)
    assert rows(parts) == rows(whole)


def test_a_stop_while_sizes_are_chosen(tmp_path):
    with pytest.raises(InterruptedRunError):
        run(tmp_path, should_stop=lambda: True)
    assert rows(tmp_path) == []


def test_a_stack_size_is_chosen_once_for_a_plan(tmp_path):
    calls = []

    def choose(shapes, _):
        for shape, trials in shapes.items():
            calls.append(len(trials))
            yield shape, 2, {2: 0.1}

    trainer = FakeTrainer()
    with pytest.raises(InterruptedRunError):
        run(tmp_path, trainer, choose=choose, should_stop=lambda: bool(trainer.stacks))
    assert calls == [8] * 4
    run(tmp_path, choose=choose)
    assert calls == [8] * 4
    run(tmp_path, plan=tiny_plan(seeds=5), choose=choose)
    assert calls == [8] * 4 + [10] * 4


def broken(trials):
    if trials[0].condition.norm == "batch" and trials[0].condition.batch_size == 16:
        raise ZeroDivisionError("a fault in this arm")


def test_a_stack_that_raises_is_stored_as_failed_and_the_rest_goes_on(tmp_path):
    summary, _ = run(tmp_path, FakeTrainer(breaks=broken))
    assert summary.statuses == {"ok": 24, "failed": 8}
    assert summary.unsuccessful == 8
    assert summary.first_failure is not None
    assert summary.first_failure[0] == "failed"
    assert "ZeroDivisionError: a fault in this arm" in summary.first_failure[1]
    assert "Traceback" in summary.first_failure[1]
    # Failed trials are done until they are asked for again.
    trainer = FakeTrainer()
    assert run(tmp_path, trainer)[0].unsuccessful == 8
    assert trainer.stacks == []
    again, _ = run(tmp_path, trainer, options=Options(retry_failed=True))
    assert again == Summary({"ok": 32}, trained=8)


def test_fail_fast_stops_after_the_first_bad_stack_and_keeps_it(tmp_path):
    trainer = FakeTrainer(breaks=broken)
    summary, _ = run(tmp_path, trainer, options=Options(fail_fast=True))
    assert summary.statuses == {"ok": 2, "failed": 2, "missing": 28}
    assert summary.missing == 28
    assert summary.stopped_early
    with StoreReader(tmp_path) as store:
        assert store.runs()[0]["finished"] is None


@pytest.mark.parametrize("kind", ["force", "retry_failed"])
def test_fail_fast_is_told_where_nothing_is_missing(tmp_path, kind):
    run(tmp_path, FakeTrainer(breaks=broken))
    options = Options(**{kind: True}, fail_fast=True)
    summary, _ = run(tmp_path, FakeTrainer(breaks=broken), options=options)
    assert (summary.missing, summary.unsuccessful, summary.trained < 32) == (0, 8, True)
    assert summary.stopped_early
    with StoreReader(tmp_path) as store:
        assert store.runs()[-1]["finished"] is None
    # Without a failure the same wish ends a run as any other.
    summary, _ = run(tmp_path, options=options)
    assert not summary.stopped_early
    with StoreReader(tmp_path) as store:
        assert store.runs()[-1]["finished"] is not None


def test_fail_fast_at_the_last_stack(tmp_path):
    whole = FakeTrainer()
    run(tmp_path / "whole", whole)
    last = whole.stacks[-1]

    def breaks(trials):
        if tuple(trials) == last:
            raise ZeroDivisionError

    summary, _ = run(tmp_path / "out", FakeTrainer(breaks=breaks), options=Options(fail_fast=True))
    assert (summary.missing, summary.trained, summary.stopped_early) == (0, 32, True)


def test_force_trains_again_and_keeps_an_old_row_until_the_new_one_is_there(tmp_path):
    run(tmp_path)
    with StoreReader(tmp_path) as store:
        old = store.trained_by()
    trainer = FakeTrainer()
    with pytest.raises(InterruptedRunError):
        run(
            tmp_path,
            trainer,
            options=Options(force=True),
            should_stop=lambda: len(trainer.stacks) == 4,
        )
    with StoreReader(tmp_path) as store:
        assert set(store.statuses()) == set(old)
        assert sum(run != 1 for run in store.trained_by().values()) == 4 * 2
    # The same command goes on with what is left, and once finished begins anew.
    for expected in (32 - 4 * 2, 32):
        summary, _ = run(tmp_path, options=Options(force=True))
        assert summary.trained == expected


def test_the_plan_of_the_newest_run_is_the_plan(tmp_path):
    run(tmp_path, plan=tiny_plan(rates=(1e-3,)))
    run(tmp_path, plan=tiny_plan(rates=(1e-2,)))
    with StoreReader(tmp_path) as store:
        assert {t.condition.learning_rate for _, _, t in store.planned()} == {1e-2}
        assert len(store.statuses()) == 32  # nothing that was trained is thrown away
