"""Processes that end with the one that started them, and the measuring process for real."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from suite.cost.lifeline import held
from tests.suite.executors.test_contract import assert_gone

ROOT = Path(__file__).parents[3]
GROUP = """
import os, sys, time
from suite.cost.lifeline import end_with
end_with(int(sys.argv[1]))
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
time.sleep(600)
"""
MEASURES = """
import dataclasses
from suite.cost.processes import measure_in_process
from tests.suite.cost import test_worker
test_worker.PROTOCOL = dataclasses.replace(test_worker.PROTOCOL, samples=10**9)
measure_in_process(test_worker.replicate(test_worker.condition("none", 2)), lambda: False)
"""
LOADED = 150 << 20  # bytes of a process that has begun to load torch, so has been given its tasks


def test_a_process_and_what_it_forks_end_when_the_pipe_does() -> None:
    with held() as reader:
        process = subprocess.Popen(
            [sys.executable, "-c", GROUP, str(reader)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=[reader],
        )
        assert process.stdout is not None
        both = {int(pid) for pid in process.stdout.readline().split()}
        assert len(both) == 2
        time.sleep(0.2)
        assert all(psutil.pid_exists(pid) for pid in both)
    assert_gone(both)
    process.stdout.close()
    process.wait()


def test_no_measuring_process_outlives_a_run_that_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", MEASURES],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    found: list[psutil.Process] = []
    try:
        while parent.poll() is None and not found:
            children = psutil.Process(parent.pid).children()
            found = [child for child in children if child.memory_info().rss > LOADED]
            time.sleep(0.01)
        parent.kill()
        parent.wait()
        assert len(found) == 1
        assert_gone({found[0].pid}, seconds=60.0)  # it may still have torch to load
    finally:
        parent.kill()
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
