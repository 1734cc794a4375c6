"""``python -m analysis.report results/full``: the report again, from the store alone."""

from __future__ import annotations

import signal
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.command_line import Parser, answer
from analysis.files import write_whole
from analysis.report.workers import load_ahead, processes_for
from suite.errors import EXIT_DONE
from suite.interrupts import deferred

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return answer(lambda: _report(arguments), "stopped; no file was left half written")


def _report(arguments: Sequence[str] | None) -> int:
    parser = Parser(
        prog="python -m analysis.report",
        description="Build the report again from finished or partial results; trains nothing.",
    )
    parser.add_argument("results", nargs="+", type=Path, help="folders that hold a store.sqlite")
    parser.add_argument("--out", type=Path, help="folder to write to (default: the first results)")
    parser.add_argument("--open", action="store_true", help="show the report in the browser")
    parser.add_argument(
        "--format",
        choices=("html", "json", "csv"),
        default="html",
        help="html: report and exports; json, csv: the verdicts on standard output",
    )
    options = parser.parse_args(arguments)
    if options.format == "html":
        if processes_for(options.results):
            load_ahead()  # beside the import, which takes seconds
        with deferred():
            from analysis.report.build import build_report  # noqa: PLC0415

        report = build_report(options.results, options.out)
        print(report.path)  # noqa: T201
        if options.open:
            webbrowser.open(report.path.resolve().as_uri())
    else:
        _print_verdicts(options.results, options.format, options.out)
    return EXIT_DONE


def _print_verdicts(paths: Sequence[Path], form: str, out: Path | None) -> None:
    with deferred():
        from analysis.report.exports import verdicts_csv, verdicts_json  # noqa: PLC0415  as above
        from analysis.samples import load_samples  # noqa: PLC0415
        from analysis.verdicts import judge_samples  # noqa: PLC0415

    samples = load_samples(paths)
    verdicts = judge_samples(samples)
    text = verdicts_json(samples, verdicts) if form == "json" else verdicts_csv(verdicts)
    if out is None:
        print(text, end="")  # noqa: T201
        return
    file = out / f"verdicts.{form}"
    write_whole(file, text.encode("utf-8", errors="replace"))
    print(file)  # noqa: T201


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to leave no temporary file
    sys.exit(main())
