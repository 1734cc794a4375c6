"""Work on a report that is done in other processes where that is faster.

No claim is measured with another, no figure needs another, and neither the same-arm check nor the
files of raw numbers need a verdict.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import cached_property, partial
from multiprocessing import connection as connections
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext

    from analysis.samples import Samples

MOST_PROCESSES: Final = 4
_PRELOADED: Final = "analysis.report.preload"
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
_HERE: Final[list[Samples]] = []  # in a worker: what it was given when it began


class Work(Generic[T]):
    """What a function gives, perhaps later; whoever reads it waits for it.

    Parameters
    ----------
    here
        Does the work in this process.
    elsewhere
        The same, to be done by another process. What none has begun when the result is read is done
        here, and so is what one was killed over.
    """

    def __init__(self, here: Callable[[], T], elsewhere: Future[T] | None = None) -> None:
        self._here = here
        self._elsewhere = elsewhere

    @cached_property
    def result(self) -> T:
        """What the function gave; raises what it raised."""
        if self._elsewhere is not None and not self._elsewhere.cancel():
            with contextlib.suppress(BrokenExecutor):
                return self._elsewhere.result()
        return self._here()


class Workers:
    """Processes that work while they are entered.

    Parameters
    ----------
    processes
        How many work beside this one; 1: this one alone, when a result is read.
    samples
        The evidence, which travels to each once.
    """

    def __init__(self, processes: int, samples: Samples) -> None:
        self._samples = samples
        self._pool: ProcessPoolExecutor | None = None
        if processes > 1:
            context = load_ahead()
            ends, self._goes_on = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                processes, context, initializer=_begin, initargs=(Path.cwd(), ends, samples)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """End the processes; after an error at once."""
        if self._pool is not None:
            if error is not None:
                self._goes_on.close()
            self._pool.shutdown(cancel_futures=True)
            self._goes_on.close()

    def do(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Work[T]:
        """Have a function called; its arguments and its result travel by pickle."""

        def here() -> T:
            return function(*args, **kwargs)

        if self._pool is not None:
            with contextlib.suppress(BrokenExecutor):
                return Work(here, self._pool.submit(function, *args, **kwargs))
        return Work(here)

    def study(self, function: Callable[[Samples], T]) -> Work[T]:
        """Have a function of the samples called."""
        return self._study(lambda: function(self._samples), function)

    def share(
        self, function: Callable[[Samples, T], R], samples: Samples, items: Sequence[T]
    ) -> list[R]:
        """Share out what is to be done with each item; see :class:`analysis.sharing.Share`."""
        assert samples is self._samples
        shared = [self._study(partial(function, samples, item), function, item) for item in items]
        for work in reversed(shared):  # the others begin at the front
            work.result  # noqa: B018
        return [work.result for work in shared]

    def _study(self, here: Callable[[], T], function: Callable[..., T], *items: object) -> Work[T]:
        if self._pool is not None:
            with contextlib.suppress(BrokenExecutor):
                return Work(here, self._pool.submit(_of_samples, function, *items))
        return Work(here)


def load_ahead() -> BaseContext:
    """Let a server begin to load what every worker needs, where there is one; returns at once."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver  # noqa: PLC0415  absent on Windows

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    forkserver.ensure_running()
    return context


def cores() -> int:
    """Count the cores that this process may use, up to a few: each worker takes 200 MB."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(MOST_PROCESSES, there or 1)


def _begin(folder: Path, ends: Connection, samples: Samples) -> None:
    """Leave signals to the process that is worked for, and end with it, whatever that dies of."""
    os.chdir(folder)  # a relative path means the same as there
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel, ends), daemon=True).start()
    _HERE.append(samples)


def _of_samples(function: Callable[..., T], *items: object) -> T:
    """Call a function with the samples of this worker, which keep what has been read of them."""
    return function(_HERE[0], *items)


def _end_with(sentinel: int, ends: Connection) -> None:
    connections.wait([sentinel, ends])
    os._exit(1)
