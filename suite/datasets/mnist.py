"""MNIST: 70,000 handwritten digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.datasets.idx import IdxArchive, load_archive

if TYPE_CHECKING:
    from pathlib import Path

    from suite.datasets import Images

# SHA-256 of the unpacked files. torchvision publishes MD5s of the .gz files only, so these were
# cross-checked: other projects list the same sums for what those archives unpack to, and `gzip -6`
# makes of each file an archive of just the published length
# (9,912,422, 28,881, 1,648,877 and 4,542 bytes).
ARCHIVE: Final = IdxArchive(
    title="MNIST",
    torchvision_class="MNIST",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    checksums={
        "train-images-idx3-ubyte": (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        "train-labels-idx1-ubyte": (
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        "t10k-images-idx3-ubyte": (
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        "t10k-labels-idx1-ubyte": (
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
    },
)


def load(data_dir: Path | None, *, download: bool) -> Images:
    """Read MNIST; see `suite.datasets.idx.load_archive`."""
    return load_archive(ARCHIVE, data_dir, download=download)
