"""Ctrl-C and its kin: the first asks for a clean stop, the second ends the process at once."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ignore_signals() -> None:
    """Let no signal interrupt what Python does after the last line of a program.

    There is nothing left to stop, and a signal there would end in a traceback.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let a first signal wait until this block is done, for blocks that load compiled modules.

    Interrupted there, some clear the exception, so that the program goes on as if nothing had been;
    others turn it into an error of their own and end the process while it cleans up. A second
    signal does not wait, and one that was lost comes again at the end.
    """
    came: list[int] = []
    before = {
        number: handler for number in _SIGNALS if callable(handler := signal.getsignal(number))
    }

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            before[signal.Signals(number)](number, frame)

    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


class Interrupts:
    """Handles SIGINT, SIGTERM and SIGHUP while it is entered.

    While it is polite (see ``politely``) the first signal is only noted, and whoever asks
    ``stopped()`` acts on it; elsewhere it raises KeyboardInterrupt. After one signal the next
    calls ``at_once``.

    Parameters
    ----------
    at_once
        Ends the process.
    """

    def __init__(self, at_once: Callable[[], None]) -> None:
        self._at_once = at_once
        self._polite = False
        self._asked = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what it was before

    def stopped(self) -> bool:
        """Say whether a stop was asked for."""
        return self._asked

    @contextlib.contextmanager
    def politely(self) -> Iterator[None]:
        """Only note the first signal within this block."""
        self._polite = True
        try:
            yield
        finally:
            self._polite = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._asked:
            self._at_once()
        self._asked = True
        if not self._polite:
            raise KeyboardInterrupt
