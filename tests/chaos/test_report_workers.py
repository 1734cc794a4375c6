"""A report that shares its work out: a worker that is killed, and Ctrl-C in the terminal."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from analysis.report.workers import LARGE
from suite.errors import EXIT_DONE, EXIT_INTERRUPTED
from suite.store import STORE_NAME
from tests.chaos.runs import ended, start_report, wait_until
from tests.sessions import session
from tests.synthetic_registry import write_registry_store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

WORKER_BYTES = 100 * 2**20  # one that has loaded everything; the tracker of resources is smaller


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_registry_store(tmp_path_factory.mktemp("large"), seeds=2)
    assert (folder / STORE_NAME).stat().st_size >= LARGE
    return folder


@pytest.fixture(scope="module")
def expected(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole")
    report = start_report(store, "--out", str(out))
    with report, ended(report):
        _, said = report.communicate()
    assert (report.returncode, said) == (EXIT_DONE, "")
    return files(out)


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def workers(report: subprocess.Popen[str]) -> list[psutil.Process]:
    """List the processes that the fork server has made and that have loaded everything."""
    found = []
    with contextlib.suppress(psutil.Error):
        for server in psutil.Process(report.pid).children():
            found += [p for p in server.children() if p.memory_info().rss > WORKER_BYTES]
    return found


def gone(leader: int) -> bool:
    until = time.monotonic() + 30
    while session(leader) and time.monotonic() < until:
        time.sleep(0.1)
    return not session(leader)


def wait(holds: Callable[[], bool], report: subprocess.Popen[str]) -> None:
    assert wait_until(holds, report), report.communicate()


def test_a_worker_that_is_killed(
    store: Path, expected: dict[str, bytes], tmp_path: Path, long_form: bool
) -> None:
    """What it did is done by the process that judges: the same files."""
    chance = random.Random(40)
    for number in range(20 if long_form else 1):
        out = tmp_path / str(number)
        report = start_report(store, "--out", str(out))
        with report, ended(report):
            wait(lambda report=report: len(workers(report)) >= 2, report)
            time.sleep(chance.uniform(0, 4))
            with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                chance.choice(workers(report)).kill()
            _, said = report.communicate()
        assert (report.returncode, said) == (EXIT_DONE, "")
        assert files(out) == expected
        assert gone(report.pid)


def test_ctrl_c_in_a_terminal(store: Path, tmp_path: Path, long_form: bool) -> None:
    """It reaches the process that judges, the fork server and all workers."""
    chance = random.Random(41)
    for number in range(20 if long_form else 2):
        out = tmp_path / str(number)
        report = start_report(store, "--out", str(out))
        with report, ended(report):
            # At first while the server loads, then while the workers are at work.
            least = 2 if number % 2 else 0
            wait(lambda report=report: bool(psutil.Process(report.pid).children()), report)
            wait(lambda report=report, least=least: len(workers(report)) >= least, report)
            time.sleep(chance.uniform(0, 1.5))
            os.killpg(report.pid, signal.SIGINT)
            _, said = report.communicate()
        assert report.returncode == EXIT_INTERRUPTED, said
        assert said == "stopped; no file was left half written\n"
        assert not out.exists() or not list(out.iterdir())
        assert gone(report.pid)
