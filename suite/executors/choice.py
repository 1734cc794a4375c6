"""Which executor a run gets, and how the cores are divided; imports no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from suite.environment import usable_cores
from suite.errors import UsageError
from suite.estimate import matmul_rate, trial_seconds
from suite.executors.processes import is_available, start_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suite.grid import Grid

# Less work than this, in seconds on all cores, is not worth the start of worker processes.
SMALL_SECONDS: Final = 4.0


@dataclass(frozen=True)
class Choice:
    """An executor by name.

    Parameters
    ----------
    name
        One of ``suite.arguments.EXECUTORS``.
    workers
        Stacks that train at the same time; None: as many as there is room for.
    threads
        Threads of each.
    address
        Of a Ray cluster.
    by_device
        Whether worker processes are for the CPU alone, and an accelerator's stacks train in this
        process.
    """

    name: str
    workers: int | None
    threads: int
    address: str | None = None
    by_device: bool = False


def choose_executor(
    asked: str | None,
    workers: int | None,
    devices: Sequence[str],
    seconds: float,
    address: str | None = None,
) -> Choice:
    """Take what the user asked for, or what is fastest.

    That is a process a core on the CPU, for two threads of one process wait for each other at
    every small operation; and this process for an accelerator, which one stack fills, for one core,
    and for little work.

    Parameters
    ----------
    asked
        As ``--executor`` is written; None where it is not.
    workers
        As ``--workers`` is written; None where it is not.
    devices
        Canonical names.
    seconds
        Estimate of all that is to be trained; NaN where there is none.
    address
        As ``--address`` is written; None where it is not.

    Raises
    ------
    UsageError
        The flags contradict each other or the system.
    """
    if asked is None and address is not None:
        asked = "ray"
    named = asked is not None
    if asked is None and workers is not None:
        asked = "processes"
    if address is not None and asked != "ray":
        raise UsageError("--address is that of a Ray cluster, for --executor ray")
    if asked == "in-process" and workers is not None:
        raise UsageError("--workers is for --executor processes or ray; in-process has none")
    if asked == "processes" and not is_available():
        raise UsageError("--executor processes is not available on this system; use in-process")
    cores = usable_cores()
    if asked is None:
        alone = cores == 1 or "cpu" not in devices or not is_available()
        asked = "in-process" if alone or seconds < SMALL_SECONDS else "processes"
    if asked == "in-process":
        return Choice(asked, 1, cores)
    if asked == "ray":
        if any(device.startswith("cuda:") and device != "cuda:0" for device in devices):
            raise UsageError(
                "with --executor ray use --device cuda: Ray gives each task a GPU of its own"
            )
        return Choice(asked, workers, 1, address)
    count = cores if workers is None else workers
    by_device = not named and "cpu" in devices and set(devices) != {"cpu"}
    return Choice(asked, count, max(1, cores // count), by_device=by_device)


def begin(
    grid: Grid, device: str, asked: str | None, workers: int | None, address: str | None = None
) -> float:
    """Let the fork server load torch while this process does, if it will be needed.

    Parameters
    ----------
    grid
        As the user asked for it.
    device
        As ``--device`` is written; ``auto`` counts as the CPU, for only torch can look.
    asked, workers, address
        As for ``choose_executor``.

    Returns
    -------
    float
        What ``matmul_rate`` gave: measured here, for the server will keep a core busy.

    Raises
    ------
    UsageError
        As ``choose_executor``.
    """
    devices = ["cpu"] if device == "auto" else device.split(",")
    rate = matmul_rate()
    choice = choose_executor(asked, workers, devices, grid_seconds(grid, rate), address)
    if choice.name == "processes":
        start_server()
    return rate


def grid_seconds(grid: Grid, rate: float) -> float:
    """Estimate all trials of a grid on all cores; NaN where one of them has no estimate."""
    return math.fsum(
        len(study.seeds) * trial_seconds(condition, study.protocol, rate)
        for study in grid.studies
        for condition in study.conditions
    )
