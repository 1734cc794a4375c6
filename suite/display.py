"""What a run shows while it goes on; writes only to the console that it is given."""

from __future__ import annotations

import math
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from suite.executors.base import StackFinished, StackStarted
from suite.runner import SizeChosen, SizesWanted, TrainingStarts
from suite.wording import duration, many, stack_in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, ConsoleOptions, RenderResult

    from suite.forecast import Forecast
    from suite.planning import Stack
    from suite.runner import Event

SHOWN: Final = 4  # stacks that train now, named on a terminal
LINE_SECONDS: Final = 5.0  # a plain line at most this often
NOTABLE: Final = ("diverged", "undefined", "oom", "failed")


class Display:
    """Progress of one run: live on a terminal, plain lines elsewhere, nothing where it is quiet.

    Parameters
    ----------
    console
        Where to write.
    quiet
        Write nothing.
    forecast
        Makes the forecast once the stacks are known.
    clock
        For tests.
    """

    def __init__(
        self,
        console: Console,
        *,
        quiet: bool,
        forecast: Callable[[tuple[Stack, ...]], Forecast],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._quiet = quiet
        self._make_forecast = forecast
        self._clock = clock
        self._forecast: Forecast | None = None
        self._statuses: Counter[str] = Counter()
        self._done = self._total = self._sizes_left = 0
        self._current = ""
        self._running: dict[tuple[str, int], str] = {}
        self._spoke = -LINE_SECONDS
        self._promised, self._promised_at = 0.0, clock()
        live = console.is_terminal and not quiet
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)
        self._is_live = live
        self._bar = Progress(BarColumn(bar_width=None), TextColumn("{task.fields[words]}"))
        self._task = self._bar.add_task("", total=1, words="")

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._live.stop()

    def say(self, line: str) -> None:
        """Write a line above the progress."""
        if not self._quiet:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def on_event(self, event: Event) -> None:
        """Show what the runner tells."""
        match event:
            case SizesWanted(shapes):
                self._sizes_left = shapes
                self._current = f"choosing stack sizes, {shapes} to go"
                if not self._is_live:
                    self.say(f"choosing stack sizes for {many(shapes, 'shape')} of training")
            case SizeChosen():
                self._sizes_left -= 1
                self._current = f"choosing stack sizes, {self._sizes_left} to go"
            case TrainingStarts(stacks, done):
                self._forecast = self._make_forecast(stacks)
                self._done = done
                self._total = done + sum(len(stack.trials) for stack in stacks)
                self._promise()
                if stacks:
                    before = f", {done:,} done before" if done else ""
                    self.say(
                        f"training {many(self._total - done, 'trial')} in "
                        f"{many(len(stacks), 'stack')}{before}, "
                        f"about {duration(self._promised)} (estimate)"
                    )
            case StackStarted(stack):
                assert self._forecast is not None
                self._forecast.started(stack)
                self._running[stack.shape, stack.number] = stack_in_words(stack.trials)
                self._show_running()
            case StackFinished(stack, results, seconds):
                assert self._forecast is not None
                trained = any(result.status in ("ok", "diverged") for result in results)
                self._forecast.finished(stack, seconds if trained else math.nan)
                self._running.pop((stack.shape, stack.number), None)
                self._show_running()
                self._promise()
                self._done += len(results)
                self._statuses.update(r.status for r in results if r.status in NOTABLE)
                if not self._is_live:
                    self._line(stack, seconds)

    def _show_running(self) -> None:
        shown = list(self._running.values())[:SHOWN]
        more = len(self._running) - len(shown)
        if shown:  # between two stacks the last one stays
            self._current = "\n  ".join(
                shown + ([f"and {many(more, 'stack')} more"] if more else [])
            )

    def _promise(self) -> None:
        assert self._forecast is not None
        self._promised, self._promised_at = self._forecast.left(), self._clock()

    def _line(self, stack: Stack, seconds: float) -> None:
        last = self._done == self._total
        if not last and self._clock() - self._spoke < LINE_SECONDS:
            return
        self._spoke = self._clock()
        width = len(f"{self._total:,}")
        left = "" if last else f", {duration(self._promised)} left"
        self.say(
            f"[{self._done:>{width},}/{self._total:,}] {stack_in_words(stack.trials)} "
            f"in {duration(seconds)}{self._notable()}{left}"
        )

    def _notable(self) -> str:
        found = [f"{self._statuses[s]:,} {s}" for s in NOTABLE if self._statuses[s]]
        return f" ({', '.join(found)})" if found else ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw a bar with counts and time left, and what is being trained under it."""
        del console, options
        if self._total:
            left = max(0.0, self._promised - (self._clock() - self._promised_at))
            self._bar.update(
                self._task,
                total=self._total,
                completed=self._done,
                words=f"{self._done:,} of {self._total:,} trials{self._notable()}"
                f" · {duration(max(left, 1.0)) if self._done < self._total else '0 s'} left",
            )
            yield self._bar
        yield Text(f"  {self._current}", style="dim", no_wrap=True, overflow="ellipsis")
