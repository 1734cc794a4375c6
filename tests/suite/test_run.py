"""The command line, from flags to exit codes; the last tests train for real, on mnist5k."""

import contextlib
import dataclasses
import functools
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite import preparation
from suite.cost.plan import Replicate
from suite.cost_records import CostResult
from suite.errors import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_TRIALS_FAILED,
    EXIT_USAGE,
    StoreError,
)
from suite.executors.base import Executor
from suite.run import main
from suite.store import STORE_NAME, StoreReader, StoreWriter

ROOT = Path(__file__).parents[2]

TINY = """
title = "Tiny"

[[study]]
name = "grid"
why = "For tests."
dataset = "mnist5k"
model = "mlp"
norm = ["none", "batch"]
batch_size = [64, 256]
learning_rate = {rates}
steps = {steps}
seeds = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of its own as working directory, so that the default --out lies in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tiny(folder: Path, *, steps: int = 4, rates: str = "[1e-3]", name: str = "tiny") -> str:
    (folder / f"{name}.toml").write_text(TINY.format(steps=steps, rates=rates))
    return f"{name}.toml"


def rows(out: Path) -> list[object]:
    """All rows but for what a clock says."""
    found = []
    with StoreReader(out) as store:
        for result in store.results():
            outcomes = tuple(o for o in result.outcomes if "seconds" not in o.quantity)
            found.append(dataclasses.replace(result, seconds=0.0, outcomes=outcomes))
    return found


# --- without torch -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["--list-grids"], ["--grid", "full", "--dry-run"]]
)
def test_looking_imports_no_torch_and_writes_nothing(here, arguments):
    code = (
        "import sys\nfrom suite.run import main\n"
        "try: code = main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "print('torch' in sys.modules, 'pandas' in sys.modules, code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines()[-1] == "False False 0"
    assert done.stderr == ""
    assert list(here.iterdir()) == []


def test_help_loads_nothing_that_it_does_not_need():
    code = (
        "import sys\nfrom suite.run import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'pydantic', 'rich', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_list_grids(capsys):
    assert main(["--list-grids"]) == EXIT_DONE
    out = capsys.readouterr().out
    assert all(name in out for name in ("smoke", "quick", "notebook", "full"))


def test_dry_run_shows_the_plan_with_estimates(here, capsys):
    assert main(["--grid", tiny(here), "--dry-run", "--seeds", "7"]) == EXIT_DONE
    out = capsys.readouterr().out
    assert "4 conditions, 28 trials, 28 to do: about" in out
    assert "of memory on cpu (estimates)" in out
    assert "results/tiny" in out


# --- wrong usage -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "which grid? give --grid smoke, quick, notebook, full"),
        (["--grid", "ful"], "unknown grid 'ful': did you mean full?"),
        (["--gird", "full"], "unknown flag '--gird': did you mean --grid"),
        (["full"], "unexpected argument 'full'"),
        (["--grid"], "argument --grid: expected one argument"),
        (["--grid", "full", "--seeds", "many"], "--seeds: must be a whole number of at least 1"),
        (["--grid", "full", "--seeds", "0"], "--seeds: must be a whole number of at least 1"),
        (["--grid", "full", "--seeds", "-3"], "--seeds"),
        (["--grid", "full", "--seeds", "9" * 5000], "--seeds: must be a whole number"),
        (["--grid", "full", "--seeds", "99999999"], "--seeds: must be 1 to 100,000"),
        (["--grid", "full", "--dataset", "mnis"], "unknown dataset 'mnis': did you mean mnist"),
        (["--grid", "full", "--device", "gpu"], "unknown device 'gpu'"),
        (["--grid", "full", "--device", "cuda:99"], "device cuda:99 is not present"),
        (["--grid", "full", "--device", "cpu,tpu"], "unknown device 'tpu': did you mean cpu"),
        (["--grid", "full", "--dry-run", "--device", "cpi"], "unknown device 'cpi'"),
        (["--grid", "nowhere.toml"], "no such file"),
        (["--grid", "../../etc/passwd"], "no such file"),
        (["--grid", "/dev/zero"], "not a regular file"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_writes_nothing(here, capsys, arguments, expected):
    assert main(arguments) == EXIT_USAGE
    said = capsys.readouterr()
    assert expected in said.err
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert said.out == ""
    assert list(here.iterdir()) == []


def test_every_mistake_of_a_grid_is_listed_and_nothing_is_written(here, capsys):
    file = tiny(here, rates="[nan, -1, 1e-3, 1e-3]")
    assert main(["--grid", file]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert "2 mistakes" in err
    assert "study[0].learning_rate[0]: must be a finite number, not nan" in err
    assert "study[0].learning_rate[1]: must be more than 0" in err
    assert sorted(p.name for p in here.iterdir()) == ["tiny.toml"]


def test_an_out_that_can_not_be_written(here, capsys):
    (here / "file").write_text("in the way")
    assert main(["--grid", tiny(here), "--out", "file/out", "--device", "cpu"]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert "error: can't write to file/out: Not a directory" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_an_out_with_a_file_that_is_no_store(here, capsys, dry):
    out = here / "out"
    out.mkdir()
    with sqlite3.connect(out / STORE_NAME) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = (out / STORE_NAME).read_bytes()
    assert main(["--grid", tiny(here), "--out", "out", "--device", "cpu", *dry]) == EXIT_USAGE
    assert "not a batchnorm-bench store; choose another --out" in capsys.readouterr().err
    assert (out / STORE_NAME).read_bytes() == before


def test_an_internal_error_is_one_line_and_its_traceback_is_kept(here, capsys, monkeypatch):
    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault\nof ours")

    monkeypatch.setattr(preparation, "prepare", fault)
    assert main(["--grid", tiny(here), "--out", "out"]) == EXIT_INTERNAL
    err = capsys.readouterr().err
    (file,) = (here / "out").glob("error-*.txt")
    assert "error: internal error: ZeroDivisionError: a fault; every finished" in err
    assert str(file.relative_to(here)) in err
    assert "Traceback" not in err
    kept = file.read_text()
    assert "Traceback" in kept
    assert "--grid tiny.toml --out out" in kept


# --- for real ----------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    return main([*arguments, "--device", "cpu"])


@pytest.mark.slow
def test_a_run_and_the_same_run_again(here, capsys):
    file = tiny(here, steps=6)
    assert run("--grid", file) == EXIT_DONE
    said = capsys.readouterr()
    out = here / "results" / "tiny"
    before = rows(out)
    assert len(before) == 12
    assert "training 12 trials" in said.err
    assert "A1" in said.out
    assert "report: results/tiny/report.html" in said.out
    assert "claims of the registry have no data in this grid" in said.out
    assert (out / "report.html").is_file()
    with StoreReader(out) as store:
        (info,) = store.runs()
    assert info["grid"]["name"] == "tiny"
    assert info["datasets"] == {"mnist5k": "mnist5k"}
    assert info["command"][-4:] == ["--grid", file, "--device", "cpu"]
    assert {"environment", "fingerprints", "registry_hash", "executor"} <= set(info)
    # Again: nothing to train, and the dry run knows.
    assert run("--grid", file, "--no-report") == EXIT_DONE
    assert "trained nothing" in capsys.readouterr().err
    assert rows(out) == before
    assert run("--grid", file, "--dry-run") == EXIT_DONE
    assert "12 trials, 0 to do" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_measures_the_machine_while_it_is_idle(here, monkeypatch):
    """Before the fork server loads torch on another core, or all estimates are far too long."""

    def late() -> float:
        raise AssertionError("measured again")

    monkeypatch.setattr(preparation, "matmul_rate", late)
    assert run("--grid", tiny(here), "--quiet", "--no-report") == EXIT_DONE


@pytest.mark.slow
def test_quiet_prints_only_the_end(here, capsys):
    assert run("--grid", tiny(here), "--quiet") == EXIT_DONE
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[-1] == "report: results/tiny/report.html"


@pytest.mark.slow
def test_a_dataset_that_is_not_there_is_replaced_loudly(here, capsys, monkeypatch):
    monkeypatch.setenv("BATCHNORM_BENCH_DATA", str(here / "empty"))
    offline = functools.partial(preparation.load_or_fall_back, download=False)
    monkeypatch.setattr(preparation, "load_or_fall_back", offline)
    file = tiny(here)
    (here / file).write_text((here / file).read_text().replace("mnist5k", "mnist"))
    assert run("--grid", file) == EXIT_DONE
    said = capsys.readouterr()
    assert "Using mnist5k instead" in said.err
    assert "Using mnist5k instead" in said.out  # again at the end
    with StoreReader(here / "results" / "tiny") as store:
        assert store.runs()[0]["datasets"] == {"mnist": "mnist5k"}
        assert {t.condition.dataset for _, _, t in store.planned()} == {"mnist5k"}


@pytest.mark.slow
def test_divergence_is_data_and_a_batch_of_one_is_undefined(here):
    file = tiny(here, steps=60, rates="[10.0]")
    text = (here / file).read_text().replace("[64, 256]", "[1, 64]")
    (here / file).write_text(text + 'optimizer = "sgd"\n')
    assert run("--grid", file, "--no-report") == EXIT_DONE
    with StoreReader(here / "results" / "tiny") as store:
        found = {(r.trial.condition.norm, r.trial.condition.batch_size): r for r in store.results()}
    assert found["batch", 1].status == "undefined"
    assert "no variance" in found["batch", 1].reason
    assert found["none", 64].status == "diverged"
    assert found["none", 64].diverged_step is not None


@pytest.mark.slow
def test_failed_trials_give_exit_code_1_and_can_be_tried_again(here, capsys, monkeypatch):
    from suite.executors import training

    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault of the trainer")

    file = tiny(here)
    with monkeypatch.context() as patch:
        patch.setattr(training, "train_stack", fault)
        # Not in workers, which a slow machine would choose and which this patch does not reach.
        here_alone = ("--executor", "in-process")
        assert run("--grid", file, "--no-report", *here_alone) == EXIT_TRIALS_FAILED
    said = capsys.readouterr()
    assert "12 trials failed; to try again:" in said.err
    assert "ZeroDivisionError: a fault of the trainer" in said.err
    assert "Traceback" not in said.err
    assert run("--grid", file, "--no-report") == EXIT_TRIALS_FAILED
    assert run("--grid", file, "--no-report", "--retry-failed") == EXIT_DONE


def broken_cost(_: object, replicate: Replicate, __: object) -> tuple[CostResult, ...]:
    return tuple(
        CostResult(task=task, status="failed", reason="the meter broke") for task in replicate.tasks
    )


@pytest.mark.slow
def test_failed_costs_count_in_every_run_until_they_are_measured(here, capsys, monkeypatch):
    file = tiny(here)
    (here / file).write_text((here / file).read_text() + COST)
    with monkeypatch.context() as patch:
        patch.setattr(Executor, "measure", broken_cost)
        assert run("--grid", file, "--no-report") == EXIT_TRIALS_FAILED
    assert "a cost was not measured: the meter broke" in capsys.readouterr().err
    assert run("--grid", file, "--no-report") == EXIT_TRIALS_FAILED
    said = capsys.readouterr().err
    assert "trained nothing" in said
    assert "3 costs failed; to try again: python -m suite.run --grid tiny.toml" in said
    assert said.rstrip().endswith("--retry-failed")
    assert run("--grid", file, "--no-report", "--retry-failed") == EXIT_DONE


@pytest.mark.slow
def test_a_run_that_fail_fast_stopped_measures_nothing_and_is_not_finished(
    here, capsys, monkeypatch
):
    from suite.executors import training

    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    file = tiny(here)
    assert run("--grid", file, "--no-report") == EXIT_DONE
    (here / file).write_text((here / file).read_text() + COST)
    with monkeypatch.context() as patch:
        patch.setattr(training, "train_stack", fault)
        how = ("--no-report", "--force", "--fail-fast", "--executor", "in-process")
        assert run("--grid", file, *how) == EXIT_TRIALS_FAILED
    assert "stopped at the first failure (--fail-fast)" in capsys.readouterr().err
    with StoreReader(here / "results" / "tiny") as store:
        assert store.cost_statuses() == {}
        assert "missing" not in store.statuses().values()
        assert [run["finished"] is None for run in store.runs()] == [False, True]


# --- readers that go away ----------------------------------------------------------------------


@contextlib.contextmanager
def unread() -> Iterator[int]:
    """Give the end of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    try:
        yield write
    finally:
        os.close(write)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--list-grids"], EXIT_DONE),
        (["--help"], EXIT_DONE),
        (["--grid", "smoke", "--dry-run"], EXIT_DONE),
        (["--grid", "nowhere.toml"], EXIT_USAGE),
    ],
)
def test_the_exit_code_is_the_same_if_nobody_listens(here, arguments, code):
    command = [sys.executable, "-m", "suite.run", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with unread() as nobody:
        done = subprocess.run(
            command, cwd=here, env=environment, stdout=nobody, stderr=nobody, check=False
        )
    assert done.returncode == code


@pytest.mark.slow
def test_a_run_goes_on_when_whoever_read_it_has_gone(here):
    file = tiny(here)
    command = [sys.executable, "-m", "suite.run", "--grid", file, "--device", "cpu", "--no-report"]
    read, write = os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, cwd=here, env=environment, stdout=write, stderr=write)
    os.close(write)
    with os.fdopen(read) as said:
        assert said.readline() == "tiny: Tiny\n"
    assert child.wait() == EXIT_DONE
    assert len(rows(here / "results" / "tiny")) == 12


