"""Every fault of a command is one line and the right exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analysis import calibrate, compare
from analysis.command_line import answer
from analysis.report.__main__ import main as report
from suite.errors import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    StoreError,
)

ROOT = Path(__file__).parents[2]


def test_what_went_well_has_its_own_code():
    assert answer(lambda: EXIT_DONE, "stopped") == EXIT_DONE
    assert answer(lambda: 10, "stopped") == 10


def raising(error):
    def work():
        raise error

    return work


def test_faults_are_a_line(capsys):
    assert answer(raising(KeyboardInterrupt()), "stopped; all is well") == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "stopped; all is well\n"
    assert answer(raising(StoreError("store x is damaged")), "") == StoreError.exit_code
    assert capsys.readouterr().err == "error: store x is damaged\n"


def test_a_fault_of_ours_names_the_file_with_the_traceback(capsys):
    assert answer(raising(ZeroDivisionError("first\nsecond")), "") == EXIT_INTERNAL
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: internal error: ZeroDivisionError: first; please report ")
    file = Path(line.rpartition(" ")[2])
    assert "raise error" in file.read_text()
    file.unlink()


@pytest.mark.parametrize("main", [report, compare.main, calibrate.main])
def test_bad_flags_are_a_usage_error(main, capsys):
    assert main(["--no-such-flag"]) == EXIT_USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("--help")


@pytest.mark.parametrize("module", ["analysis.report", "analysis.compare", "analysis.calibrate"])
def test_help_ends_well(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (EXIT_DONE, "")


def test_a_reader_that_goes_away_is_no_fault():
    code = (
        "import sys\nfrom analysis.command_line import answer\n"
        "def work():\n    for _ in range(100_000): print('x' * 100)\n    return 0\n"
        "sys.exit(answer(work, 'stopped'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.readline()
        writer.stdout.close()
        said = writer.stderr.read()
    assert (writer.returncode, said) == (EXIT_DONE, b"")
