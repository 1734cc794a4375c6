"""What goes wrong with a store, each as one clear line that names the file."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from typing import TYPE_CHECKING, Final

from suite.errors import StoreDamagedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LONGEST: Final = 200  # characters of an error that is quoted
_PRIMARY: Final = 0xFF  # the rest of an error code says more about the same kind of error


@contextlib.contextmanager
def refused(file: Path) -> Iterator[None]:
    """Turn SQLite's errors into one clear line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_FULL:
            raise StoreError(disk_full(file.parent)) from error
        if code == sqlite3.SQLITE_READONLY:
            raise StoreError(f"can't write to {file}: {_in_a_line(str(error))}") from error
        if code in _DAMAGE:
            raise damaged(file, str(error)) from error
        raise StoreError(f"store {file}: {_in_a_line(str(error))}") from error


def _in_a_line(text: str) -> str:
    """Quote what may hold anything, as SQLite's errors name what it could not read."""
    words = " ".join(text.split())
    clear = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
    return clear if len(clear) <= _LONGEST else f"{clear[: _LONGEST - 1]}…"


def is_busy(error: sqlite3.Error) -> bool:
    """Say whether another connection holds the file, and nothing else is wrong."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_BUSY


def damaged(file: Path, what: str) -> StoreDamagedError:
    """Name a store whose content can't be trusted."""
    return StoreDamagedError(
        f"store {file} is damaged ({_in_a_line(what)}) and was left as it is: put back a copy of "
        "it, or choose another --out"
    )


def disk_full(folder: Path) -> str:
    """Say that a folder can't grow."""
    return (
        f"the disk is full: {folder} can't grow; free some space and give the same command again, "
        "every finished trial is stored"
    )


def unwritable(folder: Path, error: OSError) -> StoreError:
    """Name a folder that can't be written."""
    if error.errno == errno.ENOSPC:
        return StoreError(disk_full(folder))
    return StoreError(f"can't write to {folder}: {error.strerror}")
