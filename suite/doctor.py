"""``python -m suite.doctor``: is this machine fit for a run, and what mends it where it isn't."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from suite.arguments import Parser, folder
from suite.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_TRIALS_FAILED, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_MARKS: Final = {"fine": "ok     ", "note": "note   ", "problem": "PROBLEM"}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="python -m suite.doctor",
        description="Look at what a run needs: versions, devices and their accuracy, datasets and "
        "their checksums, the results folder, disk, memory, clock and load. Changes nothing.",
        epilog="exit codes: 0 runs work here, 1 something is to be mended, 2 stopped, 4 wrong "
        "usage",
    )
    parser.add_argument(
        "--out",
        type=folder,
        default=Path("results"),
        metavar="DIR",
        help="results folder, or the one above it (default: results)",
    )
    parser.add_argument(
        "--data-dir",
        type=folder,
        metavar="DIR",
        help="datasets in torchvision's layout (default: $BATCHNORM_BENCH_DATA)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        options = _options(arguments)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
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
