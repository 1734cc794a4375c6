"""The clock that measurements read, with the step that it really shows."""

from __future__ import annotations

import time
from functools import cached_property


class PerformanceClock:
    """Python's ``perf_counter``: monotonic, the system's finest."""

    @cached_property
    def tick(self) -> float:
        """Smallest difference of two readings in a row, in seconds, of a thousand that differ."""
        return min(self._step() for _ in range(1000))

    def now(self) -> float:
        """Seconds since some moment."""
        return time.perf_counter()

    @staticmethod
    def _step() -> float:
        start = time.perf_counter()
        while (now := time.perf_counter()) == start:
            pass
        return now - start
