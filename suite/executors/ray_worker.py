"""What a process of a Ray cluster does: it answers tasks of the driver.

Datasets are put into the object store once, and workers of one machine read the same copy. A
machine must have this package installed; one whose code or torch is not the driver's is refused
before it trains or measures anything.
"""

from __future__ import annotations

import faulthandler
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from suite.code_version import code_version, cost_version
from suite.cost.processes import measure_in_process
from suite.errors import BenchError
from suite.executors.base import Guard, timings
from suite.planning import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from suite.cost.plan import Replicate
    from suite.cost_records import CostResult
    from suite.data import Dataset
    from suite.executors.base import ShouldStop, SizeWanted, StackFinished, Trainer
    from suite.executors.ray_cluster import Cluster
    from suite.executors.training import StackTrainer

_TENSORS: Final = ("train_images", "train_labels", "test_images", "test_labels")
_OTHER_CODE: Final = "a node has other code than the driver: install the same version on all"


@dataclass(frozen=True)
class RayTrainer:
    """Prepares a worker of the cluster and gives its trainer.

    Parameters
    ----------
    datasets
        Name → the dataset without its tensors, and where these are in the object store.
    threads
        Threads that torch uses there.
    torch_version
        The driver's.
    cpu_only
        Whether nothing of the run will train on an accelerator.
    """

    datasets: Mapping[str, tuple[Any, str, Any]]
    threads: int
    torch_version: str
    cpu_only: bool = False

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        datasets: Mapping[str, Dataset],
        threads: int,
        *,
        cpu_only: bool = False,
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
        return cls(put, threads, torch.__version__, cpu_only)

    def __call__(self) -> _CheckedTrainer:
        """Set the process up as a worker process of one machine is."""
        import torch  # noqa: PLC0415

        from suite.devices import hide_gpus, use_full_precision  # noqa: PLC0415
        from suite.executors.allocator import keep_freed_memory  # noqa: PLC0415
        from suite.executors.training import StackTrainer  # noqa: PLC0415

        _require_torch(self.torch_version)
        if self.cpu_only:
            hide_gpus()
        keep_freed_memory()
        torch.set_num_threads(self.threads)
        use_full_precision()
        return _CheckedTrainer(
            StackTrainer({name: _dataset(*put) for name, put in self.datasets.items()})
        )


class _CheckedTrainer:
    """Refuses trials whose code is not what this machine has, and devices that compute wrongly."""

    def __init__(self, train: StackTrainer) -> None:
        self._train = train
        self._sound: set[str] = set()

    def __call__(self, trials: Sequence[Any], should_stop: ShouldStop) -> Sequence[Any]:
        return self._train(trials, should_stop)

    def time_sizes(self, wanted: SizeWanted) -> dict[int, float]:
        return self._train.time_sizes(wanted)

    def check(self, task: Stack | SizeWanted) -> None:
        from suite.device_check import check_device  # noqa: PLC0415

        for trial in task.trials:
            if code_version(trial.condition, trial.protocol.probes) != trial.code_version:
                raise BenchError(_OTHER_CODE)
        # A task's own device alone: a GPU that it was not given may be another's.
        device = task.trials[0].device
        if device not in self._sound:
            check_device(device)
            self._sound.add(device)


_TRAINERS: Final[dict[str, tuple[Any, Guard]]] = {}


def answered(
    name: str,
    make_trainer: Callable[[], Trainer],
    task: Stack | SizeWanted,
    limit: float,
    most: int | None,
) -> StackFinished | dict[int, float]:
    """Answer a task; this process, unless it has a GPU, keeps its trainer for the run's next one.

    It ends where that takes longer than the limit in seconds, even in code that holds Python's
    lock. ``most`` members of a stack are known to fit, where that is known.
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
        return guard(task, _never, most) if isinstance(task, Stack) else timings(train, task)
    finally:
        faulthandler.cancel_dump_traceback_later()


def measured(replicate: Replicate, torch_version: str) -> tuple[CostResult, ...]:
    """Measure costs, in a process of its own, where code and torch are the driver's."""
    from suite.device_check import check_device  # noqa: PLC0415

    _require_torch(torch_version)
    for task in replicate.tasks:
        if cost_version(task.condition) != task.code_version:
            raise BenchError(_OTHER_CODE)
    check_device(replicate.device)
    return measure_in_process(replicate, _never)


def _require_torch(version: str) -> None:
    import torch  # noqa: PLC0415

    if torch.__version__ != version:
        raise BenchError(
            f"a node has torch {torch.__version__}, the driver {version}: "
            "install the same on all, see constraints.txt"
        )


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
