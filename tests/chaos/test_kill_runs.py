"""SIGKILL to real runs and their workers at random moments, again and again.

No trial that was stored is lost, changed or trained again; the file is sound each time; and what is
found in the end is what a run finds that was never killed. The long form kills 200 times.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd
import psutil

from suite.environment import usable_cores
from suite.errors import EXIT_DONE, EXIT_TRIALS_FAILED
from suite.store import STORE_NAME, StoreReader, StoreWriter
from tests.chaos.runs import (
    end_orphans,
    send,
    stored_rows,
    wait_until,
    without_clock,
    write_grid,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.runs import Run, Zygote

# One a core, so that each has one thread as the runs without workers have: the same bits.
_WORKERS = ("--workers", str(usable_cores()))
EXPORTS = ("comparisons.csv", "pairs.csv", "trials.csv", "curves.csv")


def kills(long_form: bool) -> int:
    return 200 if long_form else 5


def wait_for_a_moment(
    run: Run, out: Path, chance: random.Random, seconds: float, *, reports: bool = True
) -> str:
    """Wait until some moment of a run's life; says of which kind it is."""
    kind = chance.choice(["any", "any", "commit", "line", *["report"] * reports])
    if kind == "commit":
        journal = out / f"{STORE_NAME}-journal"
        for _ in range(chance.randint(1, 6)):
            wait_until(journal.exists, run)
            time.sleep(chance.uniform(0, 0.01))
    elif kind == "line":
        wanted = run.acknowledged() + chance.choice([1, 1, 24, 48])
        wait_until(lambda: run.acknowledged() >= wanted, run)
        time.sleep(chance.uniform(0, 0.02))
    elif kind == "report":
        wait_until(lambda: "writing the report" in run.said(), run)
        time.sleep(chance.uniform(0, seconds / 2))
    else:
        time.sleep(chance.uniform(0, seconds))
    return kind


def sound_files(out: Path) -> None:
    """Hold that every file a reader may open is whole."""
    report = out / "report.html"
    if report.exists():
        assert report.read_text().rstrip().endswith("</html>")
    verdicts = out / "verdicts.json"
    if verdicts.exists():
        json.loads(verdicts.read_text())


def analysis(out: Path) -> dict[str, object]:
    """Read the analysis that a run left, but for clocks, and the name of its folder."""
    found: dict[str, object] = {
        "verdicts": json.loads((out / "verdicts.json").read_text())["verdicts"]
    }
    for name in EXPORTS:
        frame = pd.read_csv(out / name)
        frame = frame.drop(columns=[c for c in frame if c == "store" or "seconds" in str(c)])
        if "quantity" in frame:
            frame = frame[~frame["quantity"].str.contains("seconds")]
        found[name] = frame.to_csv(index=False)
    return found


def sizes(out: Path) -> dict[str, int]:
    with StoreReader(out) as store:
        return store.stack_sizes()


def test_runs_that_are_killed_end_as_one_that_was_not(
    tmp_path: Path, zygote: Zygote, long_form: bool
) -> None:
    chance = random.Random(20)
    grid = str(write_grid(tmp_path))
    whole = tmp_path / "whole"
    seconds: dict[bool, float] = {}
    for more in (["--no-report"], []):
        begun = time.monotonic()
        run = zygote.start(tmp_path, "--grid", grid, "--out", str(whole), "--force", *more)
        assert run.wait() == EXIT_DONE, run.said()
        seconds[not more] = time.monotonic() - begun
    # Sizes are chosen by how fast the machine seems; what a trial gives depends on its stack's.
    wholes = {frozenset(sizes(whole).items()): whole}
    assert len(stored_rows(whole)) == 48
    done, number, moments = 0, 0, Counter[str]()
    while done < kills(long_form):
        number += 1
        out = tmp_path / f"killed-{number}"
        reports = number % 4 == 1  # writing them takes most of a run's time
        workers_too = ["--executor", "processes", *_WORKERS] if number % 4 == 2 else []
        seen: dict[str, object] = {}
        while True:
            more = [*workers_too, *([] if reports else ["--no-report"])]
            run = zygote.start(tmp_path, "--grid", grid, "--out", str(out), *more)
            kind = wait_for_a_moment(run, out, chance, seconds[reports], reports=reports)
            workers = run.workers()
            send(run.pid, signal.SIGKILL)
            code = run.wait()
            end_orphans(workers)
            rows = stored_rows(out)
            assert {key: rows.get(key) for key in seen} == seen, "a stored trial was lost or redone"
            assert run.acknowledged() <= len(rows), "an acknowledged trial was lost"
            sound_files(out)
            seen = dict(rows)
            assert "Traceback" not in run.said()
            if code == EXIT_DONE:
                break
            assert code == -signal.SIGKILL, run.said()
            done += 1
            moments[kind] += 1
            print(f"{done} kills", flush=True) if done % 10 == 0 else None
        key = frozenset(sizes(out).items())
        if key not in wholes:
            wholes[key] = tmp_path / f"whole-{len(wholes)}"
            with StoreWriter(wholes[key]) as store:
                for shape, size in key:
                    store.keep_stack_size(shape, size, {})
            run = zygote.start(tmp_path, "--grid", grid, "--out", str(wholes[key]))
            assert run.wait() == EXIT_DONE, run.said()
        assert without_clock(rows) == without_clock(stored_rows(wholes[key]))
        if reports:
            assert analysis(out) == analysis(wholes[key])
    print(f"{done} kills in {number} runs, moments {dict(moments)}; whole runs took {seconds} s")


