"""The trainer that executors call: finds a stack's dataset and trains on it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from suite.devices import is_cuda, use_full_precision
from suite.errors import DeviceError, InterruptedRunError
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
        """Set the process up as the one that trains in-process is."""
        if self.cpu_only:
            # Adam asks CUDA about its graphs wherever it sees a GPU, and each process that starts
            # CUDA takes some hundred megabytes there.
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
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
        """Train the trials of one shape; see ``suite.training.train_stack``.

        Raises
        ------
        DeviceError
            A GPU answers nothing more, so that whatever would follow there would fail too.
        """
        device = trials[0].device
        # What asks for no device by name would start CUDA on the first GPU too.
        with torch.cuda.device(device) if is_cuda(device) else contextlib.nullcontext():
            try:
                return train_stack(trials, self._on_device(trials[0]), should_stop=should_stop)
            except InterruptedRunError:
                raise
            except Exception:
                if is_cuda(device):
                    _require_answer(device)
                raise

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


def _require_answer(device: str) -> None:
    """Refuse a GPU on which an earlier error stays, as after a faulty access to memory."""
    try:
        torch.cuda.synchronize(device)
    except RuntimeError as error:
        raise DeviceError(
            f"device {device} computes no more ({str(error).splitlines()[0]}); "
            "what is finished is stored, and the same command goes on"
        ) from error
