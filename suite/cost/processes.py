"""Fresh processes for measurements: started, fed, waited for, ended."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import suite
from suite.cost_records import CostResult, cost_result_from_json
from suite.errors import InterruptedRunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.cost.plan import Replicate
    from suite.cost_records import CostProtocol

_POLL_SECONDS: Final = 0.2
_REASON_CHARACTERS: Final = 4000


def measure_in_process(
    replicate: Replicate, should_stop: Callable[[], bool]
) -> tuple[CostResult, ...]:
    """Measure one replicate in a process of its own.

    Returns
    -------
    tuple of CostResult
        One for each task, in their order. Where the process dies all of them are ``failed``, with
        the end of what it said.

    Raises
    ------
    InterruptedRunError
        ``should_stop()`` held; the process is ended and nothing is kept.
    """
    tasks = json.dumps([dataclasses.asdict(task) for task in replicate.tasks])
    with subprocess.Popen(
        [sys.executable, "-m", "suite.cost.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(replicate.tasks[0].protocol),
        text=True,
        encoding="utf-8",
        start_new_session=True,  # so that it ends together with the children that it forks
    ) as process:
        try:
            answer, said = _communicate(process, tasks, should_stop)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if should_stop():
        raise InterruptedRunError("stopped; this replicate of the cost is measured anew next time")
    if process.returncode == 0:
        return tuple(cost_result_from_json(text) for text in json.loads(answer))
    reason = f"the measuring process ended with {process.returncode}: {said.strip()}"
    return tuple(
        CostResult(task=task, status="failed", reason=reason[-_REASON_CHARACTERS:])
        for task in replicate.tasks
    )


def _communicate(
    process: subprocess.Popen[str], tasks: str, should_stop: Callable[[], bool]
) -> tuple[str, str]:
    given: str | None = tasks
    while not should_stop():
        try:
            return process.communicate(given, timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            given = None  # it was taken at the first call
    return "", ""


def _environment(protocol: CostProtocol) -> dict[str, str]:
    """Fix the threads before any library loads, and let the process find this package."""
    threads = str(protocol.threads)
    paths = [str(Path(suite.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
