import contextlib
import dataclasses
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import StoreError, StoreLockedError, UnknownNameError
from suite.quantities import QUANTITIES
from suite.records import (
    Budget,
    Condition,
    Curve,
    Outcome,
    Protocol,
    Trial,
    TrialResult,
)
from suite.store import SCHEMA_VERSION, STORE_NAME, StoreReader, StoreWriter, reader, schema, writer
from suite.store.failures import is_busy
from tests.fakes import fake_result, tiny_plan

STUDIES = [("grid", "For tests.")]


def fill(path: Path, count: int = 4) -> list[TrialResult]:
    plan = tiny_plan()
    results = [fake_result(t) for t in list(plan.trials.values())[:count]]
    with StoreWriter(path) as store:
        run = store.begin_run("2025-01-01T00:00:00+00:00", {"command": []}, STUDIES, [])
        store.add(run, results)
        store.finish_run(run, "2025-01-01T00:01:00+00:00")
    return sorted(results, key=lambda r: r.trial.key)


# --- round trip --------------------------------------------------------------------------------

finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
facets = st.sampled_from(["", "0.9", "layer 1", "γ"])
quantities = st.sampled_from(sorted(QUANTITIES))

conditions = st.builds(
    Condition,
    dataset=words,
    model=words,
    norm=words,
    batch_size=st.integers(1, 2**40),
    learning_rate=st.floats(min_value=1e-300, max_value=1e300),
    depth=st.none() | st.integers(1, 99),
    train_size=st.none() | st.integers(1, 10**9),
    weight_decay=st.floats(0, 1e10),
)
budgets = st.one_of(
    st.builds(Budget, epochs=st.floats(1e-6, 1e6)),
    st.builds(Budget, steps=st.integers(1, 10**12)),
    st.builds(Budget, samples=st.integers(1, 10**15)),
)
protocols = st.builds(
    Protocol,
    budget=budgets,
    split=st.sampled_from(["holdout", "all"]),
    probes=st.lists(words, max_size=3).map(tuple),
)
trials = st.builds(
    Trial,
    condition=conditions,
    seed=st.integers(0, 2**62),
    protocol=protocols,
    device=words,
    data_fingerprint=words,
    code_version=words,
)
outcomes = st.lists(
    st.builds(Outcome, quantities, st.floats(allow_nan=False), facets),
    max_size=5,
    unique_by=lambda o: (o.quantity, o.facet),
).map(lambda found: tuple(sorted(found, key=lambda o: (o.quantity, o.facet))))


@st.composite
def curves(draw):
    found = {}
    for name, facet in draw(st.lists(st.tuples(quantities, facets), max_size=3)):
        steps = sorted(draw(st.sets(st.integers(0, 2**53), min_size=1, max_size=6)))
        values = draw(st.lists(finite, min_size=len(steps), max_size=len(steps)))
        found[name, facet] = Curve(name, tuple(steps), tuple(values), facet)
    return tuple(found[key] for key in sorted(found))


@st.composite
def results(draw):
    status = draw(st.sampled_from(["ok", "diverged", "undefined", "oom", "failed"]))
    return TrialResult(
        trial=draw(trials),
        status=status,
        reason=draw(words) if status not in ("ok", "diverged") else "",
        diverged_step=draw(st.integers(0, 10**9)) if status == "diverged" else None,
        stack_size=draw(st.integers(1, 10**6)),
        seconds=draw(st.floats(0, 1e9)),
        outcomes=draw(outcomes),
        curves=draw(curves()),
    )


@settings(max_examples=40)
@given(st.lists(results(), max_size=4, unique_by=lambda r: r.trial.key))
def test_what_goes_in_comes_out(stored):
    with tempfile.TemporaryDirectory() as folder:
        with StoreWriter(Path(folder)) as store:
            run = store.begin_run("now", {}, STUDIES, [("grid", r.trial) for r in stored])
            store.add(run, stored)
        expected = sorted(stored, key=lambda r: r.trial.key)
        with StoreReader(Path(folder)) as store:
            assert list(store.results()) == expected
            assert [t for _, _, t in store.planned()] == [r.trial for r in expected]
            assert store.statuses() == {r.trial.key: r.status for r in expected}


def test_infinity_is_kept_and_nan_is_refused(tmp_path):
    (result, *_) = fill(tmp_path, 1)
    assert math.isinf(result.outcomes[1].value)
    with StoreReader(tmp_path) as store:
        (stored,) = store.results()
    assert Outcome("steps_to_target", math.inf, "0.9") in stored.outcomes
    with pytest.raises(ValueError, match="NaN is not an outcome"):
        Outcome("test_accuracy", math.nan)


def test_runs_studies_and_stack_sizes(tmp_path):
    fill(tmp_path)
    with StoreWriter(tmp_path) as store:
        assert store.runs() == [
            {
                "id": 1,
                "started": "2025-01-01T00:00:00+00:00",
                "finished": "2025-01-01T00:01:00+00:00",
                "command": [],
            }
        ]
        assert store.studies() == STUDIES
        store.keep_stack_size("shape", 8, {4: 0.2, 8: 0.1})
        store.keep_stack_size("shape", 4, {4: 0.1})
        assert store.stack_sizes() == {"shape": 4}
        assert set(store.trained_by().values()) == {1}
        assert set(store.seconds().values()) == {0.5}


