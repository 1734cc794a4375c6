"""The command line of the calibration."""

from __future__ import annotations

import pytest

from analysis import calibrate as module
from analysis.calibrate import UnfinishedError, calibrate, main
from analysis.calibration import parts
from analysis.calibration.parts import keep, kept, plan
from analysis.calibration.table import load_table, make_table, rate_row
from analysis.calibration.whole_registry import RegistryCount
from suite.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_TRIALS_FAILED, EXIT_USAGE


def test_the_same_table_on_any_number_of_processes():
    one, two = (calibrate(5, 2, seeds=[6], processes=p) for p in (1, 2))
    assert one.to_json() == two.to_json()
    assert {r.question for r in one.rows} == {
        "type-I error", "coverage", "equivalence at the margin", "power", "registry",
    }  # fmt: skip


class _NoWork:
    """Processes that were not to be asked for anything."""

    def __init__(self, processes):
        del processes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, work):
        raise LookupError(work)


def test_parts_that_are_done_are_not_done_again(monkeypatch, tmp_path):
    whole = calibrate(5, 0, seeds=[6])
    with pytest.raises(UnfinishedError, match="0 of"):
        calibrate(5, 0, seeds=[6], folder=tmp_path, minutes=1e-9)
    calibrate(5, 0, seeds=[6], folder=tmp_path)
    monkeypatch.setattr(module, "ProcessPoolExecutor", _NoWork)
    assert calibrate(5, 0, seeds=[6], folder=tmp_path).to_json() == whole.to_json()
    assert calibrate(4, 0, seeds=[6], folder=tmp_path).rows == whole.rows  # more than asked for
    with pytest.raises(LookupError):
        calibrate(6, 0, seeds=[6], folder=tmp_path)
    with pytest.raises(LookupError):
        calibrate(5, 0, seeds=[6], entropy=1, folder=tmp_path)


def test_parts_of_other_code_are_done_again(monkeypatch, tmp_path):
    (part, *_) = plan(5, 0, [6], 0)
    keep(tmp_path, part, [])
    assert kept(tmp_path, part) == []
    monkeypatch.setattr(parts, "_hash_of", lambda _: "other")
    assert kept(tmp_path, part) is None


def test_reports_are_kept_too(tmp_path):
    part = plan(5, 20, [6], 0)[-1]
    count = RegistryCount(20, 1, 2, frozenset({"A1", "A2"}))
    keep(tmp_path, part, count)
    assert kept(tmp_path, part) == count


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
     ["--entropy", "-1"], ["--minutes", "0"], ["--minutes", "nan"]],
)  # fmt: skip
def test_bad_arguments_are_one_line(argv, tmp_path, capsys):
    assert main([*argv, "--out", str(tmp_path)]) == EXIT_USAGE
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_time_that_is_over(tmp_path, capsys):
    command = ["--simulations", "5", "--reports", "0", "--minutes", "1e-9", "--out", str(tmp_path)]
    assert main(command) == EXIT_INTERRUPTED
    assert "goes on" in capsys.readouterr().err
    assert not (tmp_path / "calibration.json").exists()


def test_a_folder_that_can_not_be_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(module, "calibrate", lambda *_, **__: make_table([], 1))
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file" / "below")]) == EXIT_USAGE
    assert "can't write" in capsys.readouterr().err
