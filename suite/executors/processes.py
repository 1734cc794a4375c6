"""Trains in processes of this machine, one stack each at a time; they divide the cores.

Workers are forked from a server that has torch loaded, so one starts in milliseconds and shares its
memory; datasets are shared too. This process, which alone stores results, does not train. Importing
this module imports no torch, so that the server can load it while this process does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing import connection as connections
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import suite
from suite.errors import BenchError, InterruptedRunError
from suite.executors.base import Executor, SizeWanted, StackFinished, StackStarted, without_result
from suite.executors.tries import Death, Tries
from suite.executors.worker import READY, STOP, STOPPED, Fault, serve
from suite.room import kernel_counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    from suite.executors.base import ShouldStop, Trainer
    from suite.executors.worker import Task
    from suite.planning import Stack

_PRELOADED: Final = "suite.executors.preload"
_POLL_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 5.0  # for a polite stop; then a worker is killed, which loses nothing more
_BROKEN_STARTS: Final = 3
# Between tries to reach the server: one that was killed refuses, but until the system has taken its
# memory back it does not count as dead, and no other is started.
_START_PAUSES: Final = (0.1, 0.5, 2.0, 5.0)
_START_SECONDS: Final = 300.0
SIZING_LIMIT: Final = 600.0


def is_available() -> bool:
    """Say whether this system has a fork server."""
    return "forkserver" in multiprocessing.get_all_start_methods()


def start_server() -> ForkServerContext:
    """Let the fork server start to load torch, unless it did; returns at once."""
    from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415  absent on Windows

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    resource_tracker.ensure_running()  # would unblock the signal again
    # Ctrl-C in a terminal reaches the server too, which is not ready for it while it loads.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _importable():
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


@contextlib.contextmanager
def _importable() -> Iterator[None]:
    """Let what is started here find this package; the server itself is not told ``sys.path``."""
    before = os.environ.get("PYTHONPATH")
    root = str(Path(suite.__file__).parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@dataclass
class _Worker:
    process: ForkServerProcess
    connection: Connection[Any, Any]
    control: Connection[Any, Any]
    limit: float
    ready: bool = False
    task: int | None = None
    spent: float = 0.0
    kills: int = 0  # that the system had made for want of memory when the task was given

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()
        self.control.close()


@dataclass(frozen=True)
class _Started:
    place: int


@dataclass(frozen=True)
class _Answered:
    place: int
    answer: Any


@dataclass(frozen=True)
class _Lost:
    """The task's worker died, and so did those that tried again."""

    place: int
    death: Death


