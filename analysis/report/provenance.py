"""Where the numbers come from: commands, machines, and how to cite."""

from __future__ import annotations

import shlex
from importlib import metadata
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.report.tables import table
from analysis.report.view import RunView
from analysis.wording import moment

if TYPE_CHECKING:
    from analysis.samples import Samples

_PARTS: Final = ("environment", "devices", "executor", "fingerprints")


def runs_view(samples: Samples) -> tuple[RunView, ...]:
    """Show the command and the environment of every run."""
    found = []
    for run in samples.runs:
        facts = {"started": moment(run.get("started")), "finished": moment(run.get("finished"))}
        for part in _PARTS:
            facts |= _flat(run.get(part), "" if part == "environment" else f"{part}.")
        frame = pd.DataFrame({"what": list(facts), "value": list(facts.values())})
        found.append(
            RunView(
                title=f"Run {run['id']}"
                + (f" of {run['store']}" if len(samples.stores) > 1 else ""),
                command=shlex.join(shown_command(run.get("command"))),
                table=table(frame, "Where and when it ran", most=200),
            )
        )
    return tuple(found)


def shown_command(command: Any) -> list[str]:
    """Give the words of a command with absolute paths cut to their last part.

    Reports are passed on: where a folder lay on somebody's machine helps no reader, and often holds
    a name.
    """
    words = [str(w) for w in command] if isinstance(command, list) else [str(command or "")]
    return [_cut(word) for word in words]


def _cut(word: str) -> str:
    flag, equals, path = word.rpartition("=")
    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return f"{flag}{equals}…/{pure.name}" if pure.is_absolute() and pure.name else word


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Flatten stored JSON into rows: ``devices.cpu.threads`` → text."""
    if isinstance(value, dict):
        return {
            k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}.").items()
        }
    if isinstance(value, list):
        return {prefix.rstrip("."): ", ".join(str(v) for v in value)}
    return {prefix.rstrip("."): str(value)} if prefix else {}


def bibtex(registry_hash: str) -> str:
    """Make the BibTeX entry of this version and registry."""
    try:
        version = metadata.version("batchnorm-bench")
    except metadata.PackageNotFoundError:
        version = "unreleased"
    return (
        "@software{batchnorm_bench,\n"
        "  title   = {batchnorm-bench: what batch normalization buys and what it costs},\n"
        "  author  = {{The batchnorm-bench developers}},\n"
        f"  version = {{{version}}},\n"
        f"  note    = {{registry of claims {registry_hash[:16]}}},\n"
        "}"
    )
