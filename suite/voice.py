"""What a run says beside its progress: lines, warnings, and what takes a moment."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from suite.pipes import fall_silent


class SteadyConsole(Console):
    """Falls silent when whoever read it has gone; rich itself would end the program."""

    def on_broken_pipe(self) -> None:
        """Go on without a reader."""
        self.quiet = True
        fall_silent(self.file)


@dataclass(frozen=True)
class Voice:
    """Writes only to the console that it is given.

    Parameters
    ----------
    console
        Where to write.
    quiet
        Write warnings alone.
    """

    console: Console
    quiet: bool

    def say(self, line: str) -> None:
        """Write a line."""
        if not self.quiet:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def warn(self, line: str) -> None:
        """Write a line that must not be missed."""
        self.console.print(Text(line, style="bold yellow"), soft_wrap=True)

    def during(self, what: str) -> contextlib.AbstractContextManager[object]:
        """Say what takes a moment: on a terminal for as long as it takes."""
        if self.console.is_terminal and not self.quiet:
            return self.console.status(what)
        self.say(f"{what} …")
        return contextlib.nullcontext()
