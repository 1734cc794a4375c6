"""Keeps the report of a long run fresh, by a process of low priority beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FIRST_SECONDS: Final = 60.0
GROWTH: Final = 2.0  # so that the cost of all refreshes is that of a few


class ReportRefresher:
    """Builds the report again now and then while a run goes on.

    Parameters
    ----------
    out
        The folder of the run.
    command
        What to start; default: ``python -m analysis.report`` on that folder.
    clock
        For tests.
    """

    def __init__(
        self,
        out: Path,
        *,
        command: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Of a core that a worker keeps busy it gets a tenth: of the last level's 1.5 % it would not
        # end before the run does.
        low = ["nice", "-n", "10"] if shutil.which("nice") else []
        self._command = list(command) or [
            *low,
            *(sys.executable, "-m", "analysis.report", str(out)),
        ]
        self._clock = clock
        self._started = clock()
        self._due = FIRST_SECONDS
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End a refresh that is under way; the report that it would have replaced stays whole."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def tick(self) -> None:
        """Start a refresh when it is due and the one before has ended."""
        passed = self._clock() - self._started
        if passed < self._due or (self._process is not None and self._process.poll() is None):
            return
        self._due = GROWTH * passed
        self._process = subprocess.Popen(  # noqa: S603  our own program, no shell
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            # Ctrl-C in the terminal is for the run alone. Not a session of its own: Linux shares
            # the processor out among sessions first, where a low priority counts for nothing.
            process_group=0,
        )
