"""The trainer that executors call: finds a stack's dataset and trains on it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from suite.devices import hide_gpus, is_cuda, use_full_precision
from suite.executors.allocator import keep_freed_memory
from suite.training import train_stack
from suite.training.sizing import time_stack_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from suite.data import Dataset
    from suite.executors.base import ShouldStop, SizeWanted
    from suite.executors.shared import SharedDataset
    from suite.records import Trial, TrialResult


@dataclass(frozen=True)
class OpenTrainer:
    """Prepares a worker process and gives its trainer.

    Parameters
    ----------
    datasets
        Name → dataset that processes share.
    threads
        Threads that torch uses there.
    cpu_only
        Whether nothing will train on an accelerator there.
    """

    datasets: Mapping[str, SharedDataset]
    threads: int
    cpu_only: bool = False

    def __call__(self) -> StackTrainer:
        """Set the process up as the one that trains in-process is, but for its memory."""
        if self.cpu_only:
            hide_gpus()
        keep_freed_memory()
        torch.set_num_threads(self.threads)
        use_full_precision()
        return StackTrainer({name: shared.open() for name, shared in self.datasets.items()})


class StackTrainer:
    """Trains stacks on datasets that are in memory.

    Parameters
    ----------
    datasets
        Name → dataset on the CPU.
    """

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self._datasets = datasets
        self._there: dict[tuple[str, str], Dataset] = {}

    def __call__(self, trials: Sequence[Trial], should_stop: ShouldStop) -> list[TrialResult]:
        """Train the trials of one shape; see ``suite.training.train_stack``."""
        device = trials[0].device
        # What asks for no device by name would start CUDA on the first GPU too.
        with torch.cuda.device(device) if is_cuda(device) else contextlib.nullcontext():
            return train_stack(trials, self._on_device(trials[0]), should_stop=should_stop)

    def time_sizes(self, wanted: SizeWanted) -> dict[int, float]:
        """Time stack sizes; see ``suite.training.sizing``."""
        trial = wanted.trials[0]
        return time_stack_sizes(
            trial,
            self._on_device(trial),
            wanted.candidates,
            budget_seconds=wanted.seconds,
        )

    def _on_device(self, trial: Trial) -> Dataset:
        name = trial.condition.dataset
        key = (name, trial.device)
        if key not in self._there:
            self._there[key] = self._datasets[name].to(trial.device)
        return self._there[key]
