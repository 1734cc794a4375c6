"""The command line: ``python -m suite.run --grid full``.

The only module of this package that prints, that ends the process, and that calls ``analysis``.
torch is imported only once something is to be trained.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from suite import __version__
from suite.errors import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_TRIALS_FAILED,
    BenchError,
    InterruptedRunError,
    UnknownNameError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from suite.cost.plan import Replicate
    from suite.grid import Grid
    from suite.interrupts import Interrupts
    from suite.runner import Event, Summary
    from suite.store import StoreWriter

PROGRAM: Final = "batchnorm-bench"
SHOW_CURSOR: Final = "\x1b[?25h"


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911  an exit a return
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    out: Path | None = None
    try:
        options = parse_arguments(given)
        if options.list_grids:
            return _list_grids()
        out = options.out or None
        grid = _grid(options)
        out = out or Path("results") / grid.name
        if options.dry_run:
            return _dry_run(options, grid, out)
        return Session(options, grid, out, _command(given)).run()
    except BenchError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on", EXIT_INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except Exception as error:
        return _internal_error(error, out, given)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see --help)")


def _seeds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1 and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text[:40]!r}")
    return int(text)


def parse_arguments(given: Sequence[str]) -> argparse.Namespace:
    """Read the flags.

    Raises
    ------
    UsageError
        An unknown flag, with the nearest valid ones, or one that misses its value.
    """
    parser = _Parser(
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
        "--seeds", type=_seeds, metavar="N", help="seeds of every study (default: the grid's own)"
    )
    what.add_argument("--dataset", help="one dataset in place of the grid's own")
    what.add_argument(
        "--device",
        default="auto",
        help="auto (all that are present, the default), cpu, cuda, cuda:1, mps, or a comma list",
    )
    where = parser.add_argument_group("where")
    where.add_argument(
        "--out", type=Path, metavar="DIR", help="results folder (default: results/GRID)"
    )
    where.add_argument(
        "--data-dir",
        type=Path,
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
    how.add_argument("--force", action="store_true", help="train again what is done already")
    how.add_argument(
        "--retry-failed", action="store_true", help="train again what failed or ran out of memory"
    )
    how.add_argument("--fail-fast", action="store_true", help="stop at the first failed trial")
    how.add_argument("--no-report", action="store_true", help="only train; write no report")
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


def _grid(options: argparse.Namespace) -> Grid:
    from suite.grid import load_grid

    return load_grid(options.grid, seeds=options.seeds, dataset=options.dataset)


def _console(*, error: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    # Elsewhere than on a terminal nothing is gained by wrapping at 80 columns.
    return Console(file=stream, width=None if stream.isatty() else 120, highlight=False)


def _list_grids() -> int:
    from suite.grid import grid_names, load_grid
    from suite.overview import grids_table

    _console().print(grids_table([load_grid(name) for name in grid_names()]))
    return EXIT_DONE


def _dry_run(options: argparse.Namespace, grid: Grid, out: Path) -> int:
    from suite.overview import plan_table
    from suite.preview import preview
    from suite.wording import duration, many

    seen = preview(grid, out, options.device)
    console = _console()
    console.print(f"{grid.name}: {grid.title}", markup=False, soft_wrap=True)
    console.print(plan_table(seen.grid, seen.plan, seen.wanted, seen.estimates))
    conditions = sum(len(study.conditions) for study in seen.grid.studies)
    seconds = sum(estimate.seconds for estimate in seen.estimates.values())
    for line in (
        f"{many(conditions, 'condition')}, {many(len(seen.plan.trials), 'trial')}, "
        f"{len(seen.wanted):,} to do: about {duration(seconds)} (estimate) "
        f"on {' and '.join(seen.devices)}",
        *seen.notes,
        f"results: {out}",
    ):
        console.print(line, markup=False, soft_wrap=True)
    return EXIT_DONE


class Session:
    """One run, from a validated grid to its report.

    Parameters
    ----------
    options
        The parsed flags.
    grid
        The validated grid.
    out
        The results folder.
    command
        What the user typed, to be recorded and shown.
    """

    def __init__(
        self, options: argparse.Namespace, grid: Grid, out: Path, command: list[str]
    ) -> None:
        self.options = options
        self.grid = grid
        self.out = out
        self.command = command
        self.console = _console(error=True)
        self.started = time.monotonic()
        self.failed_costs = 0

    def run(self) -> int:
        """Train, report, and give the exit code."""
        from suite.interrupts import Interrupts

        with Interrupts(at_once=_at_once, noted=self._noted) as interrupts:
            try:
                summary = self._train(interrupts)
                bad = summary.unsuccessful or self.failed_costs
                code = EXIT_TRIALS_FAILED if bad else EXIT_DONE
                self._tell(summary)
            except InterruptedRunError:
                code = EXIT_INTERRUPTED
            try:
                if not self.options.no_report:
                    self._report()
            except KeyboardInterrupt:
                self._say("The report was not finished; every finished trial is stored.")
                code = EXIT_INTERRUPTED
        if code == EXIT_INTERRUPTED:
            self._notice(f"Interrupted. To go on from here: {self._again()}")
        return code

    def _train(self, interrupts: Interrupts) -> Summary:
        from analysis.claims import load_registry
        from suite.display import Display
        from suite.executors.base import StackFinished
        from suite.preparation import prepare
        from suite.refresh import ReportRefresher
        from suite.runner import Options, run_plan
        from suite.store import StoreWriter

        work = prepare(self.grid, devices=self.options.device, data_dir=self.options.data_dir)
        self._say(f"{self.grid.name}: {self.grid.title}")
        for notice in work.notices:
            self._notice(notice)
        info = {
            "command": self.command,
            "version": __version__,
            "grid": self.grid.canonical(),
            "registry_hash": load_registry().hash,
            **work.record(),
        }
        options = Options(
            force=self.options.force,
            retry_failed=self.options.retry_failed,
            fail_fast=self.options.fail_fast,
        )
        with contextlib.ExitStack() as opened:
            store = opened.enter_context(StoreWriter(self.out))
            opened.enter_context(interrupts.politely())
            with (
                Display(self.console, quiet=self.options.quiet, forecast=work.forecast) as display,
                ReportRefresher(self.out) as refresher,
            ):

                def on_event(event: Event) -> None:
                    display.on_event(event)
                    if isinstance(event, StackFinished) and not self.options.no_report:
                        refresher.tick()

                summary = run_plan(
                    work.plan,
                    store,
                    work.executor,
                    work.choose_size,
                    info,
                    options=options,
                    should_stop=interrupts.stopped,
                    on_event=on_event,
                )
            # Training and the refreshing of the report have ended: the machine is free to measure.
            self._measure(store, work.costs, interrupts)
            return summary

    def _measure(
        self, store: StoreWriter, replicates: Sequence[Replicate], interrupts: Interrupts
    ) -> None:
        from suite.cost.campaign import CostsMeasured, measure_costs
        from suite.records import STATUSES
        from suite.runner import UNSUCCESSFUL
        from suite.wording import many

        def on_measured(event: CostsMeasured) -> None:
            networks = many(len(event.replicate.tasks), "network")
            flags = "".join(f", {count:,} × {flag}" for flag, count in sorted(event.flags.items()))
            width = len(str(event.total))
            self._say(
                f"[{event.done:>{width}}/{event.total}] cost of {networks} "
                f"on {event.replicate.device}{flags}"
            )
            if event.failures and not self.failed_costs:
                self._notice(f"a cost was not measured: {event.failures[0].splitlines()[-1]}")
            self.failed_costs += len(event.failures)

        measure_costs(
            replicates,
            store,
            store.runs()[-1]["id"],
            should_stop=interrupts.stopped,
            on_measured=on_measured,
            retry=STATUSES
            if self.options.force
            else (UNSUCCESSFUL if self.options.retry_failed else ()),
        )

    def _tell(self, summary: Summary) -> None:
        from suite.wording import duration, many

        took = duration(time.monotonic() - self.started)
        trained = many(summary.trained, "trial") if summary.trained else "nothing"
        counts = ", ".join(f"{n:,} {status}" for status, n in sorted(summary.statuses.items()))
        self._say(f"Trained {trained} in {took}. All that is planned: {counts}.")
        if summary.unsuccessful:
            again = self._again("--retry-failed", without=("--force", "--retry-failed"))
            self._notice(f"{many(summary.unsuccessful, 'trial')} failed; to try again: {again}")
        if summary.first_failure is not None:
            status, reason = summary.first_failure
            self._notice(f"the first one ({status}): {reason.strip().splitlines()[-1]}")

    def _report(self) -> None:
        from analysis.report import build_report
        from suite.overview import VerdictRow, verdicts_table

        self._say("Writing the report …")
        report = build_report([self.out])
        rows = [
            VerdictRow(v.claim.id, v.claim.title, v.word, p.text, p.n, p.p_adjusted)
            if (p := v.primary)
            else VerdictRow(v.claim.id, v.claim.title, v.word, "no data", 0, None)
            for v in report.verdicts
        ]
        console = _console()
        console.print(verdicts_table(rows))
        console.print(f"Report: {report.path}", markup=False, soft_wrap=True)

    def _noted(self) -> None:
        self._notice("stopping after this step; Ctrl-C again stops at once")

    def _again(self, *more: str, without: Sequence[str] = ()) -> str:
        return shlex.join([*(word for word in self.command if word not in without), *more])

    def _say(self, line: str) -> None:
        if not self.options.quiet:
            self._notice(line)

    def _notice(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _command(given: Sequence[str]) -> list[str]:
    """Say how the program was started, so that the line can be pasted again."""
    name = Path(sys.argv[0]).name
    return [PROGRAM, *given] if name == PROGRAM else ["python", "-m", "suite.run", *given]


def _at_once() -> NoReturn:
    """End without cleaning up: SQLite undoes what was not finished."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), SHOW_CURSOR.encode())
    os._exit(EXIT_INTERRUPTED)


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def _internal_error(error: Exception, out: Path | None, given: Sequence[str]) -> int:
    """Keep the traceback in a file and say where, in one line."""
    from suite.files import write_whole

    text = f"{shlex.join(_command(given))}\n\n{''.join(traceback.format_exception(error))}"
    summary = f"internal error: {type(error).__name__}: {str(error).splitlines()[:1]}"
    file = (out or Path()) / f"error-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
    try:
        if out is None or not out.is_dir():
            raise UsageError("no results folder yet")
        write_whole(file, text)
    except UsageError:
        print(text, file=sys.stderr)
        return _fail(f"{summary}; please report the lines above", EXIT_INTERNAL)
    return _fail(f"{summary}; every finished trial is stored; please report {file}", EXIT_INTERNAL)


if __name__ == "__main__":
    sys.exit(main())
