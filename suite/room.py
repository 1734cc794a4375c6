"""How much memory there is to take, in a container too."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

_GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Bytes that this process may still take: of the machine's, and of its control group's."""
    free: int = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):
        most, taken = (int((_GROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, most - (taken - _given_back()))
    return free


def _given_back() -> int:
    """Bytes of files that the group holds and gives back as soon as they are wanted."""
    return kernel_counter(_GROUP / "memory.stat", "inactive_file")


def kernel_counter(file: Path, wanted: str) -> int:
    """Read one of the kernel's counters, a name and a number a line; 0 where it is not there."""
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text("ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == wanted:
                return int(count)
    return 0
