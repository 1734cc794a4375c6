"""Writing a store."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final

from suite.errors import StoreError
from suite.quantities import quantity
from suite.records import Trial, TrialResult, canonical_json
from suite.store.checksums import keep_table, keep_trials
from suite.store.failures import is_busy, refused, unwritable
from suite.store.lock import take_lock
from suite.store.reader import StoreReader
from suite.store.schema import STORE_NAME, create_or_upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from suite.cost_records import CostResult, CostTask

# The lock file keeps other writers out, so whoever is in the way reads and goes away by itself. To
# give up sooner would throw away a trained stack.
WAIT_SECONDS: Final = 600.0
TRY_SECONDS: Final = 1.0


class StoreWriter(StoreReader):
    """The one writer of a store; makes the file where there is none and upgrades older schemas.

    What is there already is verified first: nothing is added to a damaged store.

    Raises
    ------
    StoreLockedError
        Another process writes to this store; the message says which.
    StoreError
        The folder or file can't be written, is not a store of ours, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        file = path / STORE_NAME if path.suffix != ".sqlite" else path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(file.parent, error) from error
        for beside in ("", "-journal", "-wal", "-shm"):
            if (link := file.with_name(file.name + beside)).is_symlink():
                raise StoreError(
                    f"{link} is a symbolic link; give the folder that it leads to as --out, "
                    "or remove it"
                )
        self._lock = take_lock(file)
        try:
            create_or_upgrade(file)
            super().__init__(file)
            try:
                self.verify()
            finally:
                self._db.close()
            with refused(file):
                self._db = sqlite3.connect(file, timeout=TRY_SECONDS, isolation_level=None)
                self._db.execute("PRAGMA journal_mode = DELETE")
                self._db.execute("PRAGMA synchronous = EXTRA")
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
        with refused(self.path):
            self._patiently("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._patiently("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _patiently(self, statement: str) -> None:
        """Wait for readers, who hold the file for a moment each, however busy the machine is.

        In many short tries: a signal is heard only between them.
        """
        give_up = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                self._db.execute(statement)
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > give_up:
                    raise
            else:
                return

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
            keep_table(db, "runs", "studies", "planned")
        assert run is not None
        return run

    def finish_run(self, run: int, finished: str) -> None:
        """Record that a run came to its end."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET finished = ? WHERE id = ?", (finished, run))
            keep_table(db, "runs")

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
            keep_trials(db, [result.trial.key for result in results])

    def plan_costs(self, tasks: Iterable[CostTask]) -> None:
        """Replace the plan of costs by this run's."""
        with self._transaction() as db:
            db.execute("DELETE FROM planned_costs")
            db.executemany(
                "INSERT INTO planned_costs VALUES (?, ?)",
                [(task.key, canonical_json(dataclasses.asdict(task))) for task in tasks],
            )
            keep_table(db, "planned_costs")

    def add_costs(self, run: int, results: Sequence[CostResult]) -> None:
        """Store the costs of one replicate in one transaction; a stored cost is replaced."""
        for name in {o.quantity for result in results for o in result.outcomes}:
            quantity(name)
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?)",
                [(r.task.key, r.status, r.to_json(), run) for r in results],
            )
            keep_table(db, "costs")

    def keep_stack_size(self, shape: str, size: int, timings: dict[int, float]) -> None:
        """Remember the stack size chosen for a shape and the timings behind the choice."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO stack_sizes VALUES (?, ?, ?)",
                (shape, size, canonical_json({str(k): v for k, v in timings.items()})),
            )
            keep_table(db, "stack_sizes")


def _trial_json(trial: Trial) -> str:
    return canonical_json(trial.plain())
