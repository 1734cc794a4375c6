"""``python -m analysis.compare A B``: two results of the same trials, such as two versions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from analysis.claims import load_registry
from analysis.command_line import Parser, answer
from analysis.samples import load_samples
from analysis.versus.forms import plain, summary, table
from analysis.versus.judging import USUAL, compare
from analysis.versus.matching import INCOMPARABLE
from suite.errors import EXIT_DONE

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_REGRESSION: Final = 10
_WIDTH: Final = 200  # of a pipe, which has none of its own: wide enough that no row is folded


def _parser() -> Parser:
    parser = Parser(
        prog="python -m analysis.compare",
        description=(
            "What changed from result A to result B: two versions of the code, or two machines. "
            "Trials are paired by study, condition and seed, costs by condition and replicate; "
            "all comparisons are adjusted together."
        ),
        epilog=(
            "Exit codes: 0 compared, 10 something that --fail-on names was found, 4 bad arguments, "
            "or results that may not be compared."
        ),
    )
    parser.add_argument("a", type=Path, metavar="A", help="result to compare with")
    parser.add_argument("b", type=Path, metavar="B", help="result that is compared")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        choices=tuple(INCOMPARABLE),
        help="compare although this differs; may be given several times",
    )
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        choices=("regression", "missing"),
        help="exit with code 10: where a quantity is worse, or a trial that worked in A fails in B "
        "(regression); where B lacks a result that A has (missing); may be given several times",
    )
    parser.add_argument(
        "--quantity",
        action="append",
        default=[],
        metavar="NAME",
        help=f"compare this and not the usual ones ({', '.join(USUAL)}); several times for several",
    )
    parser.add_argument(
        "--study", action="append", default=[], metavar="NAME", help="only this study, or cost"
    )
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="what is printed"
    )
    parser.add_argument("--all", action="store_true", help="show in the table what is the same too")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return answer(lambda: _compare(arguments), "stopped; nothing was changed")


def _compare(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    compared = compare(
        load_samples(options.a),
        load_samples(options.b),
        load_registry(),
        allow=options.allow,
        quantities=options.quantity,
        studies=options.study,
    )
    if options.format == "json":
        head = {"a": str(options.a), "b": str(options.b)}
        print(json.dumps({**head, **plain(compared)}, indent=1, allow_nan=False))  # noqa: T201
    else:
        console = Console()
        if not console.is_terminal:
            console.width = _WIDTH
        console.print(table(compared, everything=options.all))
        for line in summary(compared):
            console.print(line, highlight=False, markup=False)
    faults = {
        "regression": len(compared.regressions) + len(compared.broken),
        "missing": compared.lost,
    }
    return EXIT_REGRESSION if any(faults[name] for name in options.fail_on) else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
