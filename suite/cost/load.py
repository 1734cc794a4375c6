"""How busy other processes keep the machine while something is measured."""

from __future__ import annotations

import os
import time
from typing import Final

import psutil

# Share of all cores that others may keep busy before a figure is flagged.
LOAD_LIMIT: Final = 0.10


class LoadMeter:
    """Measures from its making until it is asked.

    Time that a hypervisor gave to other machines counts as other load. Where the system tells
    nothing of other processes' time, as in some containers, nothing is seen either.
    """

    def __init__(self) -> None:
        self._start = self._readings()

    def other_cores(self) -> float:
        """Give the cores that others kept busy since the start, on average."""
        busy, own, now = (b - a for a, b in zip(self._start, self._readings(), strict=True))
        return max(0.0, (busy - own) / now) if now > 0 else 0.0

    @staticmethod
    def _readings() -> tuple[float, float, float]:
        """Core-seconds that the machine was busy, those of this process, and wall seconds."""
        times = psutil.cpu_times()._asdict()
        idle = times["idle"] + times.get("iowait", 0.0)
        guest = times.get("guest", 0.0) + times.get("guest_nice", 0.0)  # contained in user, nice
        own = os.times()
        return sum(times.values()) - idle - guest, own.user + own.system, time.monotonic()


def is_loaded(other_cores: float, cores: int | None = None) -> bool:
    """Say whether so much other load is worth a flag on a machine of so many cores."""
    return other_cores > LOAD_LIMIT * (cores or psutil.cpu_count() or 1)
