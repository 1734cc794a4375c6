"""Reading a store."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final, Self

from suite.cost_records import CostResult, CostTask, cost_result_from_json, cost_task_from_json
from suite.errors import StoreError
from suite.records import Budget, Condition, Curve, Outcome, Protocol, Trial, TrialResult
from suite.store.checksums import changed_parts
from suite.store.failures import damaged, refused
from suite.store.schema import (
    CHECKSUMS_SINCE,
    STORE_NAME,
    check_identity,
    check_pages,
    check_readable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WAIT_SECONDS: Final = 30.0  # for a writer that is just committing


class StoreReader:
    """Read access to a store; changes nothing, works while a run goes on.

    It reads a copy in memory, made at once when it is opened: one view of the store, however slowly
    it is read, and no commit of the writer waits for a reader but for the moment of the copy.

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
            raise _absent(self.path)
        self._db = _copy(self.path)
        try:
            check_identity(self._db, self.path)
            check_readable(self._db, self.path)
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

    def verify(self) -> None:
        """Check that the store holds what was stored, to the last digit.

        Raises
        ------
        StoreError
            Pages don't fit together, or a checksum differs; the message names the first such part.
        """
        with refused(self.path), _sound(self.path):
            check_pages(self._db, self.path)
            if self.rows("PRAGMA user_version")[0][0] >= CHECKSUMS_SINCE:
                for part in changed_parts(self._db):
                    raise damaged(self.path, f"{part}: not what was stored")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return all rows."""
        with refused(self.path):
            return self._db.execute(sql, parameters).fetchall()

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first: ``id``, ``started``, ``finished`` and the keys of ``info``."""
        found = self.rows("SELECT id, started, finished, info FROM runs ORDER BY id")
        with _sound(self.path):
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
        with _sound(self.path):
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
        found = self.rows("SELECT task FROM planned_costs ORDER BY key")
        with _sound(self.path):
            return [cost_task_from_json(text) for (text,) in found]

    def cost_statuses(self) -> dict[str, str]:
        """Key → status of every stored cost."""
        return dict(self.rows("SELECT key, status FROM costs"))

    def measured_by(self) -> dict[str, int]:
        """Key → id of the run that stored the cost."""
        return dict(self.rows("SELECT key, run FROM costs"))

    def costs(self) -> list[CostResult]:
        """All measured costs with their raw times, by key."""
        found = self.rows("SELECT cost FROM costs ORDER BY key")
        with _sound(self.path):
            return [cost_result_from_json(text) for (text,) in found]

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


def _absent(file: Path) -> StoreError:
    return StoreError(f"no store at {file}; run a grid first")


def _copy(file: Path) -> sqlite3.Connection:
    """Copy a store into memory, page by page as it is: what is damaged stays damaged."""
    address = f"file:{_quoted(file)}?mode=rw"
    copy = sqlite3.connect(":memory:")
    try:
        with (
            refused(file),
            contextlib.closing(sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS)) as db,
        ):
            db.execute("PRAGMA query_only = ON")
            # Takes the lock or gives up in time; backup() itself would try for ever.
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if db.execute("PRAGMA page_count").fetchone() == (0,):
                raise _absent(file)  # whoever was to fill it was stopped first
            db.backup(copy)
            copy.execute("PRAGMA query_only = ON")
    except BaseException:
        copy.close()
        raise
    return copy


@contextlib.contextmanager
def _sound(file: Path) -> Iterator[None]:
    """Name the store where what it holds can't be understood."""
    try:
        yield
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise damaged(file, f"{type(error).__name__}: {error}") from error


def _quoted(file: Path) -> str:
    return str(file.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


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