def strike(worker: psutil.Process) -> bool:
    """Kill a worker; says whether it was there."""
    try:
        worker.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def works(worker: psutil.Process) -> bool:
    """Say whether a process still does anything; one that nobody has waited for does not."""
    try:
        return bool(worker.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_workers_that_are_killed(tmp_path: Path, zygote: Zygote, long_form: bool) -> None:
    """Another tries again; what was lost twice is stored as failed, and can be trained again."""
    chance = random.Random(21)
    grid = str(write_grid(tmp_path))
    how = ("--grid", grid, "--no-report", "--executor", "processes", "--workers", "2")
    whole = zygote.start(tmp_path, *how, "--out", str(tmp_path / "whole"))
    assert whole.wait() == EXIT_DONE, whole.said()
    expected, chosen = without_clock(stored_rows(tmp_path / "whole")), sizes(tmp_path / "whole")
    struck = 0
    for number in range(20 if long_form else 1):
        out = tmp_path / f"out-{number}"
        with StoreWriter(out) as store:
            for shape, size in chosen.items():
                store.keep_stack_size(shape, size, {})
        run = zygote.start(tmp_path, *how, "--out", str(out))
        for _ in range(chance.randint(1, 2)):
            assert wait_until(lambda run=run: "training 48 trials" in run.said(), run)
            time.sleep(chance.uniform(0, 2))
            if workers := run.workers():  # the server that forks them is one of these
                struck += strike(chance.choice(workers))
        code = run.wait()
        assert "Traceback" not in run.said()
        assert code in (EXIT_DONE, EXIT_TRIALS_FAILED), run.said()
        assert len(stored_rows(out)) == 48
        again = zygote.start(tmp_path, *how, "--out", str(out), "--retry-failed")
        assert again.wait() == EXIT_DONE, again.said()
        assert without_clock(stored_rows(out)) == expected
    print(f"{struck} workers killed")


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path, zygote: Zygote) -> None:
    grid = str(write_grid(tmp_path))
    run = zygote.start(
        tmp_path,
        *("--grid", grid, "--out", str(tmp_path / "out"), "--executor", "processes"),
    )
    assert wait_until(lambda: "training 48 trials" in run.said(), run)
    workers = run.workers()
    assert workers
    assert send(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    until = time.monotonic() + 60
    while time.monotonic() < until and any(map(works, workers)):
        time.sleep(0.1)
    assert not any(map(works, workers))


def measuring(run: Run) -> list[psutil.Process]:
    """List the processes of a run that measure costs, which is not all that it starts."""
    found = []
    for process in run.workers():
        with contextlib.suppress(psutil.Error):
            if "suite.cost.worker" in process.cmdline():
                found.append(process)
    return found


def test_a_measuring_process_ends_with_a_run_that_is_killed(tmp_path: Path, zygote: Zygote) -> None:
    grid = write_grid(tmp_path, cost=True)
    grid.write_text(grid.read_text().replace("samples = 2", "samples = 10000"))
    run = zygote.start(tmp_path, "--grid", str(grid), "--out", str(tmp_path / "out"), "--no-report")
    assert wait_until(lambda: bool(measuring(run)), run), run.said()
    time.sleep(1)  # it has its tasks, and would be busy with them for minutes
    left = run.workers()
    try:
        assert send(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        until = time.monotonic() + 60
        while time.monotonic() < until and any(map(works, left)):
            time.sleep(0.1)
        assert not any(map(works, left))
    finally:
        end_orphans(left)


def test_a_measuring_process_that_is_killed(tmp_path: Path, zygote: Zygote) -> None:
    grid = str(write_grid(tmp_path, cost=True))
    out = tmp_path / "out"
    how = ("--grid", grid, "--out", str(out), "--no-report")
    run = zygote.start(tmp_path, *how)
    assert wait_until(lambda: bool(measuring(run)), run), run.said()
    assert any(strike(process) for process in measuring(run))
    assert run.wait() == EXIT_TRIALS_FAILED, run.said()
    assert "Traceback" not in run.said()
    assert "a cost was not measured: the measuring process ended with -9" in run.said()
    again = zygote.start(tmp_path, *how, "--retry-failed")
    assert again.wait() == EXIT_DONE, again.said()
    with StoreReader(out) as store:
        assert list(store.cost_statuses().values()) == ["ok"] * 4