@contextlib.contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "suite.run", *arguments, "--device", "cpu"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def wait_for_rows(child: subprocess.Popen[str], out: Path, count: int, *, costs: int = 0) -> None:
    """Wait until a run has stored that many trials and costs."""
    while child.poll() is None:
        # The store may be just being made.
        with contextlib.suppress(StoreError), StoreReader(out) as store:
            if len(store.statuses()) >= count and len(store.cost_statuses()) >= costs:
                return
        time.sleep(0.05)
    raise AssertionError(f"the run ended before: {child.communicate()}")


@pytest.mark.slow
def test_ctrl_c_stops_cleanly_with_a_partial_report(here):
    file = tiny(here, steps=400, rates="[1e-4, 1e-3, 1e-2]")
    out = here / "results" / "tiny"
    with started(here, "--grid", file) as child:
        wait_for_rows(child, out, 3)
        child.send_signal(signal.SIGINT)
        said, complained = child.communicate()
    assert child.returncode == EXIT_INTERRUPTED, complained
    assert "interrupted; to go on: python -m suite.run --grid tiny.toml --device cpu" in complained
    assert "Traceback" not in complained
    assert (out / "report.html").is_file()
    assert "report: results/tiny/report.html" in said
    stored = rows(out)
    assert 3 <= len(stored) < 36
    assert run("--grid", file, "--no-report", "--quiet") == EXIT_DONE
    assert [row for row in rows(out) if row in stored] == stored


