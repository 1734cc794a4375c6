"""Output whose reader has gone away: nobody hears it, and nothing else need change."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO


def fall_silent(stream: IO[str]) -> None:
    """Let a stream lead nowhere, with what is still in its buffer."""
    with contextlib.suppress(OSError):  # no file is behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def flush_output() -> None:
    """Write what is left; Python's own last flush would make another exit code of a failure."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            fall_silent(stream)
