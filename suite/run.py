"""The command line: ``python -m suite.run --grid full``.

No other module of this package calls ``analysis``. What a run says goes through consoles that are
made here, and its process ends here; the doctor is a program of its own, and so are the processes
of workers. torch is imported only once something is to be trained.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from suite.arguments import PROGRAM, parse_arguments
from suite.devices import parse_devices
from suite.errors import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_TRIALS_FAILED,
    BenchError,
    DeviceLostError,
    InterruptedRunError,
    UsageError,
)
from suite.pipes import fall_silent, flush_output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from suite.grid import Grid
    from suite.voice import Voice

SHOW_CURSOR: Final = "\x1b[?25h"


def start() -> NoReturn:
    """Be the program: run the command line, then end the process with its exit code."""
    from suite.interrupts import ignore_signals

    try:
        code = main()
    finally:  # --help ends by an exception
        flush_output()
    ignore_signals()
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    out: Path | None = None
    try:
        options = parse_arguments(given)
        if options.list_grids:
            return _list_grids()
        grid = _grid(options)
        out = options.out or Path("results") / grid.name
        if options.dry_run:
            return _dry_run(options, grid, out)
        if options.device != "auto":
            parse_devices(options.device)  # a wrong name is refused before anything is said
        return _run(options, grid, out, _command(given))
    except BenchError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on", EXIT_INTERRUPTED)
    except Exception as error:
        return _internal_error(error, out, given)


def _grid(options: argparse.Namespace) -> Grid:
    from suite.grid import load_grid

    return load_grid(
        options.grid,
        seeds=options.seeds,
        dataset=options.dataset,
        model=options.model,
        allow_code=options.allow_code,
    )


def _console(*, error: bool = False) -> Console:
    from suite.voice import SteadyConsole

    stream = sys.stderr if error else sys.stdout
    # Elsewhere than on a terminal nothing is gained by wrapping at 80 columns.
    return SteadyConsole(file=stream, width=None if stream.isatty() else 120, highlight=False)


def _list_grids() -> int:
    from suite.grid import grid_names, load_grid
    from suite.overview import grids_table

    _console().print(grids_table([load_grid(name) for name in grid_names()]))
    return EXIT_DONE


def _dry_run(options: argparse.Namespace, grid: Grid, out: Path) -> int:
    from suite.overview import plan_table
    from suite.preview import preview
    from suite.session import wishes

    seen = preview(grid, out, options.device, wishes(options))
    console = _console()
    console.print(f"{grid.name}: {grid.title}", markup=False, soft_wrap=True)
    console.print(plan_table(seen.grid, seen.plan, seen.wanted, seen.estimates))
    for line in (*seen.lines(), f"results: {out}"):
        console.print(line, markup=False, soft_wrap=True)
    return EXIT_DONE


def _run(options: argparse.Namespace, grid: Grid, out: Path, command: list[str]) -> int:
    """Train, measure and report; gives the exit code."""
    from analysis.claims import load_registry
    from suite.interrupts import Interrupts, deferred
    from suite.session import Session
    from suite.voice import Voice

    voice = Voice(_console(error=True), quiet=options.quiet)
    session = Session(options, grid, out, command, voice)

    def at_once() -> NoReturn:
        """End without cleaning up: SQLite undoes what was not finished."""
        show_cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
        line = f"{show_cursor}\nstopped at once; to go on: {session.again()}\n"
        with contextlib.suppress(OSError):  # nobody reads it any more
            os.write(sys.stderr.fileno(), line.encode())
        os._exit(EXIT_INTERRUPTED)

    with Interrupts(at_once) as interrupts:
        try:
            succeeded = session.run(interrupts, load_registry().hash)
            code = EXIT_DONE if succeeded else EXIT_TRIALS_FAILED
        except DeviceLostError as error:
            voice.warn(str(error))
            code = EXIT_INTERRUPTED
        except InterruptedRunError:
            code = EXIT_INTERRUPTED
        try:
            if not options.no_report:
                # A second Ctrl-C ends the process at once, and nothing is left to break.
                loading = contextlib.nullcontext() if interrupts.stopped() else deferred()
                _report(out, voice, session.notices, loading)
        except KeyboardInterrupt:
            voice.warn("the report was not finished; every finished trial is stored")
            code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:
        voice.warn(f"interrupted; to go on: {session.again()}")
    return code


def _report(
    out: Path, voice: Voice, notices: Sequence[str], loading: AbstractContextManager[None]
) -> None:
    from rich.text import Text

    from suite.overview import VerdictRow, verdicts_table

    with voice.during("writing the report"):
        with loading:
            from analysis.report.build import build_report
            from analysis.report.scorecard import tested

        report = build_report([out])
    rows = [
        VerdictRow(
            *(v.claim.id, v.claim.title, v.word, p.text, p.n),
            p.p_adjusted if tested(p) else None,
        )
        for v in report.verdicts
        if (p := v.primary) and p.n
    ]
    console = _console()
    console.print(verdicts_table(rows))
    if others := len(list(report.verdicts)) - len(rows):
        console.print(f"{others} claims of the registry have no data in this grid")
    for notice in notices:  # once more: the first time has scrolled away by now
        console.print(Text(notice, style="bold yellow"), soft_wrap=True)
    console.print(f"report: {report.path}", markup=False, soft_wrap=True)


def _command(given: Sequence[str]) -> list[str]:
    """Say how the program was started, so that the line can be pasted again."""
    name = Path(sys.argv[0]).name
    return [PROGRAM, *given] if name == PROGRAM else ["python", "-m", "suite.run", *given]


def _fail(message: str, code: int) -> int:
    _complain(f"error: {message}")
    return code


def _complain(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        fall_silent(sys.stderr)


def _internal_error(error: Exception, out: Path | None, given: Sequence[str]) -> int:
    """Keep the traceback in a file and say where, in one line."""
    from suite.files import write_whole

    text = f"{shlex.join(_command(given))}\n\n{''.join(traceback.format_exception(error))}"
    first_line = (str(error).splitlines() or [""])[0]
    what = f"internal error: {type(error).__name__}: {first_line}"
    try:
        if out is None:
            raise UsageError("there is no results folder yet")
        file = out / f"error-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
        write_whole(file, text)
    except UsageError:
        _complain(text)
        return _fail(f"{what}; please report the lines above", EXIT_INTERNAL)
    return _fail(f"{what}; every finished trial is stored; please report {file}", EXIT_INTERNAL)


if __name__ == "__main__":
    start()
