"""A user's own model, ``module:function``: when its code is run, and what is refused beforehand."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from suite import code_version as versions
from suite.code_version import code_version, cost_version
from suite.errors import EXIT_DONE, EXIT_USAGE, GridError, ModelError, UnknownNameError
from suite.grid import load_grid, parse_grid
from suite.models import model_spec
from suite.models.own import source_of, sources_behind
from suite.own_models import check_own_models
from suite.records import Condition
from suite.run import main
from suite.store import StoreReader
from suite.training import train_serial
from suite.training.build import build_serial
from tests.suite.training.conftest import dataset, make_trial

__all__ = ["dataset", "make_trial"]

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "my_models.py"
GRID = """
title = "t"
[[study]]
name = "grid"
why = "w"
dataset = "mnist5k"
model = {model}
norm = ["none", "batch"]
batch_size = 64
learning_rate = 1e-3
steps = 3
seeds = 2
"""
HEAD = "import torch\nfrom torch import nn\n"
LINEAR = "nn.Flatten(), nn.Linear(784, 16), {norm}, nn.ReLU(), nn.Linear(16, classes)"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of the user's, importable under a name that no other test has."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(body: str, name: str | None = None) -> str:
        name = name or f"own_{tmp_path.name.replace('-', '_')}"
        sys.modules.pop(name, None)
        (tmp_path / f"{name}.py").write_text(HEAD + body)
        return name

    return write


def read_again() -> None:
    """Forget what files held, as a new process would."""
    versions._syntax.cache_clear()
    versions._version.cache_clear()


def of_layers(*layers: str) -> str:
    return (
        f"def build(norm, classes, image_shape):\n    return nn.Sequential({', '.join(layers)})\n"
    )


def condition(name: str, norm: str = "batch") -> Condition:
    return Condition(
        dataset="mnist5k", model=f"{name}:build", norm=norm, batch_size=64, learning_rate=1e-3
    )


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group:4", "ghost:4", "affine_only"])
def test_a_model_of_ones_own_passes(norm, module):
    check_own_models([condition(module(of_layers(LINEAR.format(norm="norm(16)"))), norm)])


@pytest.mark.parametrize(
    ("body", "norm", "says"),
    [
        (of_layers(LINEAR.format(norm="nn.Identity()")), "batch", "ignores its norm argument"),
        (of_layers(LINEAR.format(norm="nn.Identity()")), "none", "ignores its norm argument"),
        (of_layers(LINEAR.format(norm="norm(16)")), "group:3", "3 groups don't divide its 16"),
        (of_layers(LINEAR.format(norm="norm(16)")), "group:16", "one value has no variance"),
        (of_layers(LINEAR.format(norm="norm(8)")), "batch", r"norm\(8\) is given \(8, 16\)"),
        (of_layers(LINEAR.format(norm="norm(16), nn.BatchNorm1d(16)")), "none", "all the same"),
        (of_layers(LINEAR.format(norm="norm(16), nn.Dropout(0.5)")), "batch", "dropout"),
        (of_layers(LINEAR.format(norm="norm(16)"), "nn.Linear(classes, 3)"), "none", r"\(8, 10\)"),
        ("def build(norm, classes, image_shape):\n    return 3\n", "none", "int, not a torch.nn"),
        ("def build(norm):\n    return norm(3)\n", "none", "TypeError: build.* takes 1 positional"),
        ("def build(norm, classes, image_shape):\n    1 / 0\n", "none", "ZeroDivisionError"),
        ("built = 3\n", "none", "has no function build"),
        (
            "def build(norm, classes, image_shape):\n"
            "    layer = norm(16)\n"
            "    two = [] if isinstance(layer, nn.Identity) else [layer]\n"
            "    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), *two, "
            "nn.Linear(16, classes), *([] if two else [layer]))\n",
            "batch",
            "2.weight, 2.bias are not those of the network without norm",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_before_anything_runs(body, norm, says, module):
    name = module(body)
    with pytest.raises(ModelError, match=says) as raised:
        check_own_models([condition(name, norm)])
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", [":build", "m:", "m:a.b", "m:a b", "../m:f", "m.:f", "a:b:c",
                                  "m:f\n", "m:f()", "é:f", "m:" + "f" * 300])  # fmt: skip
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(ModelError, match="module:function"):
        model_spec(name)


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ModelError, match=r"no module 'no_such_thing'.*PYTHONPATH"):
        source_of("no_such_thing")
    with pytest.raises(ModelError, match="no Python file"):
        source_of("json.nothing")
    with pytest.raises(ModelError, match="no Python file"):
        source_of("sys")


def test_a_grid_file_may_not_name_code_unless_it_is_allowed():
    content = GRID.format(model='["mlp", "m:build"]').encode()
    with pytest.raises(GridError, match=r"study\[0\]\.model\[1\].*--allow-code"):
        parse_grid(content, name="g")
    with pytest.raises(GridError, match=r"model.*--allow-code"):  # the flag is for the other name
        parse_grid(content, name="g", model="n:build")
    found = parse_grid(content, name="g", allow_code=True)
    assert {c.model for c in found.studies[0].conditions} == {"mlp", "m:build"}
    with pytest.raises(GridError, match="module:function"):
        parse_grid(GRID.format(model='"m:a b"').encode(), name="g", allow_code=True)


def test_one_model_stands_in_for_all_of_a_grid():
    grid = load_grid("full", model="m:build")
    assert {c.model for s in grid.studies for c in s.conditions} == {"m:build"}
    assert {c.depth for s in grid.studies for c in s.conditions} == {None}
    assert {c.model for c in grid.cost.conditions} == {"m:build"}
    assert {c.depth for s in load_grid("full", model="deep_mlp").studies for c in s.conditions} == {
        2, 6, 12, 20,
    }  # fmt: skip
    with pytest.raises(UnknownNameError, match="did you mean mlp"):
        load_grid("full", model="mpl")
    # What the stand-in can't take is named, as for a model of the file.
    with pytest.raises(GridError, match="32 groups don't divide its 16 channels"):
        parse_grid(
            GRID.format(model='"mlp"').replace('"batch"]', '"group:32"]').encode(),
            name="g",
            model="cnn",
        )


def test_a_virtual_batch_larger_than_the_batch_is_named():
    content = GRID.format(model='"mlp"').replace('"batch"]', '"ghost:65"]').encode()
    with pytest.raises(GridError, match="virtual batch of 65 is larger than batch_size 64"):
        parse_grid(content, name="g", model="m:build")


def test_its_files_are_part_of_the_code_version(module, tmp_path):
    name = module("from own_helper import width\nimport json\n")
    helper = tmp_path / "own_helper.py"
    helper.write_text("width = 3\n")
    (tmp_path / "own_other.py").write_text("")  # a neighbour that is not imported
    before = code_version(condition(name)), cost_version(condition(name))
    assert {n for n, _ in sources_behind(name)} == {f"{name}.py", "own_helper.py"}

    def after() -> tuple[str, str]:
        read_again()
        return code_version(condition(name)), cost_version(condition(name))

    helper.write_text("width = 3  # a remark\n")
    assert after() == before
    helper.write_text("width = 4\n")
    changed = after()
    assert changed[0] != before[0]
    assert changed[1] != before[1]


def test_files_behind_a_package_are_found_without_running_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "own_package"
    (package / "parts").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('run')\n")
    (package / "nets.py").write_text(
        "from .parts import block\nimport torch\nfrom . import sizes\n"
    )
    (package / "parts" / "__init__.py").write_text("")
    (package / "parts" / "block.py").write_text("from ..sizes import width\n")
    (package / "sizes.py").write_text("width = 3\n")
    (package / "other.py").write_text("")
    assert [name for name, _ in sources_behind("own_package.nets")] == [
        "own_package/__init__.py",
        "own_package/nets.py",
        "own_package/parts/__init__.py",
        "own_package/parts/block.py",
        "own_package/sizes.py",
    ]
    assert "own_package" not in sys.modules


def test_of_what_is_installed_the_package_itself_counts_and_no_other():
    names = [name for name, _ in sources_behind("torchvision.models.alexnet")]
    assert "torchvision/models/alexnet.py" in names
    assert all(name.startswith("torchvision/") for name in names)


def test_models_of_the_suite_have_their_version_without_it():
    for name in ("mlp", "cnn", "deep_mlp", "resnet18"):
        files = versions._files_behind(model_spec(name).module)
        assert not {"models/own.py", "models/spec.py", "models/__init__.py"} & set(files)


def test_the_example_runs_and_its_report_needs_none_of_it(tmp_path, monkeypatch, capsys):
    """From the command line to the report; then the report again where the code would explode."""
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "code"
    code.mkdir()
    monkeypatch.syspath_prepend(code)
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    (code / "my_models.py").write_text(EXAMPLE.read_text())
    (tmp_path / "tiny.toml").write_text(GRID.format(model='"mlp"'))
    given = ["--grid", "tiny.toml", "--model", "my_models:shortcut", "--out", "out", "--quiet"]
    assert main(given) == EXIT_DONE
    with StoreReader(tmp_path / "out") as store:
        assert set(store.statuses().values()) == {"ok"}
    (code / "my_models.py").write_text("raise SystemExit('imported')\n")
    again = [sys.executable, "-m", "analysis.report", "out"]
    environment = {"PYTHONPATH": f"{ROOT}:{code}", "PATH": ""}
    done = subprocess.run(again, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "my_models:shortcut" in (tmp_path / "out" / "report.html").read_text()
    # A changed model is another model: nothing of it counts as done.
    read_again()
    assert main([*given, "--dry-run"]) == EXIT_DONE
    assert "4 to do" in capsys.readouterr().out


def test_a_model_that_cannot_be_used_ends_the_run_with_one_line(module, tmp_path, capsys):
    name = module(of_layers(LINEAR.format(norm="nn.Identity()")))
    (tmp_path / "tiny.toml").write_text(GRID.format(model='"mlp"'))
    out = tmp_path / "out"
    given = ["--grid", str(tmp_path / "tiny.toml"), "--model", f"{name}:build", "--out", str(out)]
    assert main([*given, "--quiet"]) == EXIT_USAGE
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "ignores its norm argument" in line
    assert not out.exists()


def test_a_look_at_the_plan_does_not_run_the_code(module, tmp_path, capsys):
    name = module("raise SystemExit('imported')\n")
    (tmp_path / "tiny.toml").write_text(GRID.format(model=f'"{name}:build"'))
    given = ["--grid", str(tmp_path / "tiny.toml"), "--allow-code", "--dry-run"]
    assert main([*given, "--out", str(tmp_path / "out")]) == EXIT_DONE
    assert "4 to do: about unknown" in capsys.readouterr().out


def test_arms_start_alike_and_training_repeats(module, dataset, make_trial):
    name = module(of_layers("nn.Flatten()", "nn.Linear(64, 16)", "norm(16)", "nn.Linear(16, 10)"))
    trials = [make_trial(model=f"{name}:build", norm=norm) for norm in ("none", "batch")]
    arms = [build_serial(t.condition, 3, dataset.spec).state_dict() for t in trials]
    assert all(torch.equal(value, arms[1][key]) for key, value in arms[0].items())
    once, twice = (
        dataclasses.replace(train_serial(trials[1], dataset), seconds=0.0).outcomes
        for _ in range(2)
    )
    timed = {"seconds_to_target"}
    assert [o for o in once if o.quantity not in timed] == [
        o for o in twice if o.quantity not in timed
    ]
