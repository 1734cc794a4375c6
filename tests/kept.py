"""Replicates of a long measurement, kept in a file so that it can be made in parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read_kept(file: Path | None) -> list[Any]:
    """Read what earlier calls kept; nothing where there is no file."""
    if file is None or not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def keep(file: Path | None, replicate: Any) -> None:
    """Add one replicate, plain JSON."""
    if file is not None:
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(replicate) + "\n")
