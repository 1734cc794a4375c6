"""Data flows one way: who may import whom, read from the sources and tried in a fresh process."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED_IN_ANALYSIS = {"store", "records", "quantities", "errors"}
# The records of measured cost, as free of torch and of behaviour as ``records``; and what Ctrl-C
# means, which is the same for every program and needs the standard library alone.
ALSO_ALLOWED = {"cost_records", "interrupts"}
ENTRY_POINTS = {"suite/run.py", "suite/doctor.py"}


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"no module in {package}"
    return found


def imported(path: Path) -> set[str]:
    """Every module that a file imports anywhere, as a dotted name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def top(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", modules("suite"), ids=lambda p: str(p.relative_to(ROOT)))
def test_suite_never_imports_analysis(path: Path) -> None:
    if str(path.relative_to(ROOT)) not in ENTRY_POINTS:
        assert "analysis" not in top(imported(path))


@pytest.mark.parametrize("path", modules("analysis"), ids=lambda p: str(p.relative_to(ROOT)))
def test_analysis_sees_the_store_and_no_trainer(path: Path) -> None:
    names = imported(path)
    assert not {"torch", "torchvision"} & top(names)
    seen = {name.split(".")[1] for name in names if name.startswith("suite.")}
    assert seen <= ALLOWED_IN_ANALYSIS | ALSO_ALLOWED


def test_the_reader_of_imports_sees_them(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("def f():\n    import torch.nn\n    from suite.training import loop\n")
    assert imported(source) == {"torch.nn", "suite.training", "suite.training.loop"}


# Not None in sys.modules, which scipy takes for a loaded torch.
BLOCK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision"):
            raise ModuleNotFoundError(f"{name} is blocked")
sys.meta_path.insert(0, Refuse())
"""


def run_without_torch(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCK + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_all_of_analysis_imports_where_torch_is_blocked() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in modules("analysis")
        if path.name != "__main__.py"
    ]
    code = "import importlib\n" + "\n".join(f"importlib.import_module({n!r})" for n in names)
    result = run_without_torch(code)
    assert result.returncode == 0, result.stderr


def test_the_block_works() -> None:
    assert run_without_torch("import torch").returncode != 0


@pytest.mark.parametrize("name", ["suite.norms", "suite.models", "suite.datasets", "suite.grid"])
def test_registries_need_no_torch(name: str) -> None:
    result = run_without_torch(f"import {name}")
    assert result.returncode == 0, result.stderr
