"""One writer at a time: an advisory lock beside the store, which says who holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from suite.errors import StoreError, StoreLockedError
from suite.store.failures import unwritable

if TYPE_CHECKING:
    from pathlib import Path


def take_lock(file: Path) -> int:
    """Take the lock of a store for this process; the operating system frees it when that ends.

    Returns
    -------
    int
        The descriptor that holds the lock; closing it frees it.

    Raises
    ------
    StoreLockedError
        Another process holds it: which one, where, and since when.
    StoreError
        The lock file can't be made, or the file system has no locks.
    """
    lock = file.with_name(file.name + ".lock")
    descriptor = open_no_link(lock)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = os.read(descriptor, 300).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        raise StoreLockedError(f"{file} is in use by {who}; wait for it or stop it") from None
    except OSError as error:
        os.close(descriptor)
        raise StoreError(
            f"can't lock {lock}: {error.strerror}; choose an --out on a local disk"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        own = f"process {os.getpid()} on {socket.gethostname()} since {since}"
        os.write(descriptor, own.encode())
    except OSError as error:
        os.close(descriptor)
        raise unwritable(file.parent, error) from error
    return descriptor


def open_no_link(lock: Path) -> int:
    """Open a file for writing, made where it is missing, but never through a symbolic link."""
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(
                f"{lock} is a symbolic link; remove it, or choose another --out"
            ) from None
        raise unwritable(lock.parent, error) from error


def holder(file: Path) -> str | None:
    """Say who holds the lock of a store; None: nobody does."""
    try:
        descriptor = os.open(file.with_name(file.name + ".lock"), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 300).decode(errors="replace").strip() or "another process"
    except OSError:
        return None  # no locks here: a run will say so
    finally:
        os.close(descriptor)
    return None
