"""``python -m suite.doctor``: is this machine fit for a run, and what mends it where it isn't."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from suite.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_TRIALS_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARKS: Final = {"fine": "ok     ", "note": "note   ", "problem": "PROBLEM"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m suite.doctor",
        description="Look at what a run needs: versions, devices and their accuracy, datasets and "
        "their checksums, the results folder, disk, memory, clock and load. Changes nothing.",
        epilog="exit codes: 0 runs work here, 1 something is to be mended, 2 stopped",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results"), help="results folder, or the one above it"
    )
    parser.add_argument("--data-dir", type=Path, help="datasets in torchvision's layout")
    options = parser.parse_args(arguments)
    from suite.checkup import Place, examine  # noqa: PLC0415  not for --help

    problems = notes = 0
    try:
        for finding in examine(Place(options.out, options.data_dir)):
            print(f"{_MARKS[finding.level]} {finding.what}: {finding.seen}", flush=True)  # noqa: T201
            if finding.mend:
                print(f"        → {finding.mend}")  # noqa: T201
            problems += finding.level == "problem"
            notes += finding.level == "note"
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    print(f"\n{problems} to mend, {notes} to know")  # noqa: T201
    return EXIT_TRIALS_FAILED if problems else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