def test_a_trial_stored_again_is_replaced_whole(tmp_path):
    (old, *_) = fill(tmp_path)
    new = TrialResult(trial=old.trial, status="failed", reason="why")
    with StoreWriter(tmp_path) as store:
        store.add(store.begin_run("now", {}, STUDIES, []), [new])
        stored = {r.trial.key: r for r in store.results()}
        assert len(stored) == 4
        assert stored[old.trial.key] == new
        assert store.rows("SELECT count(*) FROM curves") == [(3 * 3,)]


def test_one_bad_result_keeps_the_whole_stack_out(tmp_path):
    good, bad = (fake_result(t) for t in list(tiny_plan().trials.values())[:2])
    bad = dataclasses.replace(bad, outcomes=(Outcome("no_such_quantity", 1.0),))
    with StoreWriter(tmp_path) as store:
        run = store.begin_run("now", {}, STUDIES, [])
        with pytest.raises(UnknownNameError):
            store.add(run, [good, bad])
        doubled = dataclasses.replace(bad, outcomes=good.outcomes[:1] * 2)
        with pytest.raises(StoreError, match="UNIQUE"):
            store.add(run, [good, doubled])
        assert store.statuses() == {}
        store.add(run, [good])
        assert len(store.statuses()) == 1


# --- files that are not ours -------------------------------------------------------------------


def opened(path: Path, kind: type[StoreReader]) -> None:
    kind(path).close()


@pytest.mark.parametrize("kind", [StoreReader, StoreWriter])
@pytest.mark.parametrize(
    "content", [b"not a database, but long enough" * 99, b"SQLite format 3\x00"]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, kind, content):
    file = tmp_path / STORE_NAME
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a database|malformed|not a batchnorm-bench"):
        opened(tmp_path, kind)
    assert file.read_bytes() == content


@pytest.mark.parametrize("kind", [StoreReader, StoreWriter])
def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path, kind):
    file = tmp_path / STORE_NAME
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE theirs (x)")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="not a batchnorm-bench store"):
        opened(tmp_path, kind)
    assert file.read_bytes() == before


@pytest.mark.parametrize("kind", [StoreReader, StoreWriter])
def test_a_newer_schema_asks_for_an_update(tmp_path, kind):
    fill(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / STORE_NAME)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="update batchnorm-bench"):
        opened(tmp_path, kind)


def test_there_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="no store at"):
        StoreReader(tmp_path)
    (tmp_path / STORE_NAME).touch()  # a run was stopped before it had made its tables
    with pytest.raises(StoreError, match="no store at"):
        StoreReader(tmp_path)
    opened(tmp_path, StoreWriter)
    opened(tmp_path, StoreReader)


def next_schema(patch: pytest.MonkeyPatch, statements: str) -> None:
    patch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    patch.setattr(schema, "READABLE_FROM", SCHEMA_VERSION + 1)
    patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, (statements, None)))


def test_a_schema_too_old_to_be_read_is_upgraded_by_the_writer(tmp_path, monkeypatch):
    stored = fill(tmp_path)
    next_schema(monkeypatch, "CREATE TABLE notes (note TEXT NOT NULL);")
    with pytest.raises(StoreError, match="older schema"):
        StoreReader(tmp_path)
    with StoreWriter(tmp_path) as store:
        assert store.rows("SELECT * FROM notes") == []
        assert list(store.results()) == stored
    opened(tmp_path, StoreReader)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    stored = fill(tmp_path)
    before = (tmp_path / STORE_NAME).read_bytes()
    with monkeypatch.context() as patch:
        next_schema(patch, "CREATE TABLE notes (note TEXT); SELECT nonsense FROM nowhere;")
        with pytest.raises(StoreError, match="nowhere"):
            StoreWriter(tmp_path)
    assert (tmp_path / STORE_NAME).read_bytes() == before
    with StoreWriter(tmp_path) as store:
        assert list(store.results()) == stored


# --- one writer, any number of readers ---------------------------------------------------------


def test_a_second_writer_is_told_who_holds_the_store(tmp_path):
    with StoreWriter(tmp_path):
        with pytest.raises(StoreLockedError, match=f"in use by process {os.getpid()} on"):
            StoreWriter(tmp_path)
        opened(tmp_path, StoreReader)
    opened(tmp_path, StoreWriter)


