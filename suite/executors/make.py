"""From the choice of an executor to the executor, with its trainer and its datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from suite.devices import is_cuda
from suite.environment import usable_cores
from suite.estimate import cuda_seconds, hang_limit, trial_seconds
from suite.executors.by_device import ByDeviceExecutor
from suite.executors.in_process import InProcessExecutor
from suite.executors.processes import ProcessExecutor
from suite.executors.ray_cluster import connected
from suite.executors.ray_executor import RayExecutor
from suite.executors.ray_worker import RayTrainer
from suite.executors.shared import SharedDataset
from suite.executors.training import OpenTrainer, StackTrainer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from suite.data import Dataset
    from suite.executors.base import Executor
    from suite.executors.choice import Choice
    from suite.planning import Stack


def make_executor(
    choice: Choice, datasets: Mapping[str, Dataset], rate: float, devices: Sequence[str]
) -> Executor:
    """Make the executor of a choice.

    Parameters
    ----------
    choice
        What ``choose_executor`` gave.
    datasets
        Name → dataset, on the CPU.
    rate
        What ``matmul_rate`` gave, for limits on how long a stack may take.
    devices
        Canonical names of those that train.
    """
    if choice.name == "in-process":
        return _in_process(datasets)
    cores = usable_cores()
    cpu_only = choice.by_device or not any(map(is_cuda, devices))

    def limit(stack: Stack) -> float:
        """Limit a stack on one core, for the rate is that of all of this machine, or on a GPU."""
        if is_cuda(stack.trials[0].device):
            return hang_limit(cuda_seconds(stack.trials))
        seconds = (trial_seconds(t.condition, t.protocol, rate) for t in stack.trials)
        return hang_limit(cores * sum(seconds))

    if choice.name == "ray":
        cluster = connected(choice.address, cores)
        return RayExecutor(
            cluster,
            RayTrainer.of(cluster, datasets, choice.threads, cpu_only=cpu_only),
            threads=choice.threads,
            limit=limit,
            most=choice.workers,
            devices=devices,
        )
    shared = {name: SharedDataset(dataset) for name, dataset in datasets.items()}
    processes = ProcessExecutor(
        OpenTrainer(shared, choice.threads, cpu_only),
        workers=choice.workers or cores,
        threads=choice.threads,
        limit=limit,
    )
    if choice.by_device:
        return ByDeviceExecutor(_in_process(datasets), processes)
    return processes


def _in_process(datasets: Mapping[str, Dataset]) -> Executor:
    return InProcessExecutor(StackTrainer(datasets), torch.get_num_threads())
