"""Work that is done elsewhere, whatever becomes of those who do it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path

import pytest

from analysis.report.workers import RARELY, Workers, cores, rare_collections
from analysis.samples import Samples, load_samples
from tests.synthetic import write_store

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return load_samples(write_store(tmp_path_factory.mktemp("workers"), seeds=6))


def folder_and_process() -> tuple[str, int]:
    return str(Path.cwd()), os.getpid()


def much() -> bytes:
    time.sleep(1)
    return bytes(10**7)  # more than a pipe holds


def seeds_over(samples: Samples, least: int) -> tuple[int, int]:
    return int((samples.trials["seed"] >= least).sum()), os.getpid()


def many_trials(samples: Samples) -> int:
    return len(samples.trials)


@pytest.mark.parametrize("processes", [0, 2])
def test_work_is_done_with_its_arguments(processes, samples):
    with Workers(processes, samples) as workers:
        parts = [workers.do(divmod, 17, by) for by in (2, 3, 5)]
        named = workers.do(int, "ff", base=16)
        assert [part.result for part in parts] == [(8, 1), (5, 2), (3, 2)]
        assert named.result == 255


@pytest.mark.parametrize("processes", [0, 2])
def test_the_samples_are_there_too(processes, samples):
    with Workers(processes, samples) as workers:
        assert workers.study(many_trials).result == len(samples.trials) > 0


@pytest.mark.parametrize("processes", [0, 2])
def test_what_is_shared_out_comes_back_in_order(processes, samples):
    with Workers(processes, samples) as workers:
        shared = [workers.study(partial(seeds_over, least=least)) for least in range(40)]
        found = [work.result for work in shared]
    assert [count for count, _ in found] == [seeds_over(samples, least)[0] for least in range(40)]
    assert (os.getpid() in {process for _, process in found}) == (processes == 0)


def test_one_process_is_this_one_and_works_when_asked(samples):
    done = []
    with Workers(0, samples) as workers:
        work = workers.do(done.append, 1)
        assert done == []
        assert work.result is None
        assert work.result is None
    assert done == [1]


def test_a_relative_path_means_the_same_elsewhere(tmp_path, monkeypatch, samples):
    monkeypatch.chdir(tmp_path)
    with Workers(2, samples) as workers:
        folder, process = workers.do(folder_and_process).result
    assert folder == str(tmp_path)
    assert process != os.getpid()


@pytest.mark.parametrize("killed", [1, 2])
def test_work_is_done_here_where_a_process_was_killed(samples, killed):
    """The other may be in the middle of an answer that nobody reads any more."""
    with Workers(2, samples) as workers:
        _, other = workers.do(folder_and_process).result
        assert other != os.getpid()
        lost = [workers.do(much) for _ in range(3)]
        time.sleep(0.3)
        for child in list(workers._pool._processes.values())[:killed]:
            os.kill(child.pid, signal.SIGKILL)
        assert [len(work.result) for work in lost] == [10**7] * 3
        assert isinstance(lost[-1]._elsewhere.exception(), BrokenExecutor)
        assert workers.do(folder_and_process).result[1] == os.getpid()


def test_work_is_done_here_where_the_server_does_not_answer(samples, monkeypatch):
    def refuse(*_):
        raise ConnectionRefusedError(111, "Connection refused")

    with Workers(2, samples) as workers:
        monkeypatch.setattr(workers._pool, "submit", refuse)
        assert workers.do(folder_and_process).result[1] == os.getpid()
        assert workers.study(many_trials).result == len(samples.trials)


def test_garbage_is_collected_rarely_only_while_a_report_is_built(samples):
    before = gc.get_threshold()
    assert before != RARELY
    with rare_collections():
        assert gc.get_threshold() == RARELY
    with pytest.raises(KeyError), rare_collections():
        raise KeyError
    assert gc.get_threshold() == before
    with Workers(2, samples) as workers:
        assert workers.do(gc.get_threshold).result == RARELY
    assert gc.get_threshold() == before


def test_a_fault_is_not_hidden(samples):
    with Workers(2, samples) as workers, pytest.raises(ValueError, match="invalid literal"):
        workers.do(int, "x").result  # noqa: B018


def test_an_error_does_not_wait_for_work_under_way(samples):
    def fail() -> None:
        with Workers(2, samples) as workers:
            workers.do(folder_and_process).result  # noqa: B018  they are at work
            for _ in range(4):
                workers.do(time.sleep, 600)
            time.sleep(0.5)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert time.monotonic() - started < 60


def test_nobody_works_on_when_the_report_was_killed():
    code = (
        "import os, time\n"
        "from analysis.report.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    workers = Workers(2, None)\n"
        "    for work in [workers.do(os.getpid) for _ in range(20)]:\n"
        "        work.result\n"
        "    for _ in range(2):\n"
        "        workers.do(time.sleep, 600)\n"
        "    time.sleep(0.5)\n"
        "    print(*workers._pool._processes, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        processes = [int(pid) for pid in parent.stdout.readline().split()]
        try:
            assert processes
            assert all(map(is_running, processes))
        finally:
            parent.kill()
    until = time.monotonic() + 30
    while any(map(is_running, processes)):
        assert time.monotonic() < until
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("there", "workers"), [(1, 0), (2, 2), (64, 4)])
def test_as_many_workers_as_cores_up_to_a_few(monkeypatch, there, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(there)), raising=False)
    assert cores() == workers