def test_the_lock_goes_with_a_process_that_dies(tmp_path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys, time; from suite.store import StoreWriter\n"
            "StoreWriter(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StoreLockedError, match=f"process {holder.pid} on"):
        StoreWriter(tmp_path)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    opened(tmp_path, StoreWriter)


HALF_WRITTEN = """
import os, pathlib, sys
from suite.store import StoreWriter
store = StoreWriter(pathlib.Path(sys.argv[1]))
store._db.execute("PRAGMA cache_size = 1")
store._db.execute("BEGIN IMMEDIATE")
store._db.execute("DELETE FROM curves")
store._db.execute("UPDATE trials SET status = 'failed', reason = ?", ("x" * 100_000,))
os._exit(9)
"""


def half_written(path: Path) -> None:
    """Die in the middle of a transaction whose pages are partly on the disk already."""
    died = subprocess.run([sys.executable, "-c", HALF_WRITTEN, str(path)], check=False)
    assert died.returncode == 9
    assert (path / f"{STORE_NAME}-journal").stat().st_size > 0


@pytest.mark.parametrize("kind", [StoreReader, StoreWriter])
def test_a_half_written_transaction_leaves_no_trace(tmp_path, kind):
    stored = fill(tmp_path)
    half_written(tmp_path)
    with kind(tmp_path) as store:
        assert list(store.results()) == stored
        assert store.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def impatient(monkeypatch):
    """Nobody waits; what is in the way is in the way."""
    monkeypatch.setattr(reader, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(writer, "WAIT_SECONDS", -1.0)
    monkeypatch.setattr(writer, "TRY_SECONDS", 0.0)


@contextlib.contextmanager
def holding(path: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    """Be another program that has the store open."""
    with contextlib.closing(sqlite3.connect(path / STORE_NAME, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement).fetchall()
        yield db


READING = ("BEGIN", "SELECT * FROM trials")


@pytest.mark.usefixtures("impatient")
def test_a_reader_that_takes_its_time_is_in_no_commit_s_way_and_sees_one_state(tmp_path):
    stored = fill(tmp_path)
    with StoreReader(tmp_path) as slow, StoreWriter(tmp_path) as store:
        for statement in READING:
            slow.rows(statement)
        run = store.begin_run("now", {}, STUDIES, [])
        store.add(run, [fake_result(t) for t in list(tiny_plan().trials.values())[4:6]])
        assert len(slow.statuses()) == len(list(slow.results())) == len(stored)
        slow.verify()
    with StoreReader(tmp_path) as store:
        assert len(store.statuses()) == len(stored) + 2


@pytest.mark.usefixtures("impatient")
def test_a_writer_waits_for_a_reader_of_the_file_itself(tmp_path, monkeypatch):
    fill(tmp_path)
    tries = []
    with StoreWriter(tmp_path) as store, holding(tmp_path, *READING) as other:

        def busy(error: sqlite3.Error) -> bool:
            tries.append(error)
            if len(tries) == 3:
                other.close()
            return is_busy(error)

        monkeypatch.setattr(writer, "is_busy", busy)
        monkeypatch.setattr(writer, "WAIT_SECONDS", 600.0)
        store.begin_run("now", {}, STUDIES, [])
    assert len(tries) == 3
    with StoreReader(tmp_path) as store:
        assert len(store.runs()) == 2


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_waited_in_vain_says_so_and_stores_nothing(tmp_path):
    fill(tmp_path)
    with StoreWriter(tmp_path) as store:
        with (
            holding(tmp_path, *READING),
            pytest.raises(StoreError, match=r"store\.sqlite: database is locked"),
        ):
            store.begin_run("now", {}, STUDIES, [])
        assert len(store.runs()) == 1
        store.begin_run("now", {}, STUDIES, [])
    with StoreReader(tmp_path) as store:
        assert len(store.runs()) == 2
        store.verify()


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_being_written_is_refused_in_one_line_or_read(tmp_path):
    stored = fill(tmp_path)
    with holding(tmp_path, "BEGIN IMMEDIATE", "DELETE FROM curves"), StoreReader(tmp_path) as store:
        assert list(store.results()) == stored
    with (
        holding(tmp_path, "BEGIN EXCLUSIVE"),
        pytest.raises(StoreError, match=r"^store [^\n]*store\.sqlite: database is locked$"),
    ):
        StoreReader(tmp_path)
    opened(tmp_path, StoreReader)


# --- disks that refuse -------------------------------------------------------------------------


def test_a_folder_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="can't write to"):
        StoreWriter(tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="can't write to"):
        StoreWriter(tmp_path / "out")
    tmp_path.chmod(0o700)


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_one_clear_line_and_loses_nothing(small_disk):
    plan = list(tiny_plan(seeds=500).trials.values())
    kept = 0
    with StoreWriter(small_disk) as store:
        run = store.begin_run("now", {}, STUDIES, [])
        with pytest.raises(StoreError, match="the disk is full") as caught:  # noqa: PT012
            for trial in plan:
                store.add(run, [fake_result(trial)])
                kept += 1
    assert "\n" not in str(caught.value)
    assert kept > 10
    with StoreReader(small_disk) as store:
        assert len(store.statuses()) == kept
        assert store.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_disk_that_is_full_from_the_start(small_disk):
    with contextlib.suppress(OSError):
        (small_disk / "filler").write_bytes(bytes(1 << 20))
    with pytest.raises(StoreError, match=r"disk is full|No space left"):
        StoreWriter(small_disk / "out")
