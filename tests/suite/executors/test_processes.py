"""Worker processes with the real trainer, and what they do when things around them break."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from suite.data import load_dataset
from suite.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_TRIALS_FAILED, BenchError
from suite.executors import processes
from suite.executors.base import StackFinished
from suite.executors.in_process import InProcessExecutor
from suite.executors.processes import ProcessExecutor
from suite.executors.shared import SharedDataset
from suite.executors.training import OpenTrainer, StackTrainer
from suite.grid import parse_grid
from suite.planning import Stack, cut_stacks, make_plan
from suite.run import main
from suite.store import StoreReader
from tests.sessions import session
from tests.suite.executors.test_contract import assert_gone
from tests.suite.executors.trainers import Make, Scripted
from tests.suite.test_run import rows, wait_for_rows

ROOT = Path(__file__).parents[3]

STUDY = """
title = "real"
[[study]]
name = "grid"
why = "For tests."
dataset = "mnist5k"
model = "mlp"
norm = ["none", "batch"]
batch_size = 64
learning_rate = [1e-3, 1e-2]
steps = 30
seeds = 3
probes = ["gradient_norm"]
"""


def never() -> bool:
    return False


def results(executor, stacks):
    events = list(executor.run(stacks, never))
    executor.close()
    return {
        r.trial.key: (
            r.status,
            r.stack_size,
            r.curves,
            tuple(o for o in r.outcomes if "seconds" not in o.quantity),
        )
        for e in events
        if isinstance(e, StackFinished)
        for r in e.results
    }


@pytest.mark.slow
def test_the_same_bits_as_in_process_with_the_same_threads_and_stacks():
    dataset = load_dataset("mnist5k", data_dir=None)
    grid = parse_grid(STUDY.encode(), name="real")
    plan = make_plan(grid, ["cpu"], lambda _: dataset.fingerprint, lambda *_: "code")
    stacks = cut_stacks(plan, dict.fromkeys(plan.shapes, 3))
    assert torch.get_num_threads() == 1, "OMP_NUM_THREADS=1 is expected in tests"
    here = results(InProcessExecutor(StackTrainer({"mnist5k": dataset}), 1), stacks)
    shared = {"mnist5k": SharedDataset(dataset)}
    there = results(
        ProcessExecutor(OpenTrainer(shared, 1), workers=2, threads=1, limit=lambda _: 600.0),
        stacks,
    )
    assert len(here) == 12
    assert {status for status, *_ in here.values()} == {"ok"}
    assert here == there


def test_a_shared_dataset_is_the_same_and_nobody_can_change_it_for_others():
    dataset = load_dataset("mnist5k", data_dir=None)
    shared = SharedDataset(dataset)
    one, other = shared.open(), shared.open()
    shared.close()
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        assert torch.equal(getattr(one, name), getattr(dataset, name))
        assert getattr(one, name).dtype == getattr(dataset, name).dtype
    assert (one.spec, one.fingerprint) == (dataset.spec, dataset.fingerprint)
    one.train_images.zero_()
    assert torch.equal(other.train_images, dataset.train_images)


def test_a_shared_dataset_where_there_are_no_files_in_memory(monkeypatch):
    dataset = load_dataset("mnist5k", data_dir=None)
    monkeypatch.delattr(os, "memfd_create")
    assert torch.equal(SharedDataset(dataset).open().train_images, dataset.train_images)


def test_workers_that_can_not_start_are_a_fault_that_is_told(tmp_path):
    trainer = Scripted(tmp_path / "log")
    (first, *_) = stacks_of_fakes()
    for action, said in (("exit", "don't start .*exit code 7"), ("raise", "a fault in training")):
        executor = ProcessExecutor(
            Make(trainer, action), workers=1, threads=1, limit=lambda _: 60.0
        )
        with pytest.raises(BenchError, match=f"(?s){said}"):
            list(executor.run([first], never))


def test_workers_that_hang_while_they_start_are_not_replaced_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_START_SECONDS", 0.2)
    make = Make(Scripted(tmp_path / "log"), "hang")
    executor = ProcessExecutor(make, workers=2, threads=1, limit=lambda _: 60.0)
    with pytest.raises(BenchError, match=r"don't start \(was killed after 0 s without an answer\)"):
        list(executor.run(stacks_of_fakes(), never))


@pytest.mark.parametrize("refusals", [4, 5])
def test_a_server_that_was_killed_refuses_until_the_system_has_buried_it(
    tmp_path, monkeypatch, refusals
):
    process = processes.start_server().Process
    real = process.start
    tries = []

    def start(self):
        tries.append(time.monotonic())
        if len(tries) <= refusals:
            raise ConnectionRefusedError(111, "Connection refused")
        real(self)

    monkeypatch.setattr(process, "start", start)
    monkeypatch.setattr(processes, "_START_PAUSES", (0.1, 0.2, 0.3, 0.4))
    executor = ProcessExecutor(
        Make(Scripted(tmp_path / "log")), workers=1, threads=1, limit=lambda _: 60.0
    )
    (first, *_) = stacks_of_fakes()
    if refusals == 5:
        with pytest.raises(BenchError, match=r"don't start \(\[Errno 111\] Connection refused\)"):
            list(executor.run([first], never))
    else:
        assert results(executor, [first])
    assert len(tries) == 5
    assert tries[-1] - tries[0] >= 1.0  # a server that dies has that long


@pytest.mark.parametrize(("larger", "status", "sizes"), [(2, "ok", "421"), (0, "oom", "421")])
def test_a_worker_that_the_system_kills_for_want_of_memory_is_followed_by_halves(
    tmp_path, monkeypatch, larger, status, sizes
):
    count = iter(range(1000))
    monkeypatch.setattr(processes, "_kills", lambda: next(count))
    trainer = Scripted(tmp_path / "log", seed=0, action="kill", larger=larger)
    stack, other = stacks_of_fakes(size=4, seeds=8, rates=[1e-3])[::4]
    assert {trial.seed for trial in other.trials} == {4, 5, 6, 7}
    executor = ProcessExecutor(Make(trainer), workers=1, threads=1, limit=lambda _: 60.0)
    ended = [e for e in executor.run([stack, other], never) if isinstance(e, StackFinished)]
    assert [e.stack for e in ended] == [stack, other]
    assert {r.status for r in ended[0].results} == {status}
    assert {r.status for r in ended[1].results} == {"ok"}
    if status == "oom":
        assert "the system killed the worker" in ended[0].results[0].reason
    keys = {trial.key for trial in stack.trials}
    tried = [line.split()[1] for line in trainer.lines() if line.split()[2] in keys]
    assert "".join(dict.fromkeys(tried)) == (sizes if larger < 2 else sizes[:2])


def test_the_kernel_says_how_many_processes_it_has_killed(monkeypatch, tmp_path):
    found = tmp_path / "vmstat"
    monkeypatch.setattr(processes, "Path", lambda _: found)
    assert processes._kills() == 0
    found.write_text("pgfault 7\noom_kill 12\n")
    assert processes._kills() == 12


def stacks_of_fakes(size=2, **changes):
    from tests.fakes import tiny_plan

    plan = tiny_plan(**changes)
    return cut_stacks(plan, dict.fromkeys(plan.shapes, size))


def test_no_worker_outlives_a_parent_that_is_killed(tmp_path):
    slow = Scripted(tmp_path / "log", steps=10_000)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from suite.executors.processes import ProcessExecutor\n"
        "from tests.suite.executors.test_processes import stacks_of_fakes\n"
        "from tests.suite.executors.trainers import Make, Scripted\n"
        "if __name__ == '__main__':\n"
        "    make = Make(Scripted(Path(sys.argv[1]), steps=10_000))\n"
        "    e = ProcessExecutor(make, workers=2, threads=1, limit=lambda _: 600.0)\n"
        "    list(e.run(stacks_of_fakes(), lambda: False))\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(slow.log)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 120
        while len(slow.processes()) < 2 and time.monotonic() < until:
            assert parent.poll() is None
            time.sleep(0.1)
        workers = slow.processes()
        assert len(workers) == 2
        # What a terminal sends to all of them leaves the workers alone; it is for the parent.
        for worker in workers:
            os.kill(worker, signal.SIGTERM)
            os.kill(worker, signal.SIGINT)
        time.sleep(0.3)
        assert all(psutil.pid_exists(worker) for worker in workers)
        parent.kill()
        parent.wait()
        assert_gone(workers)
        until = time.monotonic() + 30
        while time.monotonic() < until and session(parent.pid):
            time.sleep(0.1)
        assert session(parent.pid) == []  # the fork server too
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux counts threads there")
def test_the_fork_server_has_one_thread_no_gpu_and_an_optimizer():
    code = (
        "import os, sys, torch\n"
        "def touched(*_): raise AssertionError('CUDA was touched')\n"
        # Asking whether there is a GPU is enough to spoil CUDA in what is forked.
        "for name in ('is_available', 'device_count', 'current_device', '_lazy_init'):\n"
        "    setattr(torch.cuda, name, touched)\n"
        "import suite.executors.preload\n"
        "threads = len(os.listdir('/proc/self/task'))\n"  # those of libraries too
        "print(threads, 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        # OpenBLAS starts threads when numpy is loaded, and ends them by itself before a fork.
        env={**os.environ, "OMP_NUM_THREADS": "8", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.stdout.split() == ["1", "True"], done.stderr


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_stops_a_run_and_its_workers_and_the_rest_follows(tmp_path):
    """A terminal sends SIGINT to the whole group: parent, fork server and workers."""
    grid = tmp_path / "real.toml"
    grid.write_text(STUDY.replace("steps = 30", "steps = 300").replace("seeds = 3", "seeds = 12"))
    out = tmp_path / "out"
    arguments = ["--grid", str(grid), "--out", str(out), "--device", "cpu", "--no-report"]
    arguments += ["--executor", "processes", "--workers", "2"]
    run = subprocess.Popen(
        [sys.executable, "-m", "suite.run", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_rows(run, out, 1)
        os.killpg(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
        assert run.returncode == EXIT_INTERRUPTED, said
        assert "interrupted; to go on:" in said
        assert "Traceback" not in said
        until = time.monotonic() + 30
        while time.monotonic() < until and session(run.pid):
            time.sleep(0.1)
        assert session(run.pid) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    stored = rows(out)
    assert 0 < len(stored) < 48
    assert main([*arguments, "--quiet"]) == EXIT_DONE
    after = rows(out)
    assert len(after) == 48
    assert [row for row in after if row in stored] == stored


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_a_run_whose_worker_stands_still_goes_on(tmp_path, monkeypatch, capsys, times):
    """As one that waits for a device for ever: its stack is tried again once, then failed."""
    grid = tmp_path / "real.toml"
    grid.write_text(STUDY)
    out = tmp_path / "out"
    arguments = ["--grid", str(grid), "--out", str(out), "--device", "cpu", "--no-report"]
    arguments += ["--executor", "processes", "--workers", "1"]
    stopped = []
    give = ProcessExecutor._give

    def stop_and_give(self, queue, tasks, *rest):
        for worker in self._workers:
            pid = worker.process.pid
            free = worker.ready and worker.task is None and pid not in stopped
            if free and queue and isinstance(tasks[queue[0]], Stack) and len(stopped) < times:
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        started = give(self, queue, tasks, *rest)
        for worker in self._workers:
            if worker.process.pid in stopped:
                worker.limit = 1.0  # in place of an hour
        return started

    monkeypatch.setattr(ProcessExecutor, "_give", stop_and_give)
    code = main(arguments)
    said = capsys.readouterr().err
    assert len(set(stopped)) == times
    assert_gone(stopped)
    with StoreReader(out) as store:
        found = list(store.results())
    assert len(found) == 12
    failed = [r for r in found if r.status == "failed"]
    if times == 1:
        assert [r.reason for r in failed] == [], said
        assert code == EXIT_DONE
    else:
        assert code == EXIT_TRIALS_FAILED
        assert 0 < len(failed) < 12
        assert all("was killed after 1 s without an answer" in r.reason for r in failed)
        assert "to try again: python -m suite.run" in said
    assert "Traceback" not in said