COST = """
[cost]
why = "For tests."
dataset = "mnist5k"
model = "mlp"
norm = "none"
batch_size = 16
replicates = 3
samples = 2
threads = 1
"""


def test_dry_run_says_how_long_costs_take(here, capsys):
    file = tiny(here)
    (here / file).write_text((here / file).read_text() + COST)
    assert main(["--grid", file, "--dry-run", "--device", "cpu"]) == EXIT_DONE
    out = capsys.readouterr().out
    assert "cost: 1 network, in 3 replicates, 3 to do after training: about " in out


@pytest.mark.slow
def test_a_run_that_is_stopped_while_costs_are_measured_is_not_finished(here):
    file = tiny(here)
    (here / file).write_text((here / file).read_text() + COST)
    out = here / "results" / "tiny"
    with started(here, "--grid", file) as child:
        wait_for_rows(child, out, 12, costs=1)
        child.send_signal(signal.SIGINT)
        _, complained = child.communicate()
    assert child.returncode == EXIT_INTERRUPTED, complained
    assert "trained 12 trials" not in complained  # the run has not ended
    with StoreReader(out) as store:
        (stopped,) = store.runs()
        assert stopped["finished"] is None
        assert len(store.planned_costs()) == 3
        assert 1 <= len(store.cost_statuses()) < 3
    assert "Partial run." in (out / "report.html").read_text()
    assert run("--grid", file) == EXIT_DONE
    with StoreReader(out) as store:
        assert store.runs()[-1]["finished"] is not None
        assert set(store.cost_statuses().values()) == {"ok"}
        assert len(store.costs()) == 3
    assert "Partial run." not in (out / "report.html").read_text()


