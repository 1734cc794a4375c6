"""A user's own model, named ``module:function``; without torch, and without running its code.

The function builds a network and takes the norm as an argument::

    def build(norm, classes, image_shape):
        ...

``norm(features)`` makes each norm layer (also where the norm is none: then it is the identity),
``classes`` is the number of outputs and ``image_shape`` is (channels, height, width).

Such a name is code to run. It counts only where somebody asked for it in this very run: on the
command line, or in a grid file together with ``--allow-code`` (``suite.grid_form``). The name in a
store is text and nothing else. There is no stacked twin, so trials are trained one by one. What is
wrong with a model is found before anything runs, see ``suite.own_models``.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from suite.errors import ModelError
from suite.models.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from suite.models.spec import ModelModule, SerialNorm, StackedNorm

_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_LONGEST: Final = 200


@dataclass(frozen=True)
class OwnModelSpec(ModelSpec):
    """A user's model; its name is ``module:function``."""

    def load(self) -> ModelModule:
        """Make what calls the function; the code itself is imported when a network is built."""
        return Factory(self.name)


@dataclass(frozen=True)
class Factory:
    """The user's function in the form of a model's module."""

    name: str

    def serial(
        self, norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
    ) -> nn.Module:
        """Build the network for images (batch, *image_shape)."""
        del depth
        built: nn.Module = function_of(self.name)(norm, classes, image_shape)
        return built

    def stacked(
        self,
        stack: int,
        norm: StackedNorm,
        depth: int | None,
        classes: int,
        image_shape: tuple[int, ...],
    ) -> nn.Module:
        """Refuse: there is no stacked twin."""
        raise NotImplementedError(f"{self.name} is trained one trial after the other")


def is_own(name: str) -> bool:
    """Say whether a model's name asks for code of the user's."""
    return ":" in name


def own_model(name: str) -> OwnModelSpec:
    """Describe a user's model, from its name alone.

    Raises
    ------
    ModelError
        The name is not of the form ``module:function``.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        shown = name if len(name) <= 60 else f"{name[:60]}…"
        raise ModelError(
            f"model {shown!r}: a model of your own is written module:function, as in "
            "'my_models:build'"
        )
    return OwnModelSpec(
        name=name,
        title=name,
        module=name.partition(":")[0],
        meaning="A model of the user's own.",
        norm_features=(),
        has_stacked=False,
    )


def function_of(name: str) -> Callable[..., Any]:
    """Import the code of a user's model.

    Raises
    ------
    ModelError
        There is no such module or function; the message names what is missing.
    """
    module, _, function = name.partition(":")
    source_of(module)
    found = getattr(importlib.import_module(module), function, None)
    if not callable(found):
        raise ModelError(f"model {name!r}: module {module} has no function {function}")
    made: Callable[..., Any] = found
    return made


def source_of(module: str) -> Path:
    """Find a module's file, without importing it.

    Raises
    ------
    ModelError
        It is not on Python's path, or is not written in Python.
    """
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise ModelError(
            f"no module {top!r} on Python's path: start `python -m suite.run` in the folder that "
            "holds it, or name that folder in PYTHONPATH"
        )
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    if not rest and spec.origin and spec.origin.endswith(".py"):
        return Path(spec.origin)
    for place in places:
        path = place.joinpath(*rest)
        for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
            if rest and file.is_file():
                return file
    raise ModelError(f"module {module!r} has no Python file: it is not there, or compiled")


def sources_behind(module: str) -> tuple[tuple[str, Path], ...]:
    """Give a module's file and those of its own folder or package that it imports.

    Imports are read from the source, however indirect; what is installed beside Python (torch and
    the like) does not count.

    Returns
    -------
    tuple
        Name, which is the same on every machine, and file; sorted.
    """
    top, first = module.partition(".")[0], source_of(module)
    depth = len(module.split(".")) - (first.name != "__init__.py")
    root = first.parents[depth]
    installed = {Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib", "platlib")}
    found: dict[str, Path] = {}
    left = [first]
    while left:
        file = left.pop()
        name = file.relative_to(root).as_posix()
        if name in found:
            continue
        found[name] = file
        packages = file.parents[: len(file.relative_to(root).parts) - 1]  # they are run too
        left += [init for folder in packages if (init := folder / "__init__.py").is_file()]
        for imported in _imports(file, root):
            if root in installed and imported.partition(".")[0] != top:
                continue
            path = root.joinpath(*imported.split("."))
            files = (path.with_name(f"{path.name}.py"), path / "__init__.py")
            left += [f for f in files if f.is_file()]
    return tuple(sorted(found.items()))


def _imports(file: Path, root: Path) -> Iterator[str]:
    """Read the modules that a file imports, as dotted names from the root."""
    package = file.relative_to(root).parent.parts
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise ModelError(f"{file.name} is not valid Python: {error}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*above, *(node.module.split(".") if node.module else ())))
            yield from filter(None, (start, *(f"{start}.{a.name}".strip(".") for a in node.names)))
