"""Where the numbers come from: commands, machines, and how to cite."""

from __future__ import annotations

import shlex
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.report.tables import table
from analysis.report.view import RunView
from analysis.wording import moment

if TYPE_CHECKING:
    from analysis.samples import Samples


def runs_view(samples: Samples) -> tuple[RunView, ...]:
    """Show the command and the environment of every run."""
    found = []
    for run in samples.runs:
        command = run.get("command")
        words = [str(w) for w in command] if isinstance(command, list) else [str(command or "")]
        facts = {"started": moment(run.get("started")), "finished": moment(run.get("finished"))}
        facts |= _flat(run.get("environment"))
        frame = pd.DataFrame({"what": list(facts), "value": list(facts.values())})
        found.append(
            RunView(
                title=f"Run {run['id']}"
                + (f" of {run['store']}" if len(samples.stores) > 1 else ""),
                command=shlex.join(words),
                table=table(frame, "Where and when it ran", most=200),
            )
        )
    return tuple(found)


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Flatten stored JSON into rows: ``devices.cpu.threads`` → text."""
    if isinstance(value, dict):
        return {
            k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}.").items()
        }
    if isinstance(value, list):
        return {prefix.rstrip("."): ", ".join(str(v) for v in value)}
    return {prefix.rstrip("."): str(value)} if prefix else {}


def bibtex() -> str:
    """Make the BibTeX entry of this version."""
    try:
        version = metadata.version("batchnorm-bench")
    except metadata.PackageNotFoundError:
        version = "unreleased"
    return (
        "@software{batchnorm_bench,\n"
        "  title   = {batchnorm-bench: what batch normalization buys and what it costs},\n"
        "  author  = {{The batchnorm-bench authors}},\n"
        f"  version = {{{version}}},\n"
        "}"
    )
