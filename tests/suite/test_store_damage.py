"""A store that was damaged on the disk is refused, and never changed."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from suite.cost_records import CostResult, Timing
from suite.errors import StoreError
from suite.records import Outcome
from suite.store import STORE_NAME, StoreReader, StoreWriter
from suite.store.failures import damaged
from tests.chaos.damage import DAMAGES, PAGE, damage_every_page
from tests.fakes import fake_result, tiny_plan
from tests.suite.cost.test_campaign import PLAN


def fill(out):
    plan = tiny_plan(seeds=6)
    with StoreWriter(out) as store:
        run = store.begin_run("now", {"command": ["x" * 9000]}, plan.studies, plan.planned)
        store.add(run, [fake_result(trial) for trial in list(plan.trials.values())[:30]])
        tasks = [task for replicate in PLAN for task in replicate.tasks]
        store.plan_costs(tasks)
        seconds = tuple(0.1 + i / 999 for i in range(100))
        store.add_costs(
            run,
            [
                CostResult(
                    task=task,
                    status="ok",
                    outcomes=(Outcome("pass_seconds", 0.2, "forward"),),
                    timings=(Timing("forward", 1, seconds),),
                )
                for task in tasks[:5]
            ],
        )
        store.keep_stack_size("shape", 2, {1: 0.2})
        store.finish_run(run, "later")
    return out


def test_every_page_damaged_in_turn(tmp_path):
    whole = tmp_path / "whole"
    seen = damage_every_page(fill(whole), tmp_path / "scratch", seed=1)
    pages = (whole / STORE_NAME).stat().st_size // PAGE
    assert pages > 30
    assert seen.total() >= 2 * pages * (len(DAMAGES) - 1)
    with StoreReader(whole) as store:
        ((unused,),) = store.rows("PRAGMA freelist_count")  # what stands there is nobody's
    for name in ("garbage", "zeros", "another page's content"):
        assert seen[f"{name}: whole"] <= 2 * unused
    assert seen["cut off: whole"] == 0
    assert seen["one bit: refused"] > seen["one bit: whole"] / 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE outcomes SET value = value + 1e-15 WHERE quantity = 'test_accuracy'", "trial "),
        ("UPDATE curves SET value = 0.5 WHERE step = 5 AND trial = 3", "trial "),
        ("UPDATE trials SET seconds = 0.25 WHERE id = 2", "trial "),
        ("DELETE FROM trials WHERE id = 2", "is gone"),
        ("UPDATE runs SET info = replace(info, 'x', 'y')", "table runs"),
        ("DELETE FROM planned WHERE study = 'again'", "table planned"),
        ("UPDATE costs SET status = 'failed'", "table costs"),
        ("UPDATE stack_sizes SET size = 3", "table stack_sizes"),
        ("DELETE FROM checksums WHERE part = 'studies'", "table studies"),
        ("UPDATE curves SET value = 'text' WHERE trial = 1", "TypeError"),
        ("DROP TABLE curves", "no such table"),
        ("DROP TABLE checksums", "no such table"),
        ("DROP TABLE trials", "its tables are gone"),
    ],
)
@pytest.mark.parametrize("kind", [StoreReader, StoreWriter])
def test_what_another_program_changed_is_noticed(tmp_path, kind, change, named):
    fill(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / STORE_NAME)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(change)
        db.commit()
    before = (tmp_path / STORE_NAME).read_bytes()
    with pytest.raises(StoreError, match=named), kind(tmp_path) as store:
        store.verify()
    assert (tmp_path / STORE_NAME).read_bytes() == before


def test_what_can_not_be_understood_is_named(tmp_path):
    fill(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / STORE_NAME)) as db:
        db.execute("UPDATE runs SET info = '{'")
        db.execute("UPDATE planned SET trial = '{}'")
        db.execute("UPDATE costs SET cost = '[]'")
        db.commit()
    with StoreReader(tmp_path) as store:
        for read in (store.runs, store.planned, store.costs):
            with pytest.raises(StoreError, match="is damaged"):
                read()


def test_links_are_not_followed(tmp_path):
    target = tmp_path / "target"
    target.write_text("precious")
    for name in (STORE_NAME, f"{STORE_NAME}.lock", f"{STORE_NAME}-journal", f"{STORE_NAME}-wal"):
        out = tmp_path / name.replace(".", "-")
        out.mkdir()
        (out / name).symlink_to(target)
        with pytest.raises(StoreError, match="is a symbolic link"):
            StoreWriter(out)
        assert target.read_text() == "precious"
        (out / name).unlink()
        (out / name).symlink_to(tmp_path / "missing")
        with pytest.raises(StoreError, match="is a symbolic link"):
            StoreWriter(out)
        assert not (tmp_path / "missing").exists()


def test_a_folder_that_is_a_link_is_what_the_user_chose(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    fill(tmp_path / "out")
    assert (tmp_path / "disk" / STORE_NAME).is_file()


def test_what_sqlite_quotes_is_shown_in_one_line_of_bounded_length():
    what = 'unrecognized token: "[EY,\n  status \x00\x1b[31mTEXT' + 500 * "x"
    line = str(damaged(Path("store.sqlite"), what))
    assert line.isprintable()
    assert 'unrecognized token: "[EY, status' in line
    assert len(line) < 400
