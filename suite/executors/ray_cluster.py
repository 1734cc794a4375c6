"""Trains on a Ray cluster of any number of machines; needs the extra ``ray``.

The driver alone chooses, stores and counts; a stack is one Ray task, on one core or one GPU. Ray
tries a task again whose worker or node is lost; a worker whose task hangs ends itself, so that the
time for which a task waits for room is no part of its limit. Datasets are put into the object store
once, and workers of one machine read the same copy. A machine must have this package installed; one
whose code or torch is not the driver's is refused before it trains anything.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import secrets
import shutil
import signal
import tempfile
import time
import uuid
import warnings
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from suite.code_version import code_version
from suite.cost.processes import measure_in_process
from suite.cost_records import CostResult
from suite.devices import is_cuda
from suite.errors import BenchError, InterruptedRunError, UsageError
from suite.executors.base import (
    Executor,
    Guard,
    SizeWanted,
    StackFinished,
    StackStarted,
    timings,
    without_result,
)
from suite.executors.processes import SIZING_LIMIT
from suite.planning import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from suite.cost.plan import Replicate
    from suite.data import Dataset
    from suite.executors.base import ShouldStop, Trainer
    from suite.executors.training import StackTrainer

_RETRIES: Final = 1
_POLL_SECONDS: Final = 0.1
_COUNT_SECONDS: Final = 2.0  # how often the cluster's size is asked for
_TOKEN_SOURCES: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_TENSORS: Final = ("train_images", "train_labels", "test_images", "test_labels")


class RayExecutor(Executor):
    """A Ray task for each stack.

    Parameters
    ----------
    cluster
        Connected; see ``connected``.
    make_trainer
        Called once in every worker process.
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
            elif isinstance(answer, StackFinished):
                yield answer
            else:
                reason = (
                    f"the worker or its node died, {_RETRIES + 1} times (a worker is killed after "
                    f"{limits[place]:,.0f} s without an answer): {answer.said}"
                )
                failed = tuple(without_result(t, "failed", reason) for t in stack.trials)
                yield StackFinished(stack, failed, 0.0)

    def time_sizes(
        self, wanted: Sequence[SizeWanted], should_stop: ShouldStop
    ) -> Iterator[tuple[int, dict[int, float]]]:
        """Time the shapes wherever there is room; machines should be alike."""
        for place, answer in self._map(wanted, [SIZING_LIMIT] * len(wanted), should_stop):
            if answer is not None:
                yield place, answer if isinstance(answer, dict) else {}

    def measure(self, replicate: Replicate, should_stop: ShouldStop) -> tuple[CostResult, ...]:
        """Measure on a node that is reserved whole for as long as it takes.

        Where that is lost another one measures; where that is lost too, the costs have failed.
        """
        gpus = is_cuda(replicate.device)
        tried: list[str] = []
        reason = "the cluster has no node for it"
        while len(tried) <= _RETRIES and (node := self._cluster.largest_node(tried, gpus=gpus)):
            tried.append(node["NodeID"])
            task = self._cluster.remote(
                _measured,
                num_cpus=node["Resources"].get("CPU", 0),
                num_gpus=1 if gpus else 0,
                max_retries=0,  # it is bound to its node, which may be gone
                scheduling_strategy=self._cluster.bound_to(node),
            ).remote(replicate)
            while not self._cluster.ray.wait([task], timeout=_POLL_SECONDS)[0]:
                if should_stop():
                    self._cluster.cancel(task)
                    raise InterruptedRunError("stopped; this replicate is measured anew next time")
            answer = self._answer(task)
            if not isinstance(answer, _Lost):
                results: tuple[CostResult, ...] = answer
                return results
            reason = f"the node that measured was lost, {len(tried)} times: {answer.said}"
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
        """Have every task answered: (place, None) when it is handed out, then (place, answer)."""
        ray = self._cluster.ray
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
                for gpus, queue in queues.items():
                    beside = sum(on_gpu == gpus for _, on_gpu in running.values())
                    # Every task takes a core, those on GPUs too.
                    for _ in range(min(room[gpus] - beside, room[False] - len(running))):
                        if queue:
                            place = queue.popleft()
                            ref = self._submit(tasks[place], limits[place], gpus=gpus)
                            running[ref] = (place, gpus)
                            begun.append(place)
                yield from ((place, None) for place in begun)
                done, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS)
                for ref in done:
                    place, _ = running.pop(ref)
                    yield place, self._answer(ref)
        finally:
            for ref in running:
                self._cluster.cancel(ref)

    def _room(self, *, gpus: bool) -> int:
        room = self._cluster.room(self._threads, gpus=gpus)
        return max(1, room if self._most is None else min(room, self._most))

    def _submit(self, task: Stack | SizeWanted, limit: float, *, gpus: bool) -> Any:
        return self._cluster.remote(
            _answered,
            num_cpus=self._threads,
            num_gpus=1 if gpus else 0,
            max_retries=_RETRIES,
        ).remote(self._name, self._make, task, limit)

    def _answer(self, ref: Any) -> Any:
        exceptions = self._cluster.ray.exceptions
        try:
            return self._cluster.ray.get(ref)
        except exceptions.RayTaskError as error:  # what no guard caught
            if isinstance(error.cause, BenchError):
                raise error.cause from None
            raise BenchError(f"a worker met a fault of this program:\n{error}") from None
        except exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            return _Lost(lines[0])


