"""Names that try to be places: whatever they are the name of, nothing is written elsewhere."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from analysis.report import build_report
from suite.errors import EXIT_DONE, EXIT_USAGE
from suite.grid_form import is_safe_name
from suite.run import main
from suite.store import STORE_NAME, StoreWriter
from tests.fakes import fake_result, tiny_plan
from tests.grid_inputs import STUDY, text
from tests.hostile import NAMES


@pytest.fixture
def cell(tmp_path, monkeypatch):
    """A folder deep in an otherwise empty one, to work in, and a watch on all around it."""
    inside = tmp_path / "around" / "work" / "inside"
    inside.mkdir(parents=True)
    (tmp_path / "precious").write_text("precious")
    monkeypatch.chdir(inside)
    monkeypatch.setenv("HOME", str(tmp_path / "around"))
    return inside


def everything(cell: Path) -> set[tuple[str, bytes]]:
    top = cell.parents[2]
    return {
        (str(path.relative_to(top)), b"" if path.is_dir() else path.read_bytes())
        for path in top.rglob("*")
    }


def quoted(name: str) -> str:
    """Write a name as TOML; what TOML has no way to write is left as it is."""
    return '"' + "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in name) + '"'


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(arguments)
    said = capsys.readouterr()
    assert code == EXIT_USAGE, (arguments, said.err)
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert said.out == ""


def test_there_are_many():
    assert len(set(NAMES)) >= 80


@pytest.mark.parametrize("key", ["name", "dataset", "model", "norm", "optimizer", "init", "split"])
def test_in_a_grid_file(cell, capsys, key):
    for name in NAMES:
        if key == "name" and is_safe_name(name):
            continue
        Path("g.toml").write_bytes(text({key: quoted(name)}))
        before = everything(cell)
        refused(["--grid", "g.toml"], capsys)
        assert everything(cell) == before


def test_as_probe_and_as_key(cell, capsys):
    for name in NAMES:
        for change in ({"probes": f"[{quoted(name)}]"}, {quoted(name): "1"}):
            Path("g.toml").write_bytes(text(change))
            before = everything(cell)
            refused(["--grid", "g.toml"], capsys)
            assert everything(cell) == before


@pytest.mark.parametrize("flag", ["--grid", "--dataset", "--device", "--seeds", "--executor"])
def test_on_the_command_line(cell, capsys, flag):
    before = everything(cell)
    for name in NAMES:
        if name not in ("--help", "--out=../evil"):  # these are flags of their own right
            refused(["--grid", "smoke", flag, name], capsys)
    assert everything(cell) == before


def test_as_the_name_of_a_grid_file(cell, capsys):
    for name in NAMES:
        file = Path(f"{name}.toml")
        try:
            if file.is_absolute() or ".." in file.parts or len(file.parts) != 1:
                continue
            file.write_bytes(text())
        except (OSError, ValueError, UnicodeEncodeError):
            continue  # the system itself has no such names
        before = everything(cell)
        code = main(["--grid", f"./{file}", "--dry-run"])
        said = capsys.readouterr()
        assert code in (EXIT_DONE, EXIT_USAGE)
        if code == EXIT_USAGE:
            assert "file name: a name has letters, digits" in said.err
        assert everything(cell) == before
        file.unlink()


@pytest.mark.parametrize("name", ["", "a\x00b", "\udcff", "x" * 300])
def test_folders_that_no_system_has(cell, capsys, name):
    Path("g.toml").write_bytes(text())
    before = everything(cell)
    for flag in ("--out", "--data-dir"):
        code = main(["--grid", "g.toml", flag, name, "--dry-run"])
        said = capsys.readouterr()
        assert code == EXIT_USAGE, said.err
        assert "Traceback" not in said.err
    assert everything(cell) == before


def write_store(out: Path) -> None:
    plan = tiny_plan(seeds=8)
    with StoreWriter(out) as store:
        info = {"command": list(NAMES[:60]), "grid": {"name": "../../evil", "title": "/evil"}}
        run = store.begin_run("now", info, plan.studies, plan.planned)
        store.add(run, [fake_result(trial) for trial in plan.trials.values()])
        store.finish_run(run, "later")


def test_in_a_store_that_a_report_is_made_of(cell):
    out = cell / "out"
    write_store(out)
    names = [name for name in NAMES if name and name.isprintable()]
    with contextlib.closing(sqlite3.connect(out / STORE_NAME)) as db:
        db.execute("DROP TABLE checksums")  # as in the schema before
        db.execute("PRAGMA user_version = 1")
        keys = db.execute("SELECT study, key, trial FROM planned").fetchall()
        for (study, key, trial), name in zip(keys, names, strict=False):
            changed = json.loads(trial)
            changed["condition"] |= dict.fromkeys(("dataset", "model", "norm", "init"), name)
            changed["device"] = name
            where = (json.dumps(changed), study, key)
            db.execute("UPDATE planned SET trial = ? WHERE study = ? AND key = ?", where)
            db.execute("UPDATE trials SET status = 'failed', reason = ? WHERE key = ?", (name, key))
        db.execute("UPDATE studies SET why = '../../evil'")
        db.commit()
    before = everything(cell)
    build_report(out)
    new = {path for path, _ in everything(cell) - before}
    assert new
    assert {str(Path(path).parent) for path in new} == {"around/work/inside/out"}


def test_links_in_the_folder_of_results(cell):
    out = cell / "out"
    write_store(out)
    precious = cell.parents[2] / "precious"
    for name in ("report.html", "verdicts.json", "trials.csv"):
        (out / name).symlink_to(precious)
    build_report(out)
    assert precious.read_text() == "precious"
    assert (out / "report.html").read_text().rstrip().endswith("</html>")
    assert not (out / "report.html").is_symlink()


def test_the_study_that_is_changed_is_valid_as_it_is(cell, capsys):
    Path("g.toml").write_bytes(text())
    assert main(["--grid", "g.toml", "--dry-run"]) == EXIT_DONE
    assert set(STUDY) > {"name", "dataset", "model", "norm"}
