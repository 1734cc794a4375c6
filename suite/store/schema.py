"""The store's tables, how old ones become new ones, and which files are ours at all."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from suite.errors import StoreError, StoreTooNewError, StoreTooOldError
from suite.store.checksums import add_checksums
from suite.store.failures import damaged, refused

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID: Final = 0x42_4E_42_31  # "BNB1": tells our file from any other SQLite database
SCHEMA_VERSION: Final = 2
STORE_NAME: Final = "store.sqlite"
READABLE_FROM: Final = 1  # a store of this schema can be reported as it is
CHECKSUMS_SINCE: Final = 2

_SCHEMA_1: Final = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  started TEXT NOT NULL,
  finished TEXT,
  info TEXT NOT NULL            -- JSON: command, grid, environment, dataset asked for and used …
);
CREATE TABLE studies (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  why TEXT NOT NULL
);
CREATE TABLE planned (          -- what the newest run's grid asks for, done or not
  study TEXT NOT NULL REFERENCES studies(name),
  key TEXT NOT NULL,
  trial TEXT NOT NULL,          -- JSON of the Trial
  PRIMARY KEY (study, key)
) WITHOUT ROWID;
CREATE TABLE trials (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  trial TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  diverged_step INTEGER,
  stack_size INTEGER NOT NULL,
  seconds REAL NOT NULL,
  run INTEGER NOT NULL REFERENCES runs(id)
);
CREATE TABLE outcomes (
  trial INTEGER NOT NULL REFERENCES trials(id) ON DELETE CASCADE,
  quantity TEXT NOT NULL,
  facet TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (trial, quantity, facet)
) WITHOUT ROWID;
CREATE TABLE curves (
  trial INTEGER NOT NULL REFERENCES trials(id) ON DELETE CASCADE,
  quantity TEXT NOT NULL,
  facet TEXT NOT NULL,
  step INTEGER NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (trial, quantity, facet, step)
) WITHOUT ROWID;
CREATE TABLE planned_costs (    -- what the newest run measures, done or not
  key TEXT PRIMARY KEY,
  task TEXT NOT NULL            -- JSON of the CostTask
) WITHOUT ROWID;
CREATE TABLE costs (
  key TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  cost TEXT NOT NULL,           -- JSON of the CostResult, raw times included
  run INTEGER NOT NULL REFERENCES runs(id)
) WITHOUT ROWID;
CREATE TABLE stack_sizes (      -- chosen once by timing; kept so that a resumed run repeats it
  shape TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  timings TEXT NOT NULL         -- JSON: size -> seconds per seed-step
) WITHOUT ROWID;
"""

# Stores of the first weeks had no tables of costs.
_SCHEMA_2: Final = """
CREATE TABLE IF NOT EXISTS planned_costs (key TEXT PRIMARY KEY, task TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS costs (
  key TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  cost TEXT NOT NULL,
  run INTEGER NOT NULL REFERENCES runs(id)
) WITHOUT ROWID;
CREATE TABLE checksums (        -- of each trial with its outcomes and curves, of all other tables
  part TEXT PRIMARY KEY,        -- trial/<key>, or the name of a table
  digest TEXT NOT NULL
) WITHOUT ROWID;
"""

Step: TypeAlias = tuple[str, Callable[[sqlite3.Connection], None] | None]
# Step k takes a store from schema k to k + 1: statements, then what needs more than SQL.
MIGRATIONS: Final[tuple[Step, ...]] = ((_SCHEMA_1, None), (_SCHEMA_2, add_checksums))


def create_or_upgrade(file: Path) -> None:
    """Bring a store to the newest schema, each step whole or not at all; make it where it is new.

    Raises
    ------
    StoreError
        The file is not ours, of a newer schema, damaged, or can't be written.
    """
    with refused(file), contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        # Undoes what a killed writer left; a file of no pages was never a store.
        new = db.execute("PRAGMA page_count").fetchone()[0] == 0
        if not new:
            check_identity(db, file)
        have = db.execute("PRAGMA user_version").fetchone()[0]
        if not new and have < SCHEMA_VERSION:
            check_pages(db, file)
        for version in range(have, SCHEMA_VERSION):
            statements, more = MIGRATIONS[version]
            db.executescript(f"BEGIN EXCLUSIVE; {statements}")
            if more is not None:
                more(db)
            # One by one: executescript would commit first, and a crash between leave half a step.
            for statement in (
                f"PRAGMA application_id = {APPLICATION_ID}",
                f"PRAGMA user_version = {version + 1}",
                "COMMIT",
            ):
                db.execute(statement)


def check_identity(db: sqlite3.Connection, file: Path) -> None:
    """Refuse a database that is not ours, or of a schema that this version can't read."""
    with refused(file):
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    if application != APPLICATION_ID:
        raise StoreError(f"{file} is not a batchnorm-bench store; choose another --out")
    if version > SCHEMA_VERSION:
        raise StoreTooNewError(
            f"{file} has schema {version} but this version knows {SCHEMA_VERSION}: "
            "update batchnorm-bench"
        )
    if not {"runs", "trials"} <= tables:
        raise damaged(file, "its tables are gone")


def check_readable(db: sqlite3.Connection, file: Path) -> None:
    """Refuse a schema that only the writer, which upgrades it, can take."""
    with refused(file):
        version = db.execute("PRAGMA user_version").fetchone()[0]
        costs = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'planned_costs'").fetchone()
    if version < READABLE_FROM or not costs:
        raise StoreTooOldError(
            f"{file} has the older schema {version}; run its grid once more to upgrade it"
        )


def check_pages(db: sqlite3.Connection, file: Path) -> None:
    """Refuse a file whose pages don't fit together."""
    with refused(file):
        found = db.execute("PRAGMA integrity_check(1)").fetchall()
    if found != [("ok",)]:
        raise damaged(file, str(found[0][0]) if found else "unreadable")
