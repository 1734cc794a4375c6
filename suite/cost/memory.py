"""Memory of one training step: exact bytes by kind, and the device's own peak."""

from __future__ import annotations

import gc
import resource
import sys
from typing import TYPE_CHECKING, Final

import psutil
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from suite.cost.network import Trainee

KINDS: Final[dict[str, str]] = {
    "parameters": "weights, biases, γ and β",
    "buffers": "running statistics and counters",
    "batch": "the images and labels of the step",
    "gradients": "one for each parameter",
    "optimizer_state": "moments and counters of the optimizer",
    "saved_activations": "what forward keeps for backward, and nothing of the above",
}
PEAK_STEPS: Final = 3


def memory_by_kind(trainee: Trainee) -> dict[str, int]:
    """Count the bytes that one training step keeps.

    Tensors that autograd saves are seen through its hooks. Every storage counts once, whole, and
    under the first kind that holds it; what a kernel needs only while it runs is not seen.

    Parameters
    ----------
    trainee
        Trained for one step.

    Returns
    -------
    dict
        A key of ``KINDS`` → bytes.
    """
    ledger = _Ledger()
    ledger.add("parameters", trainee.model.parameters())
    ledger.add("buffers", trainee.model.buffers())
    ledger.add("batch", [trainee.images, trainee.labels])
    saved: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor.detach())
        return saved[-1]

    trainee.optimizer.zero_grad()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = trainee.loss()
    ledger.add("saved_activations", saved)
    loss.backward()  # type: ignore[no-untyped-call]
    ledger.add("gradients", (p.grad for p in trainee.model.parameters() if p.grad is not None))
    trainee.optimizer.step()
    states = (value for state in trainee.optimizer.state.values() for value in state.values())
    ledger.add("optimizer_state", (v for v in states if isinstance(v, torch.Tensor)))
    return ledger.bytes


def peak_allocated(build: Callable[[], Trainee], device: str) -> int:
    """Give CUDA's allocator's peak over what was allocated before, for a few training steps.

    The network is trained once before, so that what libraries keep for good, such as cuBLAS's
    workspace, is not the first network's alone.
    """
    _train(build())
    gc.collect()
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    _train(build())
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def peak_resident(build: Callable[[], Trainee], build_small: Callable[[], Trainee]) -> int | None:
    """Give the process's peak resident set over its baseline, for a few training steps.

    To be called once in a process: the system's peak never falls.

    Parameters
    ----------
    build
        Builds what is measured.
    build_small
        Builds the same with a tiny batch: it is trained first, so that code and working memory that
        every network needs belong to the baseline.

    Returns
    -------
    int or None
        Bytes; None where the peak was not above that of the time before, or not above the baseline,
        so nothing is known.
    """
    _train(build_small())
    gc.collect()
    baseline, before = psutil.Process().memory_info().rss, _peak_resident()
    _train(build())
    after = _peak_resident()
    return after - baseline if after > max(before, baseline) else None


class _Ledger:
    """Counts storages once; holds them, so that no address can be used twice."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._seen: dict[int, torch.UntypedStorage] = {}

    def add(self, kind: str, tensors: Iterable[torch.Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage.nbytes() and storage.data_ptr() not in self._seen:
                self._seen[storage.data_ptr()] = storage
                self.bytes[kind] += storage.nbytes()


def _train(trainee: Trainee) -> None:
    for _ in range(PEAK_STEPS):
        trainee.train_step()


def _peak_resident() -> int:
    """Largest resident set that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
