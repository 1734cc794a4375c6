"""Fresh processes for measurements: started, fed, waited for, ended."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import suite
from suite.cost.lifeline import held
from suite.cost_records import CostResult, cost_result_from_json
from suite.devices import NO_GPUS
from suite.environment import usable_cores
from suite.errors import InterruptedRunError
from suite.estimate import hang_limit, matmul_rate, replicate_seconds
from suite.models import model_spec

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
        the end of what it said; so they are where it takes so long that it must hang.

    Raises
    ------
    InterruptedRunError
        ``should_stop()`` held; the process is ended and nothing is kept.
    """
    tasks = json.dumps([dataclasses.asdict(task) for task in replicate.tasks])
    limit = _limit(replicate)
    with (
        held() as lifeline,
        subprocess.Popen(  # noqa: S603  our own program, no shell
            [sys.executable, "-m", "suite.cost.worker", str(lifeline)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(replicate.tasks[0].protocol, replicate.device),
            text=True,
            encoding="utf-8",
            start_new_session=True,  # so that it ends together with the children that it forks
            pass_fds=[lifeline],
        ) as process,
    ):
        try:
            answer = _communicate(process, tasks, should_stop, limit)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if should_stop():
        raise InterruptedRunError("stopped; this replicate of the cost is measured anew next time")
    if answer is None:
        reason = f"the measuring process was killed after {limit:,.0f} s without an answer"
    elif process.returncode == 0:
        return tuple(cost_result_from_json(text) for text in json.loads(answer[0]))
    else:
        reason = f"the measuring process ended with {process.returncode}: {answer[1].strip()}"
    return tuple(
        CostResult(task=task, status="failed", reason=reason[-_REASON_CHARACTERS:])
        for task in replicate.tasks
    )


def _limit(replicate: Replicate) -> float:
    """Say after how many seconds a process that measures this hangs."""
    conditions = [task.condition for task in replicate.tasks]
    if any(model_spec(condition.model).size is None for condition in conditions):
        return hang_limit(math.nan)
    rate = matmul_rate() / usable_cores()  # it may have one of them
    return hang_limit(replicate_seconds(conditions, replicate.tasks[0].protocol, rate))


def _communicate(
    process: subprocess.Popen[str], tasks: str, should_stop: Callable[[], bool], limit: float
) -> tuple[str, str] | None:
    """Give what the process wrote and what it said; None where it had to stop, or hangs."""
    given: str | None = tasks
    spent, before = 0.0, time.monotonic()
    while spent <= limit and not should_stop():
        try:
            return process.communicate(given, timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            given = None  # it was taken at the first call
        now = time.monotonic()
        # Time in which this process was stopped (Ctrl-Z) is nobody's.
        spent, before = spent + min(now - before, 10 * _POLL_SECONDS), now
    return None


def _environment(protocol: CostProtocol, device: str) -> dict[str, str]:
    """Fix the threads before any library loads, and let the process find this package.

    Where the CPU is measured no GPU is seen: torch's Adam would start CUDA to ask about its graphs.
    """
    threads = str(protocol.threads)
    paths = [str(Path(suite.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        **(NO_GPUS if device == "cpu" else {}),
    }
