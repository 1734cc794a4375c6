"""One run, from a validated grid to a store that holds all it asks for: trials first, then costs.

It says what happens through the voice that it is given, and knows nothing of claims or reports.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import TYPE_CHECKING

from suite import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from suite.cost.campaign import CostsMeasured
    from suite.executors.base import ShouldStop
    from suite.grid import Grid
    from suite.interrupts import Interrupts
    from suite.preparation import Work
    from suite.runner import Event, Options, Summary
    from suite.store import StoreWriter
    from suite.voice import Voice


class Session:
    """Trains and measures what a grid asks for.

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
    voice
        Is told what happens.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        grid: Grid,
        out: Path,
        command: Sequence[str],
        voice: Voice,
    ) -> None:
        self.options = options
        self.grid = grid
        self.out = out
        self.command = list(command)
        self.voice = voice
        self.notices: tuple[str, ...] = ()
        self._started = time.monotonic()
        self._cost_has_failed = False
        self._stopping = False

    def run(self, interrupts: Interrupts, registry_hash: str) -> bool:
        """Train and measure what is missing, store it, and say how it went.

        Parameters
        ----------
        interrupts
            Entered; asked between steps.
        registry_hash
            Of the claims that the run is made for, to be recorded.

        Returns
        -------
        bool
            Whether all that the grid asks for succeeded.

        Raises
        ------
        InterruptedRunError
            A stop was asked for; what was finished is stored.
        """
        from suite.runner import unsuccessful_costs  # noqa: PLC0415
        from suite.store import StoreWriter  # noqa: PLC0415  torch and its kin load first here

        self.voice.say(f"{self.grid.name}: {self.grid.title}")
        work = self._prepare()
        info = {
            "command": self.command,
            "version": __version__,
            "grid": self.grid.canonical(),
            "registry_hash": registry_hash,
            **work.record(),
        }

        def should_stop() -> bool:
            if interrupts.stopped() and not self._stopping:
                self._stopping = True
                self.voice.say("stopping; Ctrl-C again stops at once")
            return self._stopping

        with (
            contextlib.closing(work.executor),
            StoreWriter(self.out) as store,
            interrupts.politely(),
        ):
            store.plan_costs(task for replicate in work.costs for task in replicate.tasks)
            summary = self._train(work, store, info, should_stop)
            if not (summary.missing or summary.stopped_early):
                self._measure(work, store, should_stop)
            failed_costs = unsuccessful_costs(work.costs, store.cost_statuses())
        self._tell(summary, failed_costs)
        return not (summary.unsuccessful or failed_costs)

    def again(self, *more: str, without: Sequence[str] = ()) -> str:
        """Give the command that goes on with this run."""
        return shlex.join([*(word for word in self.command if word not in without), *more])

    def _prepare(self) -> Work:
        where = (self.options.executor, self.options.workers, self.options.address)
        with self.voice.during("loading torch, devices and data"):
            from suite.executors.choice import begin  # noqa: PLC0415

            rate = begin(self.grid, self.options.device, *where)
            from suite.preparation import prepare  # noqa: PLC0415

            work = prepare(self.grid, self.options.device, self.options.data_dir, *where, rate)
        self.notices = work.notices
        for notice in self.notices:
            self.voice.warn(notice)
        return work

    def _train(
        self, work: Work, store: StoreWriter, info: dict[str, object], should_stop: ShouldStop
    ) -> Summary:
        from suite.display import Display  # noqa: PLC0415
        from suite.executors.base import StackFinished  # noqa: PLC0415
        from suite.refresh import ReportRefresher  # noqa: PLC0415
        from suite.runner import run_plan  # noqa: PLC0415

        with contextlib.ExitStack() as opened:
            display = opened.enter_context(
                Display(self.voice.console, quiet=self.voice.quiet, forecast=work.forecast)
            )
            refresher = opened.enter_context(ReportRefresher(self.out))

            def on_event(event: Event) -> None:
                display.on_event(event)
                if isinstance(event, StackFinished) and not self.options.no_report:
                    refresher.tick()

            return run_plan(
                work.plan,
                store,
                work.executor,
                work.choose_sizes,
                info,
                options=wishes(self.options),
                should_stop=should_stop,
                on_event=on_event,
                arranged=work.arranged,
                finish=False,
            )

    def _measure(self, work: Work, store: StoreWriter, should_stop: ShouldStop) -> None:
        """Measure costs; training and the refreshing of the report have ended, the machine is free.

        Only now has the run come to its end.
        """
        from suite.cost.campaign import measure_costs  # noqa: PLC0415
        from suite.runner import now, settled  # noqa: PLC0415

        run = store.runs()[-1]["id"]
        measure_costs(
            work.costs,
            store,
            run,
            done=settled(store, wishes(self.options), store.cost_statuses(), store.measured_by()),
            should_stop=should_stop,
            on_measured=self._on_measured,
            measure=work.executor.measure,
        )
        store.finish_run(run, now())

    def _on_measured(self, event: CostsMeasured) -> None:
        from suite.wording import many  # noqa: PLC0415

        networks = many(len(event.replicate.tasks), "network")
        flags = "".join(f", {count:,} × {flag}" for flag, count in sorted(event.flags.items()))
        width = len(str(event.total))
        self.voice.say(
            f"[{event.done:>{width}}/{event.total}] cost of {networks} "
            f"on {event.replicate.device}{flags}"
        )
        if event.failures and not self._cost_has_failed:
            self.voice.warn(f"a cost was not measured: {event.failures[0].splitlines()[-1]}")
            self._cost_has_failed = True

    def _tell(self, summary: Summary, failed_costs: int) -> None:
        from suite.wording import duration, many  # noqa: PLC0415

        took = duration(time.monotonic() - self._started)
        trained = many(summary.trained, "trial") if summary.trained else "nothing"
        counts = ", ".join(f"{n:,} {status}" for status, n in sorted(summary.statuses.items()))
        self.voice.say(f"trained {trained} in {took}; all that is planned: {counts}")
        if summary.first_failure is not None:
            status, reason = summary.first_failure
            last = reason.strip().splitlines()[-1]
            self.voice.warn(f"the first trial that is {status}: {last}")
        if summary.stopped_early:
            self.voice.warn("stopped at the first failure (--fail-fast), before all was done")
        found = ((summary.unsuccessful, "trial"), (failed_costs, "cost"))
        if failed := " and ".join(many(count, noun) for count, noun in found if count):
            again = self.again("--retry-failed", without=("--force", "--retry-failed"))
            self.voice.warn(f"{failed} failed; to try again: {again}")
        elif summary.missing:
            missing = many(summary.missing, "trial")
            self.voice.warn(f"{missing} missing; to go on: {self.again()}")


def wishes(options: argparse.Namespace) -> Options:
    """Pick from the flags what the runner heeds."""
    from suite.runner import Options  # noqa: PLC0415

    return Options(
        force=options.force, retry_failed=options.retry_failed, fail_fast=options.fail_fast
    )
