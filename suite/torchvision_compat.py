"""Import torchvision, also where its compiled library does not fit the installed torch.

torch from the CPU build next to the package registry's torchvision wheel (which is linked to CUDA)
makes ``import torchvision`` fail with "operator torchvision::nms does not exist": the compiled
library that defines the operator can't be loaded, and torchvision then registers Python code for
it. The datasets and classifiers that are used here need none of its compiled operators, so where
the library can't be loaded the two schemas that the import refers to are defined first. A pair that
fits is left alone.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from suite.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType

_SCHEMAS: Final = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_defined: Final[list[Any]] = []  # a definition lives as long as its Library object


@functools.cache
def native_ops() -> bool:
    """Tell whether torchvision's compiled operators can be used; define the schemas where not.

    Raises
    ------
    UsageError
        torchvision is not installed.
    """
    library = _compiled_library()
    try:
        if library is not None:
            ops: Any = torch.ops
            ops.load_library(str(library))
            return True
    except OSError:
        pass
    new_library: Any = torch.library.Library
    definitions = new_library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.partition("(")[0]):
            definitions.define(schema)
    _defined.append(definitions)
    return False


@functools.cache
def import_torchvision() -> ModuleType:
    """Import torchvision safely.

    Raises
    ------
    UsageError
        torchvision is not installed.
    """
    native_ops()
    return importlib.import_module("torchvision")


def _compiled_library() -> Path | None:
    """Find torchvision's ``_C`` without importing torchvision."""
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        raise UsageError("torchvision is not installed: pip install -c constraints.txt -e .")
    folder = Path(found.submodule_search_locations[0])
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    return next((file for s in suffixes if (file := folder / f"_C{s}").is_file()), None)
