"""Trains on a Ray cluster of any number of machines; needs the extra ``ray``.

The driver alone chooses, stores and counts; a stack is one Ray task, on one core or one GPU. A task
whose worker or node is lost is tried again by the driver, which knows why it was lost; a worker
whose task hangs ends itself, so that the time for which a task waits for room is no part of its
limit.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from suite.cost_records import CostResult
from suite.devices import is_cuda
from suite.errors import BenchError, InterruptedRunError, UsageError, first_line
from suite.executors.base import Executor, StackFinished, StackStarted, without_result
from suite.executors.processes import SIZING_LIMIT
from suite.executors.ray_worker import answered, measured
from suite.executors.tries import TRIES, Death, Tries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from suite.cost.plan import Replicate
    from suite.executors.base import ShouldStop, SizeWanted, Trainer
    from suite.executors.ray_cluster import Cluster
    from suite.planning import Stack

_POLL_SECONDS: Final = 0.1
_COUNT_SECONDS: Final = 2.0  # how often the cluster's size is asked for


class RayExecutor(Executor):
    """A Ray task for each stack.

    Parameters
    ----------
    cluster
        Connected; see ``connected``.
    make_trainer
        Called once in every worker process; those of a GPU serve one stack each.
    threads
        Cores that a stack takes.
    limit
        Seconds after which a stack counts as hanging.
    most
        Stacks at the same time; None: as many as the cluster has room for.
    devices
        All that stacks may ask for.

    Raises
    ------
    UsageError
        A device is a GPU and no node has one.
    """

    def __init__(
        self,
        cluster: Cluster,
        make_trainer: Callable[[], Trainer],
        *,
        threads: int,
        limit: Callable[[Stack], float],
        most: int | None = None,
        devices: Sequence[str] = ("cpu",),
    ) -> None:
        self._only_gpus = all(map(is_cuda, devices))
        if any(map(is_cuda, devices)) and not cluster.room(threads, gpus=True):
            cluster.close()
            raise UsageError("no node of the Ray cluster has a GPU: use --device cpu")
        self._cluster = cluster
        self._name = uuid.uuid4().hex  # a worker of the cluster may have served another run before
        self._make = cluster.ray.put(make_trainer)
        self._threads = threads
        self._limit = limit
        self._most = most

    @property
    def parallel(self) -> int:
        """How many stacks the cluster, as it is now, has room for."""
        return self._room(gpus=self._only_gpus)

    def run(
        self, stacks: Sequence[Stack], should_stop: ShouldStop
    ) -> Iterator[StackStarted | StackFinished]:
        """Train the stacks; those of the CPU, and those of GPUs, are handed out in their order."""
        limits = [self._limit(stack) for stack in stacks]
        for place, answer in self._map(stacks, limits, should_stop):
            stack = stacks[place]
            if answer is None:
                yield StackStarted(stack)
            elif isinstance(answer, Death):
                lost = (without_result(t, answer.status, answer.reason) for t in stack.trials)
                yield StackFinished(stack, tuple(lost), 0.0)
            else:
                yield answer

    def time_sizes(
        self, wanted: Sequence[SizeWanted], should_stop: ShouldStop
    ) -> Iterator[tuple[int, dict[int, float]]]:
        """Time the shapes wherever there is room; machines should be alike."""
        for place, answer in self._map(wanted, [SIZING_LIMIT] * len(wanted), should_stop):
            if answer is not None:
                yield place, {} if isinstance(answer, Death) else answer

    def measure(self, replicate: Replicate, should_stop: ShouldStop) -> tuple[CostResult, ...]:
        """Measure on a node that is reserved whole for as long as it takes.

        Where that is lost another one measures; where that is lost too, the costs have failed.
        """
        import torch  # noqa: PLC0415

        gpus = is_cuda(replicate.device)
        tried: list[str] = []
        reason = "the cluster has no node for it"
        while len(tried) < TRIES and (node := self._cluster.largest_node(tried, gpus=gpus)):
            tried.append(node["NodeID"])
            task = self._cluster.remote(
                measured,
                num_cpus=node["Resources"].get("CPU", 0),
                num_gpus=1 if gpus else 0,
                scheduling_strategy=self._cluster.bound_to(node),
            ).remote(replicate, torch.__version__)
            while not self._cluster.ray.wait([task], timeout=_POLL_SECONDS)[0]:
                if should_stop():
                    self._cluster.cancel(task)
                    raise InterruptedRunError("stopped; this replicate is measured anew next time")
            answer = self._answer(task)
            if not isinstance(answer, Death):
                results: tuple[CostResult, ...] = answer
                return results
            reason = f"the node that measured was lost, {len(tried)} times: {answer.reason}"
        return tuple(
            CostResult(task=task, status="failed", reason=reason) for task in replicate.tasks
        )

    def describe(self) -> dict[str, Any]:
        """Count stacks at a time, cores of each, and nodes."""
        return {
            "name": "ray",
            "processes": self.parallel,
            "threads": self._threads,
            "nodes": self._cluster.nodes(),
            "ray": self._cluster.ray.__version__,
        }

    def close(self) -> None:
        """Disconnect; a cluster that was started for this run ends."""
        self._cluster.close()

    def _map(
        self,
        tasks: Sequence[Stack | SizeWanted],
        limits: Sequence[float],
        should_stop: ShouldStop,
    ) -> Iterator[tuple[int, Any]]:
        """Have every task answered.

        Yields
        ------
        tuple
            A task's place and None when it is handed out for the first time; later its place and
            its answer, or the death of its last worker.
        """
        ray = self._cluster.ray
        tries = [Tries(task) for task in tasks]
        queues: dict[bool, deque[int]] = {True: deque(), False: deque()}
        for place, task in enumerate(tasks):
            queues[is_cuda(task.trials[0].device)].append(place)
        running: dict[Any, tuple[int, bool]] = {}
        room: dict[bool, int] = {}
        counted = time.monotonic()
        try:
            while any(queues.values()) or running:
                if should_stop():
                    raise InterruptedRunError("stopped between two steps; the same command goes on")
                if not room or time.monotonic() - counted > _COUNT_SECONDS:
                    room = {gpus: self._room(gpus=gpus) for gpus in queues}
                    counted = time.monotonic()
                begun = []
                while (due := _next(queues, [g for _, g in running.values()], room)) is not None:
                    place, gpus = due
                    ref = self._submit(tasks[place], limits[place], tries[place].most, gpus=gpus)
                    running[ref] = due
                    begun += [place] if tries[place].first else []
                yield from ((place, None) for place in begun)
                done, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS)
                for ref in done:
                    place, gpus = running.pop(ref)
                    answer = self._answer(ref)
                    if not isinstance(answer, Death):
                        yield place, answer
                    elif last := tries[place].died(_in_words(answer, limits[place])):
                        yield place, last
                    elif answer.status == "oom":  # once its neighbours are done, there may be room
                        queues[gpus].append(place)
                    else:
                        queues[gpus].appendleft(place)
        finally:
            for ref in running:
                self._cluster.cancel(ref)

    def _room(self, *, gpus: bool) -> int:
        room = self._cluster.room(self._threads, gpus=gpus)
        return max(1, room if self._most is None else min(room, self._most))

    def _submit(
        self, task: Stack | SizeWanted, limit: float, most: int | None, *, gpus: bool
    ) -> Any:
        return self._cluster.remote(
            answered, num_cpus=self._threads, num_gpus=1 if gpus else 0
        ).remote(self._name, self._make, task, limit, most)

    def _answer(self, ref: Any) -> Any:
        """Give what a task answered, or the death of its worker."""
        exceptions = self._cluster.ray.exceptions
        try:
            return self._cluster.ray.get(ref)
        except exceptions.RayTaskError as error:  # what no guard caught
            if isinstance(error.cause, BenchError):
                raise error.cause from None
            raise BenchError(f"a worker met a fault of this program:\n{error}") from None
        except exceptions.RayError as error:
            memory = isinstance(error, exceptions.OutOfMemoryError)
            return Death(first_line(error), "oom" if memory else "failed")


def _next(
    queues: Mapping[bool, deque[int]], running: Sequence[bool], room: Mapping[bool, int]
) -> tuple[int, bool] | None:
    """Take what is next in a queue whose kind of device, a GPU or none, has room for it."""
    for gpus, queue in queues.items():
        # Every task takes a core, those on GPUs too.
        if queue and running.count(gpus) < room[gpus] and len(running) < room[False]:
            return queue.popleft(), gpus
    return None


def _in_words(death: Death, limit: float) -> Death:
    if death.status == "oom":
        return Death(f"out of memory: Ray ended the worker ({death.reason})", "oom")
    ended = f"one is ended after {limit:,.0f} s without an answer"
    return Death(f"the worker or its node died ({death.reason}; {ended})")
