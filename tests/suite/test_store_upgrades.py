"""Stores that older versions wrote, kept as SQL: nothing of them is lost."""

import contextlib
import dataclasses
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from suite.errors import StoreError
from suite.store import SCHEMA_VERSION, STORE_NAME, StoreReader, StoreWriter, schema
from tests.store_upgrades.make_store import TRIALS, dump, results, write

FOLDER = Path(__file__).parents[1] / "store_upgrades"
ROOT = FOLDER.parents[1]
OLD = sorted(FOLDER.glob("schema-*.sql"))


def restore(script: Path, out: Path) -> Path:
    with contextlib.closing(sqlite3.connect(out / STORE_NAME)) as db:
        db.executescript(script.read_text("utf-8"))
    return out


@pytest.mark.parametrize("script", OLD, ids=lambda path: path.stem)
def test_an_old_store_is_upgraded_whole(tmp_path, script):
    restore(script, tmp_path)
    with StoreWriter(tmp_path) as store:
        assert store.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
        # In any order: it is by keys, and the older code took 1 and 1.0 epochs for two things.
        assert {repr(result) for result in store.results()} == {repr(r) for r in results()}
        assert {t.key for _, _, t in store.planned()} == {t.key for t in TRIALS}
        assert store.stack_sizes() == {"4 × shape": 2}
        assert store.runs()[0]["finished"] == "2025-01-01T00:01:00+00:00"
        assert len(store.costs()) == ("no-costs" not in script.stem)
        assert len(store.planned_costs()) == (script.stem == "schema-1")
        store.verify()
        store.add(1, [dataclasses.replace(results()[0], trial=TRIALS[3])])
    with StoreReader(tmp_path) as store:
        store.verify()
        assert len(store.statuses()) == 4


@pytest.mark.parametrize("script", OLD, ids=lambda path: path.stem)
def test_a_killed_upgrade_is_done_by_the_next(tmp_path, script):
    restore(script, tmp_path)
    died = subprocess.run(
        [sys.executable, "-c", DIES_IN_UPGRADE, str(tmp_path)], cwd=ROOT, check=False
    )
    assert died.returncode == 9
    with contextlib.closing(sqlite3.connect(tmp_path / STORE_NAME)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'checksums'").fetchall()
    with StoreWriter(tmp_path) as store:
        store.verify()
        assert len(list(store.results())) == 3


DIES_IN_UPGRADE = """
import os, pathlib, sys
from suite.store import StoreWriter, schema
def die(db):
    schema.add_checksums(db)
    os._exit(9)
schema.MIGRATIONS = (schema.MIGRATIONS[0], (schema.MIGRATIONS[1][0], die))
StoreWriter(pathlib.Path(sys.argv[1]))
"""


def test_the_newest_old_store_can_be_read_as_it_is(tmp_path):
    restore(FOLDER / "schema-1.sql", tmp_path)
    before = (tmp_path / STORE_NAME).read_bytes()
    with StoreReader(tmp_path) as store:
        store.verify()
        assert len(list(store.results())) == 3
    assert (tmp_path / STORE_NAME).read_bytes() == before


@pytest.mark.parametrize("script", OLD[:2], ids=lambda path: path.stem)
def test_one_that_can_not_be_read_says_what_to_do(tmp_path, script):
    restore(script, tmp_path)
    with pytest.raises(StoreError, match="older schema 1; run its grid once more"):
        StoreReader(tmp_path)


def test_an_upgraded_store_has_the_tables_of_a_new_one(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    restore(FOLDER / "schema-1-no-costs.sql", old)
    for out in (old, new):
        StoreWriter(out).close()
    found = []
    for out in (old, new):
        with StoreReader(out) as store:
            tables = store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
            found.append({name: store.rows(f"PRAGMA table_info({name})") for (name,) in tables})
    assert found[0] == found[1]


def test_a_dump_of_every_schema_is_kept():
    versions = {script.stem.split("-")[1] for script in OLD}
    assert versions == {str(version) for version in range(1, SCHEMA_VERSION)}
    assert len(schema.MIGRATIONS) == SCHEMA_VERSION


def test_the_maker_of_dumps_makes_what_it_says(tmp_path):
    write(tmp_path)
    with StoreReader(tmp_path) as store:
        assert list(store.results()) == sorted(results(), key=lambda r: r.trial.key)
    assert f"PRAGMA user_version = {SCHEMA_VERSION};" in dump(tmp_path / STORE_NAME)
