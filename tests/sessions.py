"""Who still lives in a session: what a run that has ended may not leave behind."""

from __future__ import annotations

import contextlib
import os

import psutil


def session(leader: int) -> list[int]:
    """All living processes of a session."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found
