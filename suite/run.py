"""The command line: ``python -m suite.run --grid full``.

The only module of this package that prints, that ends the process, and that calls ``analysis``.
torch is imported only once something is to be trained.
"""

from __future__ import annotations

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
from suite.arguments import PROGRAM, parse_arguments
from suite.devices import parse_devices
from suite.errors import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_TRIALS_FAILED,
    BenchError,
    InterruptedRunError,
    UsageError,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from suite.cost.plan import Replicate
    from suite.executors.base import ShouldStop
    from suite.grid import Grid
    from suite.interrupts import Interrupts
    from suite.runner import Event, Summary
    from suite.store import StoreWriter

SHOW_CURSOR: Final = "\x1b[?25h"


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911  an exit a return
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
    from suite.wording import duration, many, size

    seen = preview(grid, out, options.device)
    console = _console()
    console.print(f"{grid.name}: {grid.title}", markup=False, soft_wrap=True)
    console.print(plan_table(seen.grid, seen.plan, seen.wanted, seen.estimates))
    conditions = sum(len(study.conditions) for study in seen.grid.studies)
    seconds = sum(estimate.seconds for estimate in seen.estimates.values())
    memory = max(estimate.memory_bytes for estimate in seen.estimates.values())
    for line in (
        f"{many(conditions, 'condition')}, {many(len(seen.plan.trials), 'trial')}, "
        f"{len(seen.wanted):,} to do: about {duration(seconds)} and {size(memory)} of memory "
        f"on {' and '.join(seen.devices)} (estimates)",
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
        self.notices: tuple[str, ...] = ()
        self.failed_costs = 0
        self.stopping = False

    def run(self) -> int:
        """Train, report, and give the exit code."""
        from suite.interrupts import Interrupts

        with Interrupts(self._at_once) as interrupts:
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
                self._warn("the report was not finished; every finished trial is stored")
                code = EXIT_INTERRUPTED
        if code == EXIT_INTERRUPTED:
            self._warn(f"interrupted; to go on: {self._again()}")
        return code

    def _train(self, interrupts: Interrupts) -> Summary:
        from analysis.claims import load_registry
        from suite.display import Display
        from suite.executors.base import StackFinished
        from suite.refresh import ReportRefresher
        from suite.runner import Options, run_plan
        from suite.store import StoreWriter

        self._say(f"{self.grid.name}: {self.grid.title}")
        with self._status("loading torch, devices and data"):
            from suite.preparation import prepare

            work = prepare(self.grid, devices=self.options.device, data_dir=self.options.data_dir)
        self.notices = work.notices
        for notice in self.notices:
            self._warn(notice)
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

            def should_stop() -> bool:
                if interrupts.stopped() and not self.stopping:
                    self.stopping = True
                    self._say("stopping; Ctrl-C again stops at once")
                return self.stopping

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
                    should_stop=should_stop,
                    on_event=on_event,
                )
            # Training and the refreshing of the report have ended: the machine is free to measure.
            if not summary.missing:
                self._measure(store, work.costs, should_stop)
            return summary

    def _measure(
        self, store: StoreWriter, replicates: Sequence[Replicate], should_stop: ShouldStop
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
                self._warn(f"a cost was not measured: {event.failures[0].splitlines()[-1]}")
            self.failed_costs += len(event.failures)

        measure_costs(
            replicates,
            store,
            store.runs()[-1]["id"],
            should_stop=should_stop,
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
        self._say(f"trained {trained} in {took}; all that is planned: {counts}")
        if summary.first_failure is not None:
            status, reason = summary.first_failure
            self._warn(f"the first trial that is {status}: {reason.strip().splitlines()[-1]}")
        if summary.unsuccessful:
            again = self._again("--retry-failed", without=("--force", "--retry-failed"))
            self._warn(f"{many(summary.unsuccessful, 'trial')} failed; to try again: {again}")
        elif summary.missing:
            self._warn(f"{many(summary.missing, 'trial')} missing; to go on: {self._again()}")

    def _report(self) -> None:
        from rich.text import Text

        from suite.overview import VerdictRow, verdicts_table

        with self._status("writing the report"):
            from analysis.report import build_report

            report = build_report([self.out])
        rows = [
            VerdictRow(v.claim.id, v.claim.title, v.word, p.text, p.n, p.p_adjusted)
            if (p := v.primary)
            else VerdictRow(v.claim.id, v.claim.title, v.word, "no data", 0, None)
            for v in report.verdicts
        ]
        console = _console()
        console.print(verdicts_table(rows))
        for notice in self.notices:  # once more: the first time has scrolled away by now
            console.print(Text(notice, style="bold yellow"), soft_wrap=True)
        console.print(f"report: {report.path}", markup=False, soft_wrap=True)

    def _at_once(self) -> NoReturn:
        """End without cleaning up: SQLite undoes what was not finished."""
        show_cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
        line = f"{show_cursor}\nstopped at once; to go on: {self._again()}\n"
        os.write(sys.stderr.fileno(), line.encode())
        os._exit(EXIT_INTERRUPTED)

    def _again(self, *more: str, without: Sequence[str] = ()) -> str:
        return shlex.join([*(word for word in self.command if word not in without), *more])

    def _status(self, what: str) -> contextlib.AbstractContextManager[object]:
        """Say what takes a moment: on a terminal for as long as it takes."""
        if self.console.is_terminal and not self.options.quiet:
            return self.console.status(what)
        self._say(f"{what} …")
        return contextlib.nullcontext()

    def _say(self, line: str) -> None:
        if not self.options.quiet:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _warn(self, line: str) -> None:
        from rich.text import Text

        self.console.print(Text(line, style="bold yellow"), soft_wrap=True)


def _command(given: Sequence[str]) -> list[str]:
    """Say how the program was started, so that the line can be pasted again."""
    name = Path(sys.argv[0]).name
    return [PROGRAM, *given] if name == PROGRAM else ["python", "-m", "suite.run", *given]


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


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
        print(text, file=sys.stderr)
        return _fail(f"{what}; please report the lines above", EXIT_INTERNAL)
    return _fail(f"{what}; every finished trial is stored; please report {file}", EXIT_INTERNAL)


if __name__ == "__main__":
    sys.exit(main())
