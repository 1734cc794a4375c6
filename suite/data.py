"""Datasets as tensors: whole, verified, split by the seed.

Inputs to the networks are ``scaled(images)``, pixels from -1 to 1, as in the notebook.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

from suite.datasets import Images, dataset_spec
from suite.errors import DataError, DatasetUnavailableError
from suite.seeds import generator

if TYPE_CHECKING:
    from torch import Tensor

    from suite.datasets import DatasetSpec
    from suite.records import Split

DATA_VARIABLE: Final = "BATCHNORM_BENCH_DATA"
FALLBACK: Final = "mnist5k"


class Indices(NamedTuple):
    """Rows of the training images: int64 on the CPU; validation is empty under ``all``."""

    train: Tensor
    validation: Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels as tensors on one device.

    Parameters
    ----------
    spec
        The dataset's definition.
    train_images, test_images
        uint8, (count, channels, height, width).
    train_labels, test_labels
        int64, (count,).
    fingerprint
        SHA-256 of the content, in hexadecimal digits; part of a trial's identity.
    """

    spec: DatasetSpec
    train_images: Tensor = field(repr=False)
    train_labels: Tensor = field(repr=False)
    test_images: Tensor = field(repr=False)
    test_labels: Tensor = field(repr=False)
    fingerprint: str

    @classmethod
    def from_images(cls, spec: DatasetSpec, images: Images) -> Dataset:
        """Check the images against the definition and take their fingerprint.

        Raises
        ------
        DataError
            Counts, shapes, types or labels are not the definition's.
        """
        _check(spec, images)
        return cls(spec, *images, fingerprint=fingerprint(images))

    def to(self, device: torch.device | str) -> Dataset:
        """Give the same dataset with its tensors on another device."""
        return replace(
            self,
            train_images=self.train_images.to(device),
            train_labels=self.train_labels.to(device),
            test_images=self.test_images.to(device),
            test_labels=self.test_labels.to(device),
        )

    def split(self, seed: int, split: Split, train_size: int | None = None) -> Indices:
        """Choose the images that a seed trains and validates on.

        Parameters
        ----------
        seed
            The trial's seed; its ``split`` stream shuffles the training images.
        split
            ``holdout``: the spec's number of validation images is set aside; ``all``: none.
        train_size
            Training images, the first of the seed's training part, so that a smaller set is part
            of every larger one; None for the whole part.

        Raises
        ------
        DataError
            There are fewer training images than ``train_size``.
        """
        draw = generator(seed, "split")
        shuffled = torch.randperm(self.spec.train_images, generator=draw)
        held_out = torch.zeros_like(shuffled, dtype=torch.bool)
        if split == "holdout":
            if self.spec.stratified:
                labels = self.train_labels.cpu()[shuffled]
                per_class = self.spec.validation_images // self.spec.classes
                for label in range(self.spec.classes):
                    held_out[(labels == label).nonzero()[:per_class]] = True
            else:
                held_out[: self.spec.validation_images] = True
        train = shuffled[~held_out]
        # Shuffled again: what a stratified choice leaves over begins with the classes that were
        # frequent at the front of the first shuffle.
        train = train[torch.randperm(len(train), generator=draw)]
        if train_size is not None and train_size > len(train):
            raise DataError(
                f"train_size {train_size:,} is more than the {len(train):,} training images of "
                f"{self.spec.name} (split {split})"
            )
        return Indices(train[:train_size], shuffled[held_out])


def scaled(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Scale uint8 pixels to [-1, 1], as ``ToTensor`` and ``Normalize((0.5,), (0.5,))`` do."""
    return images.to(dtype).div_(255).sub_(0.5).div_(0.5)


def load_dataset(name: str, *, data_dir: Path | None, download: bool = True) -> Dataset:
    """Load a dataset onto the CPU.

    Parameters
    ----------
    name
        Registry name.
    data_dir
        Folder in torchvision's layout; None: the one that ``BATCHNORM_BENCH_DATA`` names, or
        else the user's cache folder.
    download
        Whether the network may be used when the files are not on disk.

    Raises
    ------
    UnknownNameError
        No dataset has this name.
    DatasetUnavailableError
        The dataset is neither on disk nor reachable.
    DataError
        A file is not what its name says; the message names it.
    """
    spec = dataset_spec(name)
    if data_dir is None and (named := os.environ.get(DATA_VARIABLE)):
        data_dir = Path(named).expanduser()
    images: Images = importlib.import_module(spec.module).load(data_dir, download=download)
    return Dataset.from_images(spec, images)


def load_or_fall_back(
    name: str, *, data_dir: Path | None, download: bool = True
) -> tuple[Dataset, str | None]:
    """Load a dataset, or ``mnist5k`` in its place where it is neither on disk nor reachable.

    Returns
    -------
    tuple
        The dataset, and one line that says what was used instead and why (None: what was asked
        for). A damaged file never leads to the fallback; it is an error.
    """
    try:
        return load_dataset(name, data_dir=data_dir, download=download), None
    except DatasetUnavailableError as error:
        notice = (
            f"{error}. Using {FALLBACK} instead, 5,000 real MNIST images: results are about "
            f"{FALLBACK}, not {name}. Give --data-dir or {DATA_VARIABLE} to use {name}."
        )
        return load_dataset(FALLBACK, data_dir=None, download=False), notice


def fingerprint(images: Images) -> str:
    """Take SHA-256 over shape, type and bytes of all four tensors."""
    digest = hashlib.sha256()
    for name, tensor in images._asdict().items():
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.contiguous().cpu().numpy().data)
    return digest.hexdigest()


def _check(spec: DatasetSpec, images: Images) -> None:
    parts = (
        ("training", spec.train_images, images.train_images, images.train_labels),
        ("test", spec.test_images, images.test_images, images.test_labels),
    )
    for part, count, pixels, labels in parts:
        if pixels.shape != (count, *spec.image_shape) or pixels.dtype != torch.uint8:
            raise DataError(
                f"{spec.name}: {part} images have shape {tuple(pixels.shape)} and type "
                f"{pixels.dtype}, not {(count, *spec.image_shape)} and torch.uint8"
            )
        if labels.shape != (count,) or labels.dtype != torch.int64:
            raise DataError(
                f"{spec.name}: {part} labels have shape {tuple(labels.shape)} and type "
                f"{labels.dtype}, not {(count,)} and torch.int64"
            )
        if labels.min() < 0 or labels.max() >= spec.classes:
            raise DataError(f"{spec.name}: {part} labels are not within 0…{spec.classes - 1}")
