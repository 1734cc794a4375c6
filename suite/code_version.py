"""The version of the code that determines a trial's numbers, without torch.

It is the hash of syntax trees, docstrings left out, of the shared trainer and of that trial's own
norm, model, dataset and probes; a model of the user's own has its files among them. So comments,
new norms or a better report leave finished trials finished, and a change of the trainer makes them
other trials.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from suite.models import model_spec
from suite.models.own import is_own, sources_behind
from suite.norms import parse_norm
from suite.probes import probe_spec

if TYPE_CHECKING:
    from suite.probes import ProbeCost
    from suite.records import Condition

_SUITE: Final = Path(__file__).parent
_SHARED: Final = ("data.py", "fits.py", "optimizers.py", "records.py", "seeds.py")
_PROBING: Final = tuple(
    f"probes/{name}.py"
    for name in ("base", "moments", "network", "readings", "schedule", "session")
)
_COST: Final = (
    *(f"cost/{name}.py" for name in ("clock", "energy", "folding", "load", "memory", "network")),
    *(f"cost/{name}.py" for name in ("operations", "protocol", "worker")),
    *("optimizers.py", "training/build.py", "training/inits.py"),
)


def code_version(condition: Condition, probes: tuple[str, ...] = ()) -> str:
    """Hash the code that a trial of this condition runs: 16 hexadecimal digits.

    Parameters
    ----------
    condition
        Names the norm, model and dataset.
    probes
        Names of mechanism probes; their modules count only where they are used.
    """
    norm = parse_norm(condition.norm)
    return _version(
        (
            *_SHARED,
            *sorted(str(p.relative_to(_SUITE)) for p in (_SUITE / "training").glob("*.py")),
            *_files_behind(norm.spec.module),
            *_files_behind(model_spec(condition.model).module),
            *_files_behind(f"suite.datasets.{condition.dataset}"),
            *_probe_files(probes),
        ),
        tuple(probe_spec(name).cost for name in sorted(probes)),
        _own_sources(condition.model),
    )


def cost_version(condition: Condition) -> str:
    """Hash the code that measures the cost of a condition: 16 hexadecimal digits."""
    norm = parse_norm(condition.norm)
    model = model_spec(condition.model)
    own = (*_files_behind(norm.spec.module), *_files_behind(model.module))
    return _version((*_COST, *own), own=_own_sources(condition.model))


def _own_sources(model: str) -> tuple[tuple[str, Path], ...]:
    """List the files of a user's own model; a model of the suite has its file in the package."""
    return sources_behind(model.partition(":")[0]) if is_own(model) else ()


def _probe_files(probes: tuple[str, ...]) -> tuple[str, ...]:
    if not probes:
        return ()
    specs = [probe_spec(name) for name in probes]
    own = {_file_of(module) for spec in specs for module in (spec.module, *spec.modules)}
    return (*_PROBING, *sorted(own))


@functools.cache
def _version(
    files: tuple[str, ...],
    costs: tuple[ProbeCost, ...] = (),
    own: tuple[tuple[str, Path], ...] = (),
) -> str:
    digest = hashlib.sha256()
    for name in files:
        path = _SUITE / name
        digest.update(f"{name}\n{_syntax(path) if path.is_file() else ''}\n".encode())
    for name, path in own:
        digest.update(f"own {name}\n{_syntax(path)}\n".encode())
    if costs:  # what probes cost decides how often they run
        digest.update(repr(costs).encode())
    return digest.hexdigest()[:16]


@functools.cache
def _syntax(path: Path) -> str:
    return syntax_without_docstrings(path.read_text(encoding="utf-8"))


def syntax_without_docstrings(source: str) -> str:
    """Write a module's syntax tree: no comments, layout or docstrings.

    Python 3.11, 3.12 and 3.13 give the same text, so that results of machines with different ones
    can be merged.
    """
    words: list[str] = []
    _write(ast.parse(source), words)
    return " ".join(words)


def _write(part: object, words: list[str]) -> None:
    """Write part of a syntax tree, without empty fields, of which later Pythons have more.

    ``ast.unparse`` would be shorter, but that of Python 3.12 quotes f-strings in a way of its own.
    """
    if isinstance(part, list):
        words.append("[")
        for item in part:
            _write(item, words)
        words.append("]")
    elif isinstance(part, ast.AST):
        words.append(f"{type(part).__name__}(")
        for name in part._fields:
            value: Any = getattr(part, name, None)
            if name == "body" and _starts_with_docstring(part):
                value = value[1:]
            if value is not None and value != [] and name != "ctx":  # which its place implies
                words.append(name)
                _write(value, words)
        words.append(")")
    else:
        words.append(ascii(part))


def _starts_with_docstring(part: ast.AST) -> bool:
    return (
        isinstance(part, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(part, clean=False) is not None
    )


def _file_of(module: str) -> str:
    return module.removeprefix("suite.").replace(".", "/") + ".py"


@functools.cache
def _files_behind(module: str) -> tuple[str, ...]:
    """List a module's file and those of its own package that it imports, however indirectly."""
    package = module.rpartition(".")[0]
    found: set[str] = set()
    left = [module]
    while left:
        file = _file_of(left.pop())
        if file in found or not (_SUITE / file).is_file():
            continue
        found.add(file)
        for node in ast.walk(ast.parse((_SUITE / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
                left += [name for name in names if name.startswith(f"{package}.")]
    return tuple(sorted(found))
