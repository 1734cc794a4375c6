"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from suite.errors import StoreError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, never sees half of it.

    Parameters
    ----------
    path
        Its folder is made where there is none. An existing file is replaced.

    Raises
    ------
    StoreError
        The folder or file can't be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise StoreError(f"can't write {path}: {error.strerror or error}") from error