class ProcessExecutor(Executor):
    """One worker process for each stack that trains.

    A worker that dies loses the stack it was at, which another tries once more, and in halves where
    the system ended it for want of memory; one that has spent its limit is killed and counts as
    dead. However this process ends, its workers end with it.

    Parameters
    ----------
    make_trainer
        Called in every worker; must be picklable. It prepares the process, threads included.
    workers
        How many processes.
    threads
        Threads of each, for the record.
    limit
        Seconds after which a stack counts as hanging.
    """

    def __init__(
        self,
        make_trainer: Callable[[], Trainer],
        *,
        workers: int,
        threads: int,
        limit: Callable[[Stack], float],
    ) -> None:
        self._make_trainer = make_trainer
        self._count = workers
        self._threads = threads
        self._limit = limit
        self._workers: list[_Worker] = []
        self._broken_starts = 0

    @property
    def parallel(self) -> int:
        """The number of workers."""
        return self._count

    def stacks_on(self, device: str) -> int:
        """One for each worker, on whatever device."""
        del device
        return self._count

    def run(
        self, stacks: Sequence[Stack], should_stop: ShouldStop
    ) -> Iterator[StackStarted | StackFinished]:
        """Train the stacks; they begin in their order."""
        try:
            for event in self._map(stacks, [self._limit(s) for s in stacks], should_stop):
                match event:
                    case _Started(place):
                        yield StackStarted(stacks[place])
                    case _Answered(_, answer):
                        yield answer
                    case _Lost(place, death):
                        stack = stacks[place]
                        lost = (without_result(t, death.status, death.reason) for t in stack.trials)
                        yield StackFinished(stack, tuple(lost), 0.0)
        finally:
            self.close()

    def time_sizes(
        self, wanted: Sequence[SizeWanted], should_stop: ShouldStop
    ) -> Iterator[tuple[int, dict[int, float]]]:
        """Time the shapes on all workers at once, for so they will train."""
        for event in self._map(wanted, [SIZING_LIMIT] * len(wanted), should_stop):
            match event:
                case _Answered(place, answer):
                    yield place, answer
                case _Lost(place, _):
                    yield place, {}

    def describe(self) -> dict[str, Any]:
        """Count processes, and threads of each."""
        return {"name": "processes", "processes": self._count, "threads": self._threads}

    def close(self) -> None:
        """End all workers, at once."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _map(
        self, tasks: Sequence[Task], limits: Sequence[float], should_stop: ShouldStop
    ) -> Iterator[_Started | _Answered | _Lost]:
        """Have every task answered; whoever stops listening ends the workers."""
        queue = deque(range(len(tasks)))
        tries = [Tries(task) for task in tasks]
        before = time.monotonic()
        while queue or any(worker.task is not None for worker in self._workers):
            if should_stop():
                self._stop()
                raise InterruptedRunError("stopped between two steps; the same command goes on")
            busy = sum(worker.task is not None for worker in self._workers)
            while len(self._workers) < min(self._count, busy + len(queue)):
                self._workers.append(self._start())
            yield from self._give(queue, tasks, limits, tries)
            connections.wait(
                [w.connection for w in self._workers] + [w.process.sentinel for w in self._workers],
                timeout=_POLL_SECONDS,
            )
            now = time.monotonic()
            # Time in which this process was stopped (Ctrl-Z) is nobody's.
            passed, before = min(now - before, 10 * _POLL_SECONDS), now
            events: list[_Answered | _Lost] = []
            for worker in tuple(self._workers):
                worker.spent += passed
                place = worker.task
                answer = self._heard(worker)
                if answer is None and (death := self._death(worker)):
                    self._workers.remove(worker)
                    if place is not None and (last := tries[place].died(death)):
                        events.append(_Lost(place, last))
                    elif place is not None:
                        queue.appendleft(place)
                elif answer is not None and place is not None:
                    events.append(_Answered(place, answer))
            started = self._give(queue, tasks, limits, tries)  # before anything waits for the store
            yield from events
            yield from started

    def _start(self) -> _Worker:
        for pause in (*_START_PAUSES, None):
            context = start_server()
            ours, theirs = context.Pipe()
            listens, commands = context.Pipe(duplex=False)
            process = context.Process(
                target=serve, args=(theirs, listens, self._make_trainer), daemon=True
            )
            try:
                process.start()
            except (EOFError, OSError) as error:  # the server died just now; there will be another
                ours.close()
                commands.close()
                if pause is None:
                    raise BenchError(f"worker processes don't start ({error})") from error
                time.sleep(pause)
            else:
                return _Worker(process, ours, commands, limit=_START_SECONDS)
            finally:
                theirs.close()
                listens.close()
        raise AssertionError  # the last try returns or raises

    def _give(
        self,
        queue: deque[int],
        tasks: Sequence[Task],
        limits: Sequence[float],
        tries: Sequence[Tries],
    ) -> list[_Started]:
        """Hand tasks to those who wait for one; tell of those that are at their first try."""
        started = []
        for worker in self._workers:
            if queue and worker.ready and worker.task is None:
                place = queue.popleft()
                worker.task, worker.limit, worker.spent = place, limits[place], 0.0
                worker.kills = _kills()
                # One that has just died is found out by whoever listens to it.
                with contextlib.suppress(OSError):
                    worker.connection.send((tasks[place], tries[place].most))
                if tries[place].first:
                    started.append(_Started(place))
        return started

    def _heard(self, worker: _Worker) -> Any:
        """Give a worker's answer to its task; None where there is none (yet)."""
        try:
            if not worker.connection.poll():
                return None
            said = worker.connection.recv()
        except (EOFError, OSError):
            return None  # it died, maybe in the middle of a word
        if isinstance(said, Fault):
            raise BenchError(f"a worker process met a fault of this program:\n{said.text}")
        if said == READY:
            worker.ready = True
            self._broken_starts = 0
            return None
        worker.task = None
        return None if said == STOPPED else said

    def _death(self, worker: _Worker) -> Death | None:
        """Say why a worker is not to be counted on any more, and end it; else nothing."""
        if worker.spent > worker.limit and (worker.task is not None or not worker.ready):
            worker.end()
            how = f"was killed after {worker.limit:,.0f} s without an answer"
        elif connections.wait([worker.process.sentinel], timeout=0):
            worker.process.join()
            code = worker.process.exitcode
            worker.end()
            if code == -signal.SIGKILL and worker.ready and _kills() > worker.kills:
                return Death("out of memory: the system killed the worker process", "oom")
            how = _ended(code)
        else:
            return None
        if not worker.ready:
            self._broken_starts += 1
            if self._broken_starts >= _BROKEN_STARTS:
                raise BenchError(
                    f"worker processes don't start ({how}); --executor in-process does without them"
                )
        return Death(f"the worker process {how}")

    def _stop(self) -> None:
        """Ask all to stop between steps, and end them."""
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.control.send_bytes(STOP)
        until = time.monotonic() + _STOP_SECONDS
        busy = [w.connection for w in self._workers if w.task is not None]
        while busy and (left := until - time.monotonic()) > 0:
            for stopped in connections.wait(busy, timeout=left):
                busy.remove(stopped)  # type: ignore[arg-type]  # these are connections
        self.close()


def _kills() -> int:
    """Count the processes that the system has killed for want of memory; 0 where it doesn't say."""
    return kernel_counter(Path("/proc/vmstat"), "oom_kill")


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
        hint = " (is there enough memory?)" if -code == signal.SIGKILL else ""
        return f"was killed by {name}{hint}"
    return f"ended with exit code {code}"