@pytest.mark.slow
def test_no_worker_is_left_when_costs_are_measured(here, monkeypatch):
    """Measurement never runs beside training: of all processes only the idle fork server lives."""
    import psutil

    from suite.cost import campaign

    file = tiny(here, steps=40)
    (here / file).write_text((here / file).read_text() + COST)
    ours = psutil.Process()
    before = {child.pid for child in ours.children(recursive=True)}
    alive = []

    def measured(*_: object, **__: object) -> None:
        children = [c for c in ours.children(recursive=True) if c.pid not in before]
        alive.extend((c.cmdline(), c.cpu_times()) for c in children)
        time.sleep(1)
        busy = [c for c in children if c.is_running() and c.cpu_percent(interval=0.5) > 5]
        assert busy == []

    monkeypatch.setattr(campaign, "measure_costs", measured)
    assert run("--grid", file, "--no-report", "--executor", "processes", "--workers", "2") == 0
    with StoreReader(here / "results" / "tiny") as store:
        assert store.runs()[0]["executor"]["processes"] == 2
    # The server and the tracker of shared memory stay; a worker is a child of the server.
    assert len(alive) <= 2
    assert all("forkserver" in " ".join(c) or "tracker" in " ".join(c) for c, _ in alive)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_rows_of_one_that_was_not(here):
    file = tiny(here, steps=100, rates="[1e-3, 1e-2]")
    killed, whole = here / "killed", here / "whole"
    with started(here, "--grid", file, "--out", str(killed), "--no-report") as child:
        wait_for_rows(child, killed, 3)
        child.kill()
    assert len(rows(killed)) < 24
    with StoreReader(killed) as store, StoreWriter(whole) as other:
        for shape, size in store.stack_sizes().items():  # chosen by timing, so perhaps others there
            other.keep_stack_size(shape, size, {})
    for out in (killed, whole):
        assert run("--grid", file, "--out", str(out), "--no-report", "--quiet") == EXIT_DONE
    assert rows(killed) == rows(whole)
