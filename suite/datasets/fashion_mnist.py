"""Fashion-MNIST: 70,000 pictures of clothes in MNIST's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.datasets.idx import IdxArchive, load_archive

if TYPE_CHECKING:
    from pathlib import Path

    from suite.datasets import Images

# SHA-256 of the unpacked files. torchvision publishes MD5s of the .gz files only, so these were
# cross-checked: other projects list the same sums for what those archives unpack to, and `gzip -6`
# makes of each file an archive of just the published length
# (26,421,880, 29,515, 4,422,102 and 5,148 bytes).
ARCHIVE: Final = IdxArchive(
    title="Fashion-MNIST",
    torchvision_class="FashionMNIST",
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    checksums={
        "train-images-idx3-ubyte": (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        "train-labels-idx1-ubyte": (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        "t10k-images-idx3-ubyte": (
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        "t10k-labels-idx1-ubyte": (
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
    },
)


def load(data_dir: Path | None, *, download: bool) -> Images:
    """Read Fashion-MNIST; see `suite.datasets.idx.load_archive`."""
    return load_archive(ARCHIVE, data_dir, download=download)
