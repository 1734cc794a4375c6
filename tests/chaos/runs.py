"""Starts real runs and sends them signals; what a killed run left is read back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import psutil

from suite.errors import StoreError
from suite.store import StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT: Final = Path(__file__).parents[2]
_MODULES: Final = (
    *("suite.run", "suite.session", "suite.preparation", "suite.executors.preload"),
    *("suite.display", "suite.runner", "suite.store", "suite.refresh", "analysis.report"),
)
_EXECUTOR: Final = ("--executor", "in-process")  # unless a test asks for another
_ACKNOWLEDGED: Final = re.compile(r"^\[ *([\d,]+)/[\d,]+\] (?!cost )", re.MULTILINE)
_ANSWER_SECONDS: Final = 120.0  # less than a test may take, so that it can say what it waited for

GRID: Final = """
title = "Small"

[[study]]
name = "grid"
why = "To be killed."
dataset = "mnist5k"
model = "mlp"
norm = ["none", "batch"]
batch_size = [64, 256]
learning_rate = [1e-3, 1e-2]
train_size = 512
steps = 8
seeds = 6
"""
COST: Final = """
[cost]
why = "To be killed."
dataset = "mnist5k"
model = "mlp"
norm = ["none", "batch"]
batch_size = 64
replicates = 2
samples = 2
threads = 1
"""


def write_grid(folder: Path, *, cost: bool = False) -> Path:
    """Write the grid that is to be killed."""
    file = folder / "small.toml"
    file.write_text(GRID + (COST if cost else ""))
    return file


@dataclass
class Run:
    """A run that was started.

    Parameters
    ----------
    pid
        Its process.
    stdout, stderr
        What it says, while it says it.
    """

    pid: int
    stdout: Path
    stderr: Path
    _ended: Callable[[], int]
    code: int | None = None

    def wait(self) -> int:
        """Wait for its end; gives the exit code, negative for a signal."""
        if self.code is None:
            self.code = self._ended()
        return self.code

    def said(self) -> str:
        """Give standard error so far."""
        return self.stderr.read_text(errors="replace")

    def acknowledged(self) -> int:
        """Count the trials that it has said are done."""
        found = _ACKNOWLEDGED.findall(self.said())
        return int(found[-1].replace(",", "")) if found else 0

    def workers(self) -> list[psutil.Process]:
        """List all processes that it has started and that live."""
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.pid).children(recursive=True)
        return []


class Zygote:
    """Starts runs by forking a process that has imported everything; one run at a time."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.zygote", *_MODULES],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"
        self._count = 0
        self._last: Run | None = None
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        end_orphans(psutil.Process(self._process.pid).children(recursive=True))
        self._process.wait()
        self._process.stdout.close()

    def start(
        self, folder: Path, *arguments: str, warm: bool = True, headroom: int | None = None
    ) -> Run:
        """Start ``suite.run`` with these arguments in a folder.

        Not warm: from nothing. Headroom: bytes of memory that it may take.
        """
        if self._last is not None and self._last.code is None:  # of a test that failed
            send(self._last.pid, signal.SIGKILL)
            self._last.wait()
        self._count += 1
        files = [folder / f"said-{self._count}.{stream}" for stream in ("out", "err")]
        order: dict[str, Any] = {
            "cwd": str(folder),
            "arguments": [*_EXECUTOR, *arguments, "--device", "cpu"],
            "stdout": str(files[0]),
            "stderr": str(files[1]),
            "import": warm,
            "headroom": headroom,
        }
        for file in files:
            file.touch()
        assert self._process.stdin is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        self._last = Run(int(self._read()), *files, _ended=lambda: int(self._read()))
        return self._last

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that starts runs has died"
        return line.strip()


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal; says whether there still was a process to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def start_report(store: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start ``analysis.report`` in a session of its own, with its standard error in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "analysis.report", str(store), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests run in a shell's background, SIGINT is ignored by all that they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a process that outlives a test, which may have failed while it waited for it."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()


def end_orphans(workers: Sequence[psutil.Process]) -> None:
    """End what a killed run has left running, so that the next one has the machine."""
    for worker in workers:
        with contextlib.suppress(psutil.Error):
            worker.kill()
    psutil.wait_procs(workers, timeout=10)


def wait_until(
    holds: Callable[[], bool], run: Run | subprocess.Popen[str], seconds: float = _ANSWER_SECONDS
) -> bool:
    """Wait until something holds; False where the run ended first or time ran out."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        if not psutil.pid_exists(run.pid) or _is_zombie(run.pid):
            return False
        time.sleep(0.002)
    return False


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def stored_rows(out: Path) -> dict[str, tuple[Any, ...]]:
    """Read every stored trial after a crash, seconds and run included, and check the whole file."""
    try:
        with StoreReader(out) as store:
            store.verify()
            assert store.rows("PRAGMA integrity_check") == [("ok",)]
            keys = [key for (key,) in store.rows("SELECT key FROM trials")]
            assert len(keys) == len(set(keys))
            by = store.trained_by()
            return {r.trial.key: (by[r.trial.key], r) for r in store.results()}
    except StoreError as error:
        if "no store at" in str(error):  # killed while the file was being made
            return {}
        raise


def without_clock(rows: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Drop from rows what a clock says, and which run trained them."""
    return {
        key: dataclasses.replace(
            result,
            seconds=0.0,
            outcomes=tuple(o for o in result.outcomes if "seconds" not in o.quantity),
        )
        for key, (_, result) in rows.items()
    }
