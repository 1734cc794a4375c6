"""Datasets that several processes read without a copy for each.

The tensors lie in one file in memory without a name, which goes when the last process that holds
it ends, however it ends. A worker maps it privately, so it can't change what others read.
``/dev/shm`` is not used: in a container it is often smaller than a dataset.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from multiprocessing import reduction
from typing import TYPE_CHECKING, Any, Final

import torch

from suite.data import Dataset

if TYPE_CHECKING:
    from suite.datasets import DatasetSpec

_TENSORS: Final = ("train_images", "train_labels", "test_images", "test_labels")
_ALIGNMENT: Final = 64


class SharedDataset:
    """A handle on a dataset in shared memory; it can be sent to a process that is being started.

    Parameters
    ----------
    dataset
        On the CPU; it is copied once.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.spec, self.fingerprint = dataset.spec, dataset.fingerprint
        self.layout: list[tuple[torch.dtype, tuple[int, ...], int]] = []
        self.fd = _memory_file()
        end = 0
        with os.fdopen(os.dup(self.fd), "wb") as file:
            for name in _TENSORS:
                tensor: torch.Tensor = getattr(dataset, name).contiguous()
                self.layout.append((tensor.dtype, tuple(tensor.shape), end))
                file.seek(end)
                file.write(tensor.numpy().data)
                end += -(-tensor.nbytes // _ALIGNMENT) * _ALIGNMENT
            file.truncate(end)
        self.size = end

    def open(self) -> Dataset:
        """Map the dataset; equal to the one that was shared."""
        memory = mmap.mmap(
            self.fd, self.size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE
        )
        tensors = {
            name: torch.frombuffer(
                memory, dtype=dtype, count=torch.Size(shape).numel(), offset=at
            ).view(shape)
            for name, (dtype, shape, at) in zip(_TENSORS, self.layout, strict=True)
        }
        return Dataset(self.spec, **tensors, fingerprint=self.fingerprint)

    def close(self) -> None:
        """Let go of the file; what is mapped stays."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        file = reduction.DupFd(self.fd)
        return _received, (self.spec, self.fingerprint, self.layout, self.size, file)


def _received(
    spec: DatasetSpec,
    fingerprint: str,
    layout: list[tuple[torch.dtype, tuple[int, ...], int]],
    size: int,
    file: Any,
) -> SharedDataset:
    shared = SharedDataset.__new__(SharedDataset)
    shared.spec, shared.fingerprint, shared.layout, shared.size = spec, fingerprint, layout, size
    shared.fd = file.detach()
    return shared


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("dataset")
    with tempfile.TemporaryFile() as file:  # not Linux: on disk, without a name
        return os.dup(file.fileno())
