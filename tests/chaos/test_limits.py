"""Real runs where the machine says no: full and read-only disks, a held store, little memory.

Each ends with the right exit code and one clear line, leaves whole files, and goes on from there.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from suite.errors import EXIT_DONE, EXIT_TRIALS_FAILED, EXIT_USAGE
from suite.store import STORE_NAME, StoreReader, StoreWriter
from tests.chaos.runs import ROOT, stored_rows, without_clock, write_grid
from tests.chaos.test_kill_runs import sound_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chaos.runs import Run, Zygote


ENOUGH_FOR_ONE = 600 * 2**20  # bytes: for one member of the large stack below, not for four
FOR_NONE = 200 * 2**20


def error_of(run: Run, code: int) -> str:
    """Wait for a run that must fail; gives its one line."""
    assert run.wait() == code, run.said()
    said = run.said()
    assert "Traceback" not in said, said
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert said.splitlines()[-1] == line
    return line


@pytest.fixture
def grid(tmp_path: Path) -> str:
    return str(write_grid(tmp_path))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def expected(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Rows of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    run = zygote.start(
        folder, "--grid", str(write_grid(folder)), "--out", str(folder / "out"), "--no-report"
    )
    assert run.wait() == EXIT_DONE, run.said()
    return without_clock(stored_rows(folder / "out"))


def test_a_disk_that_fills_while_trials_are_stored(
    tmp_path: Path,
    zygote: Zygote,
    grid: str,
    disk: Path,
    mounted: Callable[..., None],
    expected: dict[str, object],
) -> None:
    mounted(disk, "size=160k")
    run = zygote.start(tmp_path, "--grid", grid, "--out", str(disk / "out"))
    line = error_of(run, EXIT_USAGE)
    assert f"the disk is full: {disk / 'out'} can't grow; free some space and give the" in line
    rows = without_clock(stored_rows(disk / "out"))
    assert 0 < len(rows) < 48
    assert rows.items() <= expected.items()
    assert run.acknowledged() <= len(rows)
    mounted(disk, "size=40m")
    again = zygote.start(tmp_path, "--grid", grid, "--out", str(disk / "out"))
    assert again.wait() == EXIT_DONE, again.said()
    assert without_clock(stored_rows(disk / "out")) == expected


def test_a_disk_that_is_full_when_the_report_is_written(
    tmp_path: Path, zygote: Zygote, grid: str, disk: Path, mounted: Callable[..., None]
) -> None:
    mounted(disk, "size=40m")
    out = disk / "out"
    run = zygote.start(tmp_path, "--grid", grid, "--out", str(out))
    assert run.wait() == EXIT_DONE, run.said()
    old = {path.name: path.read_bytes() for path in out.iterdir() if path.name != STORE_NAME}
    with (disk / "filler").open("wb") as filler:
        free = shutil.disk_usage(disk).free - 100_000  # the store can grow, the report can't
        filler.write(bytes(free))
    line = error_of(zygote.start(tmp_path, "--grid", grid, "--out", str(out)), EXIT_USAGE)
    assert re.search(r"can't write .*/out/\S+: No space left on device", line), line
    sound_files(out)
    kept = {path.name: path.read_bytes() for path in out.iterdir() if path.name != STORE_NAME}
    assert kept["report.html"] == old["report.html"]
    assert kept.keys() == old.keys()
    (disk / "filler").unlink()
    again = zygote.start(tmp_path, "--grid", grid, "--out", str(out))
    assert again.wait() == EXIT_DONE, again.said()


def test_a_disk_that_can_only_be_read(
    tmp_path: Path, zygote: Zygote, grid: str, disk: Path, mounted: Callable[..., None]
) -> None:
    mounted(disk, "size=40m")
    old = disk / "old"
    run = zygote.start(tmp_path, "--grid", grid, "--out", str(old))
    assert run.wait() == EXIT_DONE, run.said()
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    mounted(disk, "ro,size=40m")
    for out in (old, disk / "new"):
        line = error_of(zygote.start(tmp_path, "--grid", grid, "--out", str(out)), EXIT_USAGE)
        assert f"can't write to {out}: Read-only file system" in line
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before

    # The report of results that can only be read goes elsewhere.
    def report(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "analysis.report", str(old), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    refused = report()
    assert (refused.returncode, refused.stdout) == (EXIT_USAGE, "")
    assert re.fullmatch(r"error: can't write .*: Read-only file system\n", refused.stderr)
    made = report("--out", str(tmp_path / "elsewhere"))
    assert (made.returncode, made.stderr) == (EXIT_DONE, "")


def test_a_store_that_another_run_holds(tmp_path: Path, zygote: Zygote, grid: str) -> None:
    out = tmp_path / "out"
    with StoreWriter(out):
        before = (out / STORE_NAME).read_bytes()
        line = error_of(zygote.start(tmp_path, "--grid", grid, "--out", str(out)), EXIT_USAGE)
        who = f"process {os.getpid()} on {socket.gethostname()} since 20"
        assert f"{out / STORE_NAME} is in use by {who}" in line
        assert line.endswith("; wait for it or stop it")
        assert (out / STORE_NAME).read_bytes() == before
    run = zygote.start(tmp_path, "--grid", grid, "--out", str(out), "--no-report")
    assert run.wait() == EXIT_DONE, run.said()


MEMORY = """
title = "Memory"

[[study]]
name = "small"
why = "Fits."
dataset = "mnist5k"
model = "mlp"
norm = "batch"
batch_size = 64
learning_rate = 1e-3
steps = 2
seeds = 4

[[study]]
name = "large"
why = "Needs more memory than there is."
dataset = "mnist5k"
model = "cnn"
norm = "batch"
batch_size = 3500
learning_rate = 1e-3
steps = 1
seeds = 4
"""


@pytest.mark.parametrize(
    ("headroom", "large"), [(ENOUGH_FOR_ONE, ("ok", {1, 2})), (FOR_NONE, ("oom", {1}))]
)
def test_little_memory(
    tmp_path: Path, zygote: Zygote, headroom: int, large: tuple[str, set[int]]
) -> None:
    """Stacks get smaller until they fit; a trial that does not fit alone says so."""
    (tmp_path / "memory.toml").write_text(MEMORY)
    out = tmp_path / "out"
    how = ("--grid", "memory.toml", "--out", str(out), "--no-report")
    run = zygote.start(tmp_path, *how, headroom=headroom)
    status, sizes = large
    assert run.wait() == (EXIT_DONE if status == "ok" else EXIT_TRIALS_FAILED), run.said()
    assert "Traceback" not in run.said()
    with StoreReader(out) as store:
        found = list(store.results())
    small = [r for r in found if r.trial.condition.model == "mlp"]
    assert [(r.status, r.stack_size) for r in small] == [("ok", 4)] * 4
    rest = [r for r in found if r.trial.condition.model == "cnn"]
    assert {r.status for r in rest} == {status}
    assert {r.stack_size for r in rest} <= sizes
    if status == "oom":
        assert all(r.reason.startswith("out of memory") for r in rest)
        assert "4 trials failed; to try again: python -m suite.run" in run.said()
        again = zygote.start(tmp_path, *how, "--retry-failed")  # where there is more memory
        assert again.wait() == EXIT_DONE, again.said()
