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
name = "large"
why = "Needs more memory than there is."
dataset = "mnist5k"
model = "mlp"
norm = "batch"
batch_size = [{sizes}]
learning_rate = 1e-3
steps = 2
seeds = 4
"""


def memory(folder: Path, sizes: str) -> str:
    file = folder / "memory.toml"
    file.write_text(MEMORY.format(sizes=sizes))
    return str(file)


def test_memory_for_small_stacks_alone(tmp_path: Path, zygote: Zygote) -> None:
    out = tmp_path / "out"
    run = zygote.start(
        tmp_path,
        *("--grid", memory(tmp_path, "64, 3500"), "--out", str(out), "--no-report"),
        headroom=220 * 2**20,
    )
    code = run.wait()
    said = run.said()
    with StoreReader(out) as store:
        found = {(r.trial.condition.batch_size, r.status, r.stack_size) for r in store.results()}
    assert "Traceback" not in said
    assert {r for r in found if r[0] == 64} == {(64, "ok", 4)}
    assert code in (EXIT_DONE, EXIT_TRIALS_FAILED), said
    large = {r for r in found if r[0] == 3500}
    print(large)
    assert large <= {(3500, "ok", 1), (3500, "ok", 2), (3500, "oom", 1)}
