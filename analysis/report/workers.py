"""Work on a report that is done in other processes where that is faster.

No claim is measured with another, no figure needs another, and neither the same-arm check nor the
files of raw numbers need a verdict.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import cached_property, partial
from multiprocessing import connection as connections
from typing import TYPE_CHECKING, Final, Generic, ParamSpec, Self, TypeVar

from suite.store import STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from pathlib import Path

    from analysis.samples import Samples

LARGE: Final = 1_000_000  # bytes of stores; below it takes longer to start processes than they save
MOST_PROCESSES: Final = 4
# Python looks for garbage after every 700 objects more, or 2,000, as its version goes. The million
# points of a large store are no garbage, and what some dozens of figures leave behind can wait.
RARELY: Final = (20_000, 20, 20)
_PRELOADED: Final = "analysis.report.preload"
P = ParamSpec("P")
T = TypeVar("T")
_HERE: Final[list[Samples]] = []  # in a worker: what it was given when it began


class Work(Generic[T]):
    """What a function gives, perhaps later; whoever reads it waits for it.

    Parameters
    ----------
    here
        Does the work in this process.
    elsewhere
        The same, done by another process; should one be killed, it is done here.
    """

    def __init__(self, here: Callable[[], T], elsewhere: Future[T] | None = None) -> None:
        self._here = here
        self._elsewhere = elsewhere

    @cached_property
    def result(self) -> T:
        """What the function gave; raises what it raised."""
        if self._elsewhere is not None:
            with contextlib.suppress(BrokenExecutor):
                return self._elsewhere.result()
        return self._here()


class Workers:
    """Processes that work while they are entered.

    Parameters
    ----------
    processes
        How many; 0: all is done by this one, when a result is read.
    samples
        The evidence, which travels to each once.
    """

    def __init__(self, processes: int, samples: Samples) -> None:
        self._samples = samples
        self._pool: ProcessPoolExecutor | None = None
        if processes:
            context = load_ahead()
            ends, self._goes_on = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                processes, context, initializer=_begin, initargs=(ends, samples)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """End the processes; after an error at once."""
        if self._pool is not None:
            if error is not None:
                self._goes_on.close()
            try:
                self._pool.shutdown(cancel_futures=True)
            finally:
                self._goes_on.close()

    def do(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Work[T]:
        """Have a function called; its arguments and its result travel by pickle."""
        here = partial(function, *args, **kwargs)
        return self._handed_out(here, here)

    def study(self, function: Callable[[Samples], T]) -> Work[T]:
        """Have a function of the samples called."""
        return self._handed_out(partial(function, self._samples), partial(_of_samples, function))

    def _handed_out(self, here: Callable[[], T], there: Callable[[], T]) -> Work[T]:
        if self._pool is not None:
            try:
                with _undisturbed(signal.SIGINT, signal.SIGTERM):  # it may start a worker
                    return Work(here, self._pool.submit(there))
            except BrokenExecutor:
                pass  # one was killed
            except (OSError, EOFError):  # the server that starts them was
                self._pool = None
        return Work(here)


def load_ahead() -> BaseContext:
    """Let a server begin to load what every worker needs, where there is one; returns at once.

    One that runs already, for training was done by workers, stays as it is: there each worker loads
    that itself.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415  absent on Windows

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    resource_tracker.ensure_running()  # would let the signal through again
    # Ctrl-C in a terminal reaches the server too, which is not ready for it while it loads.
    with _undisturbed(signal.SIGINT):
        forkserver.ensure_running()
    return context


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage rarely; afterwards as often as before."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextlib.contextmanager
def _undisturbed(*numbers: signal.Signals) -> Iterator[None]:
    """Let signals wait, so that no process is left half started."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def processes_for(stores: Sequence[Path]) -> int:
    """Count the worker processes that pay for these stores; 0 for small ones."""
    return cores() if sum(map(_size, stores)) >= LARGE else 0


def _size(store: Path) -> int:
    file = store / STORE_NAME if store.is_dir() else store
    return file.stat().st_size if file.is_file() else 0


def cores() -> int:
    """Count the cores that workers may use: each takes 200 MB, and one core needs no workers."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(MOST_PROCESSES, there or 1) if there != 1 else 0


def _begin(ends: Connection, samples: Samples) -> None:
    """Keep the samples, leave Ctrl-C to the process that is worked for, and end with it.

    It may die of anything.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel, ends), daemon=True).start()
    _HERE.append(samples)
    gc.set_threshold(*RARELY)


def _of_samples(function: Callable[[Samples], T]) -> T:
    """Call a function with the samples of this worker, which keep what has been read of them."""
    return function(_HERE[0])


def _end_with(sentinel: int, ends: Connection) -> None:
    connections.wait([sentinel, ends])
    os._exit(1)