@dataclass(frozen=True)
class _Lost:
    said: str


class Cluster:
    """A connection to a Ray cluster.

    Parameters
    ----------
    ray
        The module, connected.
    folder
        Of a cluster that was started for this run, to be removed with it; None for another's.
    """

    def __init__(self, ray: Any, folder: Path | None) -> None:
        self.ray = ray
        self._folder = folder
        self._mine = folder is not None
        self._remote: dict[Callable[..., Any], Any] = {}

    def remote(self, function: Callable[..., Any], **options: Any) -> Any:
        """Give a function as a task with these options."""
        if function not in self._remote:
            self._remote[function] = self.ray.remote(function)
        return self._remote[function].options(**options)

    def cancel(self, ref: Any) -> None:
        """End a task's process, whatever it does."""
        with contextlib.suppress(self.ray.exceptions.RayError):
            self.ray.cancel(ref, force=True)

    def nodes(self) -> int:
        """Count living nodes."""
        return len(self._alive())

    def room(self, threads: int, *, gpus: bool) -> int:
        """Count the stacks that all nodes have room for, on a GPU each or on none."""

        def fit(resources: Mapping[str, float]) -> int:
            cores = int(resources.get("CPU", 0)) // threads
            return min(cores, int(resources.get("GPU", 0))) if gpus else cores

        return sum(fit(node["Resources"]) for node in self._alive())

    def largest_node(self, tried: Sequence[str] = (), *, gpus: bool) -> dict[str, Any] | None:
        """Choose the node with the most cores, and a GPU where one is needed; None without any.

        One of those that were tried only where there is no other.
        """
        return max(
            (n for n in self._alive() if not gpus or n["Resources"].get("GPU", 0) >= 1),
            key=lambda n: (n["NodeID"] not in tried, n["Resources"].get("CPU", 0), n["NodeID"]),
            default=None,
        )

    def bound_to(self, node: Mapping[str, Any]) -> Any:
        """Give what binds a task to a node."""
        from ray.util.scheduling_strategies import (  # noqa: PLC0415
            NodeAffinitySchedulingStrategy,
        )

        return NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)

    def close(self) -> None:
        """Disconnect, where this run connected; may be called again."""
        if self._mine:
            self.ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._mine, self._folder = False, None

    def _alive(self) -> list[dict[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]


def connected(address: str | None, cores: int) -> Cluster:
    """Connect to a cluster, or start one on this machine alone.

    Token authentication is on unless ``RAY_AUTH_MODE`` says otherwise. A cluster that is started
    here gets a token of its own, in this process's environment and nowhere else.

    Parameters
    ----------
    address
        As ``--address`` is written; None starts a cluster.
    cores
        Of a cluster that is started here.

    Raises
    ------
    UsageError
        Ray is not installed, or there is no such cluster, or it refuses the token.
    """
    secure(new=address is None)
    with _signals_kept():
        try:
            import ray  # noqa: PLC0415  an extra, and slow to load
        except ImportError:
            raise UsageError(
                "--executor ray needs Ray: pip install 'batchnorm-bench[ray]'"
            ) from None
        if ray.is_initialized():
            return Cluster(ray, None)
        quiet: dict[str, Any] = {
            "include_dashboard": False,
            "log_to_driver": False,
            "logging_level": logging.ERROR,
        }
        folder = None
        try:
            if address is None:
                # Short: sockets lie in it, and their paths may have 107 characters.
                folder = Path(tempfile.mkdtemp(prefix="bench-ray-"))
                ray.init(
                    num_cpus=cores, _temp_dir=str(folder), _node_ip_address="127.0.0.1", **quiet
                )
            else:
                del quiet["include_dashboard"]
                ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(
                f"can't connect to the Ray cluster {address or 'on this machine'}: {first} (its "
                "token goes into RAY_AUTH_TOKEN; a cluster without needs RAY_AUTH_MODE=disabled)"
            ) from None
    connection = Cluster(ray, folder)
    connection._mine = True
    return connection


def secure(*, new: bool) -> None:
    """Set what Ray reads when it is first imported: authentication on, usage statistics off.

    Parameters
    ----------
    new
        A cluster is to be started: it gets a token where the environment has none.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    if new and not any(os.environ.get(name) for name in _TOKEN_SOURCES):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Undo that importing Ray takes SIGTERM for itself."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- in a worker -------------------------------------------------------------------------------


@dataclass(frozen=True)
class RayTrainer:
    """Prepares a worker of the cluster and gives its trainer.

    Parameters
    ----------
    datasets
        Name → the dataset without its tensors, and where these are in the object store.
    threads
        Threads that torch uses there.
    devices
        Devices that count, each to be checked on that machine.
    torch_version
        The driver's.
    """

    datasets: Mapping[str, tuple[Any, str, Any]]
    threads: int
    devices: tuple[str, ...]
    torch_version: str

    @classmethod
    def of(
        cls, cluster: Cluster, datasets: Mapping[str, Dataset], threads: int, devices: Sequence[str]
    ) -> RayTrainer:
        """Put datasets into the object store, once."""
        import torch  # noqa: PLC0415

        put = {
            name: (
                dataset.spec,
                dataset.fingerprint,
                cluster.ray.put([getattr(dataset, tensor).numpy() for tensor in _TENSORS]),
            )
            for name, dataset in datasets.items()
        }
        return cls(put, threads, tuple(devices), torch.__version__)

    def __call__(self) -> _CheckedTrainer:
        """Set the process up as the one that trains in-process is, and check its devices."""
        import torch  # noqa: PLC0415

        from suite.device_check import check_device  # noqa: PLC0415
        from suite.devices import use_full_precision  # noqa: PLC0415
        from suite.executors.training import StackTrainer  # noqa: PLC0415

        if torch.__version__ != self.torch_version:
            raise BenchError(
                f"a node has torch {torch.__version__}, the driver {self.torch_version}: "
                "install the same on all, see constraints.txt"
            )
        torch.set_num_threads(self.threads)
        use_full_precision()
        visible = torch.cuda.is_available()
        for device in self.devices:
            if device == "cpu" or visible:  # a task without a GPU sees none
                check_device(device)
        return _CheckedTrainer(
            StackTrainer({name: _dataset(*put) for name, put in self.datasets.items()})
        )


class _CheckedTrainer:
    """Refuses trials whose code is not what this machine has."""

    def __init__(self, train: StackTrainer) -> None:
        self._train = train

    def __call__(self, trials: Sequence[Any], should_stop: ShouldStop) -> Sequence[Any]:
        return self._train(trials, should_stop)

    def time_sizes(self, wanted: SizeWanted) -> dict[int, float]:
        return self._train.time_sizes(wanted)

    def check(self, task: Stack | SizeWanted) -> None:
        for trial in task.trials:
            if code_version(trial.condition, trial.protocol.probes) != trial.code_version:
                raise BenchError(
                    "a node has other code than the driver: install the same version on all"
                )


_TRAINERS: Final[dict[str, tuple[Any, Guard]]] = {}


def _answered(
    name: str, make_trainer: Callable[[], Trainer], task: Stack | SizeWanted, limit: float
) -> Any:
    """Answer a task; this process keeps its trainer for the next one of the same run.

    It ends where that takes longer than the limit in seconds, even in code that holds Python's
    lock; Ray then tries the task again.
    """
    faulthandler.dump_traceback_later(limit, exit=True, file=2)
    try:
        if name not in _TRAINERS:
            _TRAINERS.clear()
            train = make_trainer()
            _TRAINERS[name] = (train, Guard(train))
        train, guard = _TRAINERS[name]
        if isinstance(train, _CheckedTrainer):
            train.check(task)
        return guard(task, _never) if isinstance(task, Stack) else timings(train, task)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _measured(replicate: Replicate) -> tuple[CostResult, ...]:
    return measure_in_process(replicate, _never)


def _never() -> bool:
    return False


def _dataset(spec: Any, fingerprint: str, ref: Any) -> Dataset:
    import ray  # noqa: PLC0415
    import torch  # noqa: PLC0415

    from suite.data import Dataset  # noqa: PLC0415

    arrays = ray.get(ref)
    with warnings.catch_warnings():
        # They are shared with every worker of this machine, and read-only; nothing writes to them.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        tensors = dict(zip(_TENSORS, map(torch.from_numpy, arrays), strict=True))
    return Dataset(spec, **tensors, fingerprint=fingerprint)
