import getpass
import json
import os
import platform
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from suite import environment as module
from suite.environment import (
    code_revision,
    cpu_model,
    environment,
    machine_mark,
    usable_cores,
    versions,
)

ROOT = Path(__file__).parents[2]


def test_record_is_plain_json_without_paths_hosts_or_users():
    record = environment()
    text = json.dumps(record, allow_nan=False)
    assert json.loads(text) == record
    assert not re.search(r'"[^"]*(?<![\w.])/(home|root|usr|opt|tmp|work)/', text)
    host = platform.node()
    if len(host) > 5:
        assert host not in text
    user = getpass.getuser()
    if len(user) > 5:
        assert user not in text


def test_record_holds_what_a_reader_needs():
    import torch

    record = environment()
    assert record["python"].endswith(platform.python_version())
    # A CUDA build from the package index says which only when it is asked itself: 2.10.0+cu128.
    assert record["versions"]["torch"] in (torch.__version__, torch.__version__.partition("+")[0])
    assert record["threads"] == torch.get_num_threads()
    assert record["cpu"]["usable_cores"] <= record["cpu"]["logical_cores"]
    assert record["cpu"]["capability"]
    assert record["torch"]["tf32_matmul"] is torch.backends.cuda.matmul.allow_tf32
    assert isinstance(record["torchvision_native_ops"], bool)
    assert record["load_at_start"] >= 0


def test_the_mark_tells_machines_apart_and_names_none(tmp_path, monkeypatch):
    identity = tmp_path / "machine-id"
    without = machine_mark(identity)
    assert re.fullmatch("[0-9a-f]{8}", without)
    identity.write_text("3f0c\n")
    with_one = machine_mark(identity)
    assert machine_mark(identity) == with_one
    identity.write_text("77aa\n")
    monkeypatch.setattr(platform, "node", lambda: "another")
    assert len({without, with_one, machine_mark(identity)}) == 3
    assert environment()["machine"] == machine_mark()


def test_settings_are_read_when_asked():
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert environment()["threads"] == before + 1
    finally:
        torch.set_num_threads(before)


def test_every_dependency_has_its_version_recorded():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.match(r"[\w-]+", line)[0].lower() for line in project["dependencies"]}
    assert set(versions()) == named
    assert all(versions().values())


def test_absent_library_is_recorded_as_absent(monkeypatch):
    monkeypatch.setattr(module, "_DISTRIBUTIONS", ("no-such-distribution",))
    assert versions() == {"no-such-distribution": None}


def test_cpu_model_falls_back_to_the_architecture(monkeypatch):
    assert cpu_model()

    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert cpu_model() == platform.processor() or platform.machine()
    assert usable_cores() >= 1


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "run.py").write_text("first\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "first")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_revision_of_a_clean_and_of_a_modified_checkout(checkout):
    head = git(checkout, "rev-parse", "HEAD")
    (checkout / "notes.txt").write_text("untracked files change nothing")
    assert code_revision(checkout) == {"version": "0.1.0", "revision": head, "modified": False}
    (checkout / "suite" / "run.py").write_text("second\n")
    assert code_revision(checkout) == {"version": "0.1.0", "revision": head, "modified": True}


def test_package_below_someone_elses_checkout_has_no_revision(checkout):
    installed = checkout / "site-packages"
    (installed / "suite").mkdir(parents=True)
    found = code_revision(installed)
    assert found == {"version": "0.1.0", "revision": None, "modified": None}


def test_no_git_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_revision(ROOT)["revision"] is None


@pytest.mark.parametrize("name", ["suite.environment", "suite.devices"])
def test_import_costs_no_torch(name):
    code = f"import sys, {name}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("max 100000", 8), ("", 8)],
)
def test_cores_of_a_container_that_gets_a_share_of_the_time(tmp_path, monkeypatch, text, cores):
    file = tmp_path / "cpu.max"
    file.write_text(text)
    monkeypatch.setattr(module, "_CPU_QUOTA", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert usable_cores() == cores
    file.unlink()
    assert usable_cores() == 8
