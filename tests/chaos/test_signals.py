"""SIGINT, SIGTERM and SIGHUP to real runs at random moments: exit code, words, whole files."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING

import psutil
import pytest

from suite.errors import EXIT_DONE, EXIT_INTERRUPTED
from suite.store import STORE_NAME
from tests.chaos.runs import (
    end_orphans,
    ended,
    send,
    start_report,
    stored_rows,
    wait_until,
    write_grid,
)
from tests.chaos.test_kill_runs import sound_files, wait_for_a_moment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.runs import Run, Zygote

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def check(run: Run, code: int, out: Path) -> None:
    said = run.said()
    assert "Traceback" not in said, said
    assert "error-" not in said, said
    assert code in (EXIT_DONE, EXIT_INTERRUPTED), said
    if code == EXIT_INTERRUPTED:
        assert "go on" in said.splitlines()[-1] or "goes on" in said.splitlines()[-1], said
    sound_files(out)
    if out.exists():
        assert run.acknowledged() <= len(stored_rows(out))


def test_a_signal_at_any_moment(tmp_path: Path, zygote: Zygote, long_form: bool) -> None:
    chance = random.Random(30)
    grid = str(write_grid(tmp_path))
    codes: Counter[int] = Counter()
    for number in range(60 if long_form else 3):
        out = tmp_path / f"out-{number}"
        twice = chance.random() < 0.3
        # From nothing, too: a signal may come while libraries are being loaded.
        run = zygote.start(tmp_path, "--grid", grid, "--out", str(out), warm=number % 3 > 0)
        assert wait_until(lambda run=run: "small: Small" in run.said(), run)
        wait_for_a_moment(run, out, chance, 4.0)
        workers = run.workers()
        for _ in range(1 + twice):
            send(run.pid, chance.choice(SIGNALS))
            time.sleep(chance.uniform(0, 0.2))
        code = run.wait()
        end_orphans(workers)
        check(run, code, out)
        left = [path.name for path in out.glob(".*")] if out.exists() and not twice else []
        assert not left, left
        codes[code] += 1
        again = zygote.start(tmp_path, "--grid", grid, "--out", str(out))
        assert again.wait() == EXIT_DONE, again.said()
        assert len(stored_rows(out)) == 48
    print(f"exit codes {dict(codes)}")


@pytest.mark.parametrize("number", SIGNALS[:2])
def test_a_signal_while_the_report_is_written(
    tmp_path: Path, zygote: Zygote, number: signal.Signals
) -> None:
    grid = str(write_grid(tmp_path))
    out = tmp_path / "out"
    run = zygote.start(tmp_path, "--grid", grid, "--out", str(out))
    assert wait_until(lambda: "writing the report" in run.said(), run)
    time.sleep(0.05)
    send(run.pid, number)
    assert run.wait() == EXIT_INTERRUPTED, run.said()
    assert "the report was not finished; every finished trial is stored" in run.said()
    assert run.said().splitlines()[-1].startswith("interrupted; to go on: python -m suite.run")
    assert "Traceback" not in run.said()
    assert not list(out.glob(".*"))
    assert len(stored_rows(out)) == 48


@pytest.mark.parametrize("number", SIGNALS[:2])
def test_a_signal_to_the_report_alone(
    tmp_path: Path, zygote: Zygote, number: signal.Signals
) -> None:
    """As Ctrl-C, and as a run that ends ends the one that keeps its report fresh."""
    out = tmp_path / "out"
    grid = str(write_grid(tmp_path))
    run = zygote.start(tmp_path, "--grid", grid, "--out", str(out), "--no-report")
    assert run.wait() == EXIT_DONE, run.said()
    with contextlib.closing(sqlite3.connect(out / STORE_NAME)) as holder:
        # Until its store is let go the report can not get beyond reading it, however fast it is.
        holder.execute("BEGIN EXCLUSIVE")
        report = start_report(out)
        with report, ended(report):
            assert report.stderr is not None
            assert wait_until(lambda: reads(report.pid), report)
            holder.rollback()
            report.send_signal(number)
            said = report.stderr.read()
            report.wait()
    assert report.returncode == EXIT_INTERRUPTED
    assert said == "stopped; no file was left half written\n"
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def reads(pid: int) -> bool:
    """Tell whether a process has a store open."""
    return any(STORE_NAME in file.path for file in psutil.Process(pid).open_files())
