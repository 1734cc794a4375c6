"""The doctor finds what is put wrong on purpose, and says what mends it."""

import contextlib
import itertools
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from suite import checkup, device_check, doctor
from suite.checkup import (
    Finding,
    Place,
    check_clock,
    check_data,
    check_devices,
    check_libraries,
    check_load,
    check_python,
    check_results,
    check_room,
    check_torchvision,
    examine,
)
from suite.errors import EXIT_DONE, EXIT_TRIALS_FAILED, EXIT_USAGE, DeviceError
from suite.store import STORE_NAME, StoreWriter
from tests.suite.test_store import fill

ROOT = Path(__file__).parents[2]


def problems(found) -> list[Finding]:
    return [finding for finding in found if finding.level == "problem"]


def notes(found) -> list[Finding]:
    return [finding for finding in found if finding.level == "note"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("BATCHNORM_BENCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Place(tmp_path / "results")


def test_a_sound_machine(place, capsys, monkeypatch):
    monkeypatch.setattr(checkup, "is_loaded", lambda *_: False)
    assert doctor.main(["--out", str(place.out)]) == EXIT_DONE
    said = capsys.readouterr().out
    for words in ("Python: CPython", "cpu: ", "batch norm off by at most"):
        assert words in said
    assert "versions: torch" in said or "versions: not those tested: " in said  # tox -e oldest
    assert "mnist5k: found, checksums right" in said
    assert "mnist: MNIST is not in" in said
    assert "0 to mend, " in said
    assert not place.out.exists()


def test_help_imports_no_torch():
    code = (
        "import sys\nfrom suite.doctor import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'numpy', 'psutil') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("given", [["--no-such-flag"], ["--out"], ["--data-dir", ""], ["extra"]])
def test_wrong_usage_is_no_stop(given, capsys):
    assert doctor.main(given) == EXIT_USAGE
    shown = capsys.readouterr()
    assert not shown.out
    (line,) = shown.err.splitlines()
    assert line.startswith("error: ")
    assert "see --help" in line


def test_an_old_python(monkeypatch):
    assert not problems(check_python())
    monkeypatch.setattr(checkup, "OLDEST_PYTHON", (99, 0))
    (found,) = check_python()
    assert (found.level, found.mend.split()[0]) == ("problem", "python99.0")


def test_libraries_that_are_missing_old_or_untested(monkeypatch):
    monkeypatch.setattr(
        checkup, "versions", lambda names: dict.fromkeys(names, "99.0") | {"psutil": None}
    )
    monkeypatch.setattr(
        checkup.importlib.metadata, "requires", lambda _: ["psutil>=6", "torch>=100", "pandas>=3"]
    )
    missing, old, untested = check_libraries()
    assert missing == Finding("problem", "psutil", "is not installed", checkup.INSTALL)
    assert (old.level, old.seen) == ("problem", "99.0, but >=100 is needed")
    assert untested.level == "note"
    assert "pandas 99.0 (tested: 3." in untested.seen


def test_an_extra_may_be_missing_but_not_old(monkeypatch):
    extras = ["absent>=1; extra == 'x'", "ray>=2; extra == 'ray'"]
    monkeypatch.setattr(checkup.importlib.metadata, "requires", lambda _: extras)
    monkeypatch.setattr(checkup, "versions", lambda names: dict.fromkeys(names) | {"ray": "1.9"})
    (old,) = problems(check_libraries())
    assert old.seen == "1.9, but >=2 is needed"


def test_a_project_that_is_not_installed(monkeypatch):
    def absent(_: str) -> list[str]:
        raise checkup.importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(checkup.importlib.metadata, "requires", absent)
    assert [f.mend for f in problems(check_libraries())] == [checkup.INSTALL]


def test_a_device_that_calculates_wrongly(monkeypatch):
    assert not problems(check_devices())

    def refuse(device: str) -> dict[str, float]:
        raise DeviceError(f"device {device} is refused: output 1.0e-01")

    monkeypatch.setattr(device_check, "check_device", refuse)
    (found,) = problems(check_devices())
    assert "is refused: output 1.0e-01" in found.seen
    assert "--device cpu" in found.mend


@pytest.mark.parametrize(("native", "level"), [(True, "fine"), (False, "note")])
def test_torchvision(monkeypatch, native, level):
    monkeypatch.setattr("suite.torchvision_compat.native_ops", lambda: native)
    (found,) = check_torchvision()
    assert found.level == level
    assert bool(found.mend) == (not native)


def test_a_damaged_dataset_is_named_with_the_command_that_removes_it(tmp_path, place):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte").write_bytes(b"damaged")
    (found,) = problems(check_data(Place(place.out, tmp_path / "data")))
    assert found.what == "mnist"
    assert "is not MNIST's train-images-idx3-ubyte" in found.seen
    assert found.mend == f"rm {raw / 'train-images-idx3-ubyte'}"


def test_a_damaged_package_of_images(place, monkeypatch):
    monkeypatch.setattr("suite.datasets.mnist5k._CHECKSUM", "0" * 64)
    (found,) = problems(check_data(place))
    assert found.what == "mnist5k"
    assert found.mend.startswith("pip install --force-reinstall")


def test_results(tmp_path, place):
    assert [f.level for f in check_results(place)] == ["fine"]
    fill(place.out)
    (found,) = check_results(place)
    assert found.seen.startswith("4 trials in")
    with StoreWriter(place.out):
        (held,) = notes(check_results(place))
        assert "is in use by process" in held.seen
    store = place.out / STORE_NAME
    content = bytearray(store.read_bytes())
    content[4096:8192] = bytes(4096)
    store.write_bytes(content)
    (found,) = problems(check_results(place))
    assert "is damaged" in found.seen
    assert found.mend == f"mv {place.out} {place.out}.damaged"
    assert store.read_bytes() == content
    (tmp_path / "file").touch()
    (found,) = check_results(Place(tmp_path / "file"))
    assert found.level == "problem"


def test_every_store_below_the_folder_of_results_is_looked_at(place):
    """Runs write ``results/GRID``, and the doctor is asked about ``results``."""
    for grid in ("full", "smoke"):
        fill(place.out / grid)
    found = list(check_results(place))
    assert [f.level for f in found] == ["fine", "fine"]
    for grid, finding in zip(("full", "smoke"), found, strict=True):
        assert f"4 trials in {place.out / grid / STORE_NAME}" in finding.seen
    (place.out / "full" / STORE_NAME).write_bytes(b"SQLite format 3")
    damaged, sound = check_results(place)
    assert (damaged.level, sound.level) == ("problem", "fine")
    assert damaged.mend == f"mv {place.out / 'full'} {place.out / 'full'}.damaged"


@pytest.mark.parametrize(
    ("statements", "mend"),
    [
        (["PRAGMA user_version = 99"], "git pull && pip install -c constraints.txt -e ."),
        (
            ["DROP TABLE planned_costs", "PRAGMA user_version = 1"],
            "python -m suite.run --grid {grid} --out {folder}",
        ),
        (["PRAGMA application_id = 5"], "give another --out"),
    ],
)
@pytest.mark.parametrize(("name", "grid"), [("full", "full"), ("mine", "GRID")])
def test_a_sound_store_is_never_to_be_moved_away(place, statements, mend, name, grid):
    folder = place.out / name
    fill(folder)
    with contextlib.closing(sqlite3.connect(folder / STORE_NAME)) as db:
        for statement in statements:
            db.execute(statement)
    (found,) = problems(check_results(place))
    assert found.mend == mend.format(grid=grid, folder=folder)


def test_a_folder_on_a_read_only_disk(place, monkeypatch):
    monkeypatch.setattr(checkup, "_read_only", lambda _: True)
    (found,) = problems(check_results(place))
    assert "can't be written" in found.seen
    assert found.mend.startswith("chmod u+wx")


def test_little_room(place, monkeypatch):
    assert {f.what for f in check_room(place)} == {"disk", "memory"}
    monkeypatch.setattr(checkup, "free_memory", lambda: 2**20)
    monkeypatch.setattr(checkup, "WANTED_DISK", 2**60)
    disk, memory = check_room(place)
    assert (disk.level, memory.level) == ("note", "problem")
    assert disk.mend.startswith("df -h")
    assert memory.seen == "1 MiB free; 2.0 GiB are wanted"


def test_clocks():
    assert [f.level for f in check_clock()] == ["fine"]
    ticks = itertools.count()
    (coarse,) = check_clock(lambda: next(ticks) // 3 * 0.001)
    assert (coarse.level, "1.0e-03 s" in coarse.seen) == ("note", True)
    back = itertools.count(0, -1)
    (wrong,) = check_clock(lambda: float(next(back)))
    assert wrong.level == "problem"


def test_load_and_threads(monkeypatch):
    monkeypatch.setattr(checkup.LoadMeter, "other_cores", lambda _: 99.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1000")
    load, threads = check_load(seconds=0)
    assert (load.level, threads.level) == ("note", "note")
    assert load.mend.startswith("ps -eo pcpu")
    assert threads.mend == "unset OMP_NUM_THREADS"


def test_a_check_that_fails_is_a_problem_and_the_others_go_on(place, monkeypatch, capsys):
    def broken() -> None:
        raise ImportError("libtorch.so: no such file\nand more")

    monkeypatch.setattr(checkup, "check_torchvision", broken)
    monkeypatch.setattr(checkup, "is_loaded", lambda *_: False)
    found = list(examine(place))
    (problem,) = problems(found)
    assert problem.seen == "ImportError: libtorch.so: no such file and more"
    assert "load" in {f.what for f in found}
    assert doctor.main(["--out", str(place.out)]) == EXIT_TRIALS_FAILED
    assert "1 to mend" in capsys.readouterr().out


def test_every_problem_and_note_that_can_be_mended_says_how(place):
    for finding in examine(place):
        assert "\n" not in finding.seen
        assert finding.level == "fine" or finding.mend or "is in use" in finding.seen
