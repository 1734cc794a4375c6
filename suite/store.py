"""The store: one SQLite file a run, one writer, any number of readers.

Durability: journal DELETE with synchronous FULL and one transaction for each stack of trials, so a
trial that was acknowledged survives ``kill -9``, and one that was not leaves no trace. The writer
holds an advisory lock on ``<store>.lock`` for as long as it lives; the operating system frees it
when the process dies.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import socket
import sqlite3
from typing import TYPE_CHECKING, Any, Final, Self

from suite.cost_records import (
    CostResult,
    CostTask,
    cost_result_from_json,
    cost_task_from_json,
)
from suite.errors import StoreError, StoreLockedError
from suite.quantities import quantity
from suite.records import (
    Budget,
    Condition,
    Curve,
    Outcome,
    Protocol,
    Trial,
    TrialResult,
    canonical_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

APPLICATION_ID: Final = 0x42_4E_42_31  # "BNB1": tells our file from any other SQLite database
SCHEMA_VERSION: Final = 1
STORE_NAME: Final = "store.sqlite"

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

# Step k takes a store from schema k to k + 1.
_MIGRATIONS: Final[tuple[str, ...]] = (_SCHEMA_1,)


class StoreReader:
    """Read access to a store; changes nothing, works while a run goes on.

    (A transaction that a killed writer left half done is undone by whoever opens the store next.)

    Parameters
    ----------
    path
        The SQLite file, or the folder that holds ``store.sqlite``.

    Raises
    ------
    StoreError
        The file is missing, not SQLite, not ours, or of another schema.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / STORE_NAME if path.is_dir() else path
        if not self.path.is_file():
            raise StoreError(f"no store at {self.path}; run a grid first")
        with _refused(self.path):
            self._db = sqlite3.connect(f"file:{_quoted(self.path)}?mode=rw", uri=True, timeout=30)
        try:
            self._db.execute("PRAGMA query_only = ON")
            _check_identity(self._db, self.path)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return all rows."""
        with _refused(self.path):
            return self._db.execute(sql, parameters).fetchall()

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first: ``id``, ``started``, ``finished`` and the keys of ``info``."""
        found = self.rows("SELECT id, started, finished, info FROM runs ORDER BY id")
        return [
            {"id": i, "started": started, "finished": finished, **json.loads(info)}
            for i, started, finished, info in found
        ]

    def studies(self) -> list[tuple[str, str]]:
        """Name and reason of each study, in the grid's order."""
        return [(n, w) for n, w in self.rows("SELECT name, why FROM studies ORDER BY position")]

    def planned(self) -> list[tuple[str, str, Trial]]:
        """Study, key and trial of everything that the newest grid asks for."""
        found = self.rows("SELECT study, key, trial FROM planned ORDER BY study, key")
        return [(study, key, trial_from_json(text)) for study, key, text in found]

    def statuses(self) -> dict[str, str]:
        """Key → status of every stored trial."""
        return dict(self.rows("SELECT key, status FROM trials"))

    def trained_by(self) -> dict[str, int]:
        """Key → id of the run that stored it."""
        return dict(self.rows("SELECT key, run FROM trials"))

    def seconds(self) -> dict[str, float]:
        """Key → training seconds, of the trials that went to their end."""
        return dict(self.rows("SELECT key, seconds FROM trials WHERE status = 'ok'"))

    def stack_sizes(self) -> dict[str, int]:
        """Shape → stack size that earlier runs chose."""
        return dict(self.rows("SELECT shape, size FROM stack_sizes"))

    def planned_costs(self) -> list[CostTask]:
        """Every cost that the newest grid asks for, by key."""
        return [
            cost_task_from_json(text)
            for (text,) in self.rows("SELECT task FROM planned_costs ORDER BY key")
        ]

    def cost_statuses(self) -> dict[str, str]:
        """Key → status of every stored cost."""
        return dict(self.rows("SELECT key, status FROM costs"))

    def measured_by(self) -> dict[str, int]:
        """Key → id of the run that stored the cost."""
        return dict(self.rows("SELECT key, run FROM costs"))

    def costs(self) -> list[CostResult]:
        """All measured costs with their raw times, by key."""
        return [
            cost_result_from_json(text)
            for (text,) in self.rows("SELECT cost FROM costs ORDER BY key")
        ]

    def results(self) -> Iterator[TrialResult]:
        """Iterate over stored results with outcomes and curves, by key; for tests and exports."""
        for i, text, status, reason, diverged, size, seconds in self.rows(
            "SELECT id, trial, status, reason, diverged_step, stack_size, seconds "
            "FROM trials ORDER BY key"
        ):
            outcomes = self.rows(
                "SELECT quantity, value, facet FROM outcomes WHERE trial = ? "
                "ORDER BY quantity, facet",
                (i,),
            )
            points: dict[tuple[str, str], list[tuple[int, float]]] = {}
            for name, facet, step, value in self.rows(
                "SELECT quantity, facet, step, value FROM curves WHERE trial = ? "
                "ORDER BY quantity, facet, step",
                (i,),
            ):
                points.setdefault((name, facet), []).append((step, value))
            yield TrialResult(
                trial=trial_from_json(text),
                status=status,
                reason=reason,
                diverged_step=diverged,
                stack_size=size,
                seconds=seconds,
                outcomes=tuple(Outcome(*row) for row in outcomes),
                curves=tuple(
                    Curve(name, tuple(s for s, _ in ps), tuple(v for _, v in ps), facet)
                    for (name, facet), ps in points.items()
                ),
            )


