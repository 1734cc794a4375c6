"""The command line of the calibration."""

from __future__ import annotations

import pytest

from analysis import calibrate as module
from analysis.calibrate import calibrate, main
from analysis.calibration.table import load_table, make_table, rate_row
from suite.errors import EXIT_DONE, EXIT_TRIALS_FAILED, EXIT_USAGE


def test_the_same_table_on_any_number_of_processes():
    one, two = (calibrate(5, 2, seeds=[6], processes=p) for p in (1, 2))
    assert one.to_json() == two.to_json()
    assert {r.question for r in one.rows} == {
        "type-I error", "coverage", "equivalence at the margin", "power", "registry",
    }  # fmt: skip


@pytest.mark.parametrize(("hits", "code"), [(50, EXIT_DONE), (300, EXIT_TRIALS_FAILED)])
def test_writes_the_table_and_says_what_does_not_hold(monkeypatch, tmp_path, capsys, hits, code):
    row = rate_row("type-I error", "t", "normal", 12, hits=hits, simulations=1000, most=0.055)
    monkeypatch.setattr(module, "calibrate", lambda *_, **__: make_table([row], 1000))
    assert main(["--out", str(tmp_path / "new")]) == code
    assert load_table(tmp_path / "new" / "calibration.json").rows == (row,)
    assert (tmp_path / "new" / "calibration.csv").exists()
    assert ("not kept: type-I error" in capsys.readouterr().out) == (code != EXIT_DONE)


@pytest.mark.parametrize(
    "argv",
    [["--simulations", "0"], ["--reports", "-1"], ["--processes", "0"], ["--seeds", "5"],
     ["--entropy", "-1"]],
)  # fmt: skip
def test_bad_arguments_are_one_line(argv, tmp_path, capsys):
    assert main([*argv, "--out", str(tmp_path)]) == EXIT_USAGE
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(module, "calibrate", lambda *_, **__: make_table([], 1))
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file" / "below")]) == EXIT_USAGE
    assert "can't write" in capsys.readouterr().err
