"""What a worker process does: it takes one task at a time and answers it, until it is told to end.

It writes nothing but answers. It ends with the process that it works for, whatever that died of.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from suite.errors import InterruptedRunError
from suite.executors.base import Guard, SizeWanted, timings
from suite.planning import Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from suite.executors.base import Trainer

Task: TypeAlias = Stack | SizeWanted
Order: TypeAlias = tuple[Task, int | None]  # and how many members of a stack are known to fit

READY: Final = "ready"
STOPPED: Final = "stopped"
STOP: Final = b"stop"


@dataclass(frozen=True)
class Fault:
    """Something that no guard caught, so a fault of this project: the traceback."""

    text: str


def serve(
    connection: Connection[Any, Any],
    control: Connection[Any, Any],
    make_trainer: Callable[[], Trainer],
) -> None:
    """Answer tasks until the other side hangs up.

    Parameters
    ----------
    connection
        Gives orders and takes answers.
    control
        ``STOP`` asks for a stop between steps; its end means that there is nobody to work for.
    make_trainer
        Prepares this process and gives the trainer.
    """
    # A terminal sends signals to every process of the run; what they mean is the parent's business.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stop = threading.Event()
    threading.Thread(target=_obey, args=(control, stop), daemon=True).start()
    try:
        train = make_trainer()
        guard = Guard(train)
        connection.send(READY)
        while True:
            connection.send(_answer(connection.recv(), train, guard, stop.is_set))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except BaseException:
        connection.send(Fault(traceback.format_exc()))


def _answer(order: Order, train: Trainer, guard: Guard, should_stop: Callable[[], bool]) -> object:
    task, most = order
    try:
        if isinstance(task, Stack):
            return guard(task, should_stop, most)
        return timings(train, task)
    except InterruptedRunError:
        return STOPPED


def _obey(control: Connection[Any, Any], stop: threading.Event) -> None:
    try:
        while control.recv_bytes() == STOP:
            stop.set()
    except (EOFError, OSError):
        os._exit(0)  # at once, in whatever step the training is
