"""Checksums of what a store holds, so that a changed digit is noticed.

A trial's covers its row, its outcomes and its curves; every other table has one for the whole. They
are written in the same transaction as what they cover.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

# Table → its columns in a fixed order, the primary key first.
_TABLES: Final = {
    "runs": "id, started, finished, info",
    "studies": "name, position, why",
    "planned": "study, key, trial",
    "planned_costs": "key, task",
    "costs": "key, status, cost, run",
    "stack_sizes": "shape, size, timings",
}


def keep_trials(db: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Store the checksum of each of these trials as it stands in the store now."""
    for key in keys:
        _keep(db, f"trial/{key}", _trial_digest(db, key))


def keep_table(db: sqlite3.Connection, *tables: str) -> None:
    """Store the checksums of whole tables as they stand now."""
    for table in tables:
        _keep(db, table, _table_digest(db, table))


def add_checksums(db: sqlite3.Connection) -> None:
    """Give a store that has none its checksums."""
    keep_table(db, *_TABLES)
    keep_trials(db, [key for (key,) in db.execute("SELECT key FROM trials").fetchall()])


def changed_parts(db: sqlite3.Connection) -> Iterator[str]:
    """Find the parts that are not what was stored, in words: ``table costs``, ``trial 3f5a…``."""
    kept: dict[str, str] = dict(db.execute("SELECT part, digest FROM checksums").fetchall())
    for table in _TABLES:
        if kept.pop(table, None) != _table_digest(db, table):
            yield f"table {table}"
    for (key,) in db.execute("SELECT key FROM trials").fetchall():
        if kept.pop(f"trial/{key}", None) != _trial_digest(db, key):
            yield f"trial {key}"
    for part in kept:
        yield f"{part.replace('/', ' ')} is gone"


def _keep(db: sqlite3.Connection, part: str, digest: str) -> None:
    db.execute("INSERT OR REPLACE INTO checksums VALUES (?, ?)", (part, digest))


def _table_digest(db: sqlite3.Connection, table: str) -> str:
    columns = _TABLES[table]
    digest = hashlib.sha256()
    for row in db.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}"):  # noqa: S608  ours
        digest.update(repr(row).encode(errors="surrogatepass"))
    return digest.hexdigest()


def _trial_digest(db: sqlite3.Connection, key: str) -> str:
    row = db.execute(
        "SELECT id, key, trial, status, reason, diverged_step, stack_size, seconds, run "
        "FROM trials WHERE key = ?",
        (key,),
    ).fetchone()
    digest = hashlib.sha256(repr(row).encode(errors="surrogatepass"))
    for table, columns in (
        ("outcomes", "quantity, facet, 0, value"),
        ("curves", "quantity, facet, step, value"),
    ):
        rows = db.execute(
            f"SELECT {columns} FROM {table} WHERE trial = ? ORDER BY 1, 2, 3",  # noqa: S608  ours
            (row[0],),
        ).fetchall()
        if rows:  # arrays: a store may hold millions of points
            names, facets, steps, values = zip(*rows, strict=True)
            digest.update(repr((table, len(rows), names, facets)).encode(errors="surrogatepass"))
            digest.update(_little_endian(array("q", steps)))
            digest.update(_little_endian(array("d", values)))
    return digest.hexdigest()


def _little_endian(numbers: array[int] | array[float]) -> bytes:
    """Give the same bytes on every machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
