"""The flags of ``python -m suite.run``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from suite import __version__
from suite.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = "batchnorm-bench"
EXECUTORS: Final = ("in-process", "processes", "ray")


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is a ``UsageError``: in this project exit code 2 says stopped."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise UsageError(f"{message} (see --help)")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1 and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text[:40]!r}")
    return int(text)


def folder(text: str) -> Path:
    """Read the name of a folder, as the type of an argument."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("must be a name in UTF-8") from None
    if not text or "\x00" in text or any(len(p.encode()) > 255 for p in Path(text).parts):
        raise argparse.ArgumentTypeError("must be the name of a folder, parts of at most 255 bytes")
    return Path(text)


def parse_arguments(given: Sequence[str]) -> argparse.Namespace:
    """Read the flags.

    Raises
    ------
    UsageError
        An unknown flag, with the nearest valid ones, or one that misses its value.
    """
    parser = Parser(
        prog=f"python -m suite.run ({PROGRAM})",
        usage="python -m suite.run --grid GRID [options]",
        description="Train a grid of networks with and without batch normalization over many "
        "seeds, test the claims about it, and write one report. What is done already is skipped.",
        epilog="exit codes: 0 done, 1 some trials failed, 2 interrupted (the same command goes "
        "on), 3 internal error, 4 wrong usage or grid",
        allow_abbrev=False,
    )
    what = parser.add_argument_group("what to train")
    what.add_argument("--grid", help="smoke, quick, notebook, full, or the path of a TOML file")
    what.add_argument(
        "--seeds", type=_count, metavar="N", help="seeds of every study (default: the grid's own)"
    )
    what.add_argument("--dataset", help="one dataset in place of the grid's own")
    what.add_argument(
        "--model",
        help="one model in place of the grid's own: a name, or module:function for one of yours",
    )
    what.add_argument(
        "--allow-code",
        action="store_true",
        help="let a grid file name models as module:function; their code is run",
    )
    what.add_argument(
        "--device",
        default="auto",
        help="auto (all that are present, the default), cpu, cuda, cuda:1, mps, or a comma list",
    )
    where = parser.add_argument_group("where")
    where.add_argument(
        "--out", type=folder, metavar="DIR", help="results folder (default: results/GRID)"
    )
    where.add_argument(
        "--data-dir",
        type=folder,
        metavar="DIR",
        help="datasets in torchvision's layout (default: $BATCHNORM_BENCH_DATA, or download)",
    )
    show = parser.add_argument_group("look before you run")
    show.add_argument(
        "--dry-run", action="store_true", help="show the plan, estimated time and memory"
    )
    show.add_argument("--list-grids", action="store_true", help="show the grids that come with it")
    show.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    how = parser.add_argument_group("how to run")
    how.add_argument(
        "--executor",
        choices=EXECUTORS,
        help="where to train: in-process, in processes of this machine, or on a Ray cluster "
        "(default: whichever of the first two is faster for this grid)",
    )
    how.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="stacks that train at the same time, in processes or on Ray (default: one a core)",
    )
    how.add_argument(
        "--address",
        metavar="ADDRESS",
        help="of the Ray cluster (default: one is started on this machine)",
    )
    how.add_argument("--force", action="store_true", help="train again what is done already")
    how.add_argument(
        "--retry-failed",
        action="store_true",
        help="train or measure again what failed or ran out of memory",
    )
    how.add_argument("--fail-fast", action="store_true", help="stop at the first failed trial")
    how.add_argument(
        "--no-report", action="store_true", help="only train and measure costs; write no report"
    )
    how.add_argument("--quiet", action="store_true", help="print only the end")
    options, unknown = parser.parse_known_args(given)
    if unknown:
        flags = [flag for action in parser._actions for flag in action.option_strings]
        if unknown[0].startswith("-"):
            raise UnknownNameError("flag", unknown[0], [f for f in flags if f.startswith("--")])
        raise UsageError(f"unexpected argument {unknown[0]!r}; a grid is given as --grid NAME")
    if options.grid is None and not options.list_grids:
        raise UsageError("which grid? give --grid smoke, quick, notebook, full or a TOML file")
    return options