class StoreWriter(StoreReader):
    """The one writer of a store; makes the file where there is none and upgrades older schemas.

    Raises
    ------
    StoreLockedError
        Another process writes to this store; the message says which.
    StoreError
        The folder or file can't be written, or is not a store of ours.
    """

    def __init__(self, path: Path) -> None:
        file = path / STORE_NAME if path.suffix != ".sqlite" else path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(file.parent, error) from error
        self._lock = _take_lock(file)
        try:
            _create_or_upgrade(file)
            super().__init__(file)
            self._db.close()
            with _refused(file):
                self._db = sqlite3.connect(file, timeout=30, isolation_level=None)
                self._db.execute("PRAGMA journal_mode = DELETE")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Close the connection and let the next writer in."""
        super().close()
        os.close(self._lock)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _refused(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def begin_run(
        self,
        started: str,
        info: dict[str, Any],
        studies: Sequence[tuple[str, str]],
        planned: Iterable[tuple[str, Trial]],
    ) -> int:
        """Record a run and replace the plan by this run's.

        Parameters
        ----------
        started
            ISO 8601 time in UTC.
        info
            Plain JSON: command, grid, environment, dataset asked for and used.
        studies
            Name and reason, in the grid's order.
        planned
            Study name and trial, for every trial that the grid asks for.

        Returns
        -------
        int
            The run's id.
        """
        with self._transaction() as db:
            run = db.execute(
                "INSERT INTO runs (started, info) VALUES (?, ?)", (started, canonical_json(info))
            ).lastrowid
            db.execute("DELETE FROM planned")
            db.execute("DELETE FROM studies")
            db.executemany(
                "INSERT INTO studies VALUES (?, ?, ?)",
                [(name, position, why) for position, (name, why) in enumerate(studies)],
            )
            db.executemany(
                "INSERT INTO planned VALUES (?, ?, ?)",
                [(study, trial.key, _trial_json(trial)) for study, trial in planned],
            )
        assert run is not None
        return run

    def finish_run(self, run: int, finished: str) -> None:
        """Record that a run came to its end."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET finished = ? WHERE id = ?", (finished, run))

    def add(self, run: int, results: Sequence[TrialResult]) -> None:
        """Store the results of one stack in one transaction; a stored trial is replaced whole."""
        for result in results:
            for name in [o.quantity for o in result.outcomes] + [c.quantity for c in result.curves]:
                quantity(name)
        with self._transaction() as db:
            for result in results:
                key = result.trial.key
                db.execute("DELETE FROM trials WHERE key = ?", (key,))
                trial = db.execute(
                    "INSERT INTO trials (key, trial, status, reason, diverged_step, stack_size, "
                    "seconds, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        key,
                        _trial_json(result.trial),
                        result.status,
                        result.reason,
                        result.diverged_step,
                        result.stack_size,
                        result.seconds,
                        run,
                    ),
                ).lastrowid
                db.executemany(
                    "INSERT INTO outcomes VALUES (?, ?, ?, ?)",
                    [(trial, o.quantity, o.facet, o.value) for o in result.outcomes],
                )
                db.executemany(
                    "INSERT INTO curves VALUES (?, ?, ?, ?, ?)",
                    [
                        (trial, c.quantity, c.facet, step, value)
                        for c in result.curves
                        for step, value in zip(c.steps, c.values, strict=True)
                    ],
                )

    def plan_costs(self, tasks: Iterable[CostTask]) -> None:
        """Replace the plan of costs by this run's."""
        with self._transaction() as db:
            db.execute("DELETE FROM planned_costs")
            db.executemany(
                "INSERT INTO planned_costs VALUES (?, ?)",
                [(task.key, canonical_json(dataclasses.asdict(task))) for task in tasks],
            )

    def add_costs(self, run: int, results: Sequence[CostResult]) -> None:
        """Store the costs of one replicate in one transaction; a stored cost is replaced."""
        for name in {o.quantity for result in results for o in result.outcomes}:
            quantity(name)
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?)",
                [(r.task.key, r.status, r.to_json(), run) for r in results],
            )

    def keep_stack_size(self, shape: str, size: int, timings: dict[int, float]) -> None:
        """Remember the stack size chosen for a shape and the timings behind the choice."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO stack_sizes VALUES (?, ?, ?)",
                (shape, size, canonical_json({str(k): v for k, v in timings.items()})),
            )


def trial_from_json(text: str) -> Trial:
    """Rebuild a trial from the JSON that the store holds."""
    raw = json.loads(text)
    protocol = raw["protocol"]
    return Trial(
        condition=Condition(**raw["condition"]),
        seed=raw["seed"],
        protocol=Protocol(
            **{
                **protocol,
                "budget": Budget(**protocol["budget"]),
                "probes": tuple(protocol["probes"]),
            }
        ),
        device=raw["device"],
        data_fingerprint=raw["data_fingerprint"],
        code_version=raw["code_version"],
    )


def _trial_json(trial: Trial) -> str:
    return canonical_json(trial.plain())


def _create_or_upgrade(file: Path) -> None:
    with _refused(file), contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables:
            _check_identity(db, file, newest=False)
        have = db.execute("PRAGMA user_version").fetchone()[0]
        for version in range(have, SCHEMA_VERSION):
            db.executescript(
                f"BEGIN EXCLUSIVE; {_MIGRATIONS[version]} "
                f"PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {version + 1}; COMMIT;"
            )


def _check_identity(db: sqlite3.Connection, file: Path, *, newest: bool = True) -> None:
    with _refused(file):
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise StoreError(f"{file} is not a batchnorm-bench store; choose another --out")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{file} has schema {version} but this version knows {SCHEMA_VERSION}: "
            "update batchnorm-bench"
        )
    if newest and version < SCHEMA_VERSION:
        raise StoreError(
            f"{file} has the older schema {version}; run its grid once more to upgrade it"
        )


@contextlib.contextmanager
def _refused(file: Path) -> Iterator[None]:
    """Turn SQLite's errors into one clear line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise StoreError(_disk_full(file.parent)) from error
        raise StoreError(f"store {file}: {error}") from error


def _disk_full(folder: Path) -> str:
    return (
        f"the disk is full: {folder} can't grow; free some space and give the same command again, "
        "every finished trial is stored"
    )


def _unwritable(folder: Path, error: OSError) -> StoreError:
    if error.errno == errno.ENOSPC:
        return StoreError(_disk_full(folder))
    return StoreError(f"can't write to {folder}: {error.strerror}")


def _take_lock(file: Path) -> int:
    lock = file.with_name(file.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _unwritable(file.parent, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        raise StoreLockedError(f"{file} is in use by {holder}; wait for it or stop it") from None
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
    except OSError as error:
        os.close(descriptor)
        raise _unwritable(file.parent, error) from error
    return descriptor


def _quoted(file: Path) -> str:
    return str(file.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
