"""Archives in MNIST's idx format: find, verify, read, and download through torchvision.

Only the canonical files pass: each is checked against the SHA-256 of its unpacked content before
it is read, so nothing that calls itself MNIST can be anything else. torchvision downloads (its
mirrors, its MD5 checks, its unpacking); what lies on disk is read here, because the checked bytes
are in memory already and importing torchvision takes longer than reading them. A test holds that
torchvision's reader gives the same tensors.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import io
import math
import os
import shutil
import socket
import struct
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from suite.datasets import Images
from suite.errors import DataError, DatasetUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

_REACH_SECONDS: Final = 4.0  # to look a mirror up and get any answer at all
_STALL_SECONDS: Final = 10.0  # without a byte during a download
_UNSIGNED_BYTE: Final = 8  # idx type code


@dataclass(frozen=True, kw_only=True)
class IdxArchive:
    """Four idx files with known content.

    Parameters
    ----------
    title
        Name for messages.
    torchvision_class
        The class in ``torchvision.datasets``, which is also the folder's name in its layout.
    mirrors
        Where that class downloads from; asked first whether there is a network at all, since
        importing torchvision takes seconds.
    checksums
        Name of each unpacked file → SHA-256 of its content, in hexadecimal digits.
    """

    title: str
    torchvision_class: str
    mirrors: tuple[str, ...]
    checksums: dict[str, str]


def load_archive(archive: IdxArchive, data_dir: Path | None, *, download: bool) -> Images:
    """Read an archive from disk, and download it first where there is none.

    Parameters
    ----------
    archive
        What to read.
    data_dir
        A folder in torchvision's layout (``MNIST/raw/train-images-idx3-ubyte``, unpacked or
        ``.gz``), or the folder that holds the four files itself. Files that are there are only
        read; where there are none they are downloaded into it. None: the user's cache folder.
    download
        Whether the network may be used.

    Raises
    ------
    DatasetUnavailableError
        The files are not on disk and can't be downloaded.
    DataError
        A file is truncated, damaged, missing beside the others, or another than its name says.
    """
    root = data_dir if data_dir is not None else default_folder()
    if root.exists() and not root.is_dir():
        raise DataError(f"data folder {root} is a file; give the folder that holds {archive.title}")
    folder = find_folder(archive, root)
    if folder is None:
        if not download:
            raise DatasetUnavailableError(f"{archive.title} is not in {root}")
        folder = _download(archive, root)
    tensors = {name: read_verified(archive, folder, name) for name in archive.checksums}
    return Images(
        train_images=tensors["train-images-idx3-ubyte"].unsqueeze(1),
        train_labels=tensors["train-labels-idx1-ubyte"].to(torch.int64),
        test_images=tensors["t10k-images-idx3-ubyte"].unsqueeze(1),
        test_labels=tensors["t10k-labels-idx1-ubyte"].to(torch.int64),
    )


def default_folder() -> Path:
    """Where downloads go when no folder is named: ``batchnorm-bench`` in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "batchnorm-bench"


def find_folder(archive: IdxArchive, root: Path) -> Path | None:
    """Find the folder under ``root`` that holds any of the archive's files; None: there is none."""
    for folder in (root / archive.torchvision_class / "raw", root / "raw", root):
        if any(_on_disk(folder, name) for name in archive.checksums):
            return folder
    return None


def read_verified(archive: IdxArchive, folder: Path, name: str) -> Tensor:
    """Read one file as a uint8 tensor of the shape in its header, after checking its content.

    Raises
    ------
    DataError
        The file is missing or its content is not the canonical one; the message names it and says
        what is wrong with it.
    """
    file = _on_disk(folder, name)
    if file is None:
        raise DataError(
            f"{folder / name} is missing beside the other files of {archive.title}; "
            "add it, or remove them all to download anew"
        )
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"can't read {file}: {error}") from error
    if hashlib.sha256(content).hexdigest() != archive.checksums[name]:
        raise DataError(
            f"{file} is not {archive.title}'s {name}: {_difference(content, name)}; "
            "remove it to download it anew"
        )
    shape = _shape(content)
    return torch.frombuffer(bytearray(content[4 + 4 * len(shape) :]), dtype=torch.uint8).reshape(
        shape
    )


def _on_disk(folder: Path, name: str) -> Path | None:
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    return None


def _shape(content: bytes) -> tuple[int, ...]:
    """Read the header: two zero bytes, type, number of dimensions, then each as big-endian u32."""
    zero, kind, dimensions = struct.unpack_from(">HBB", content)
    if zero != 0 or kind != _UNSIGNED_BYTE:
        raise ValueError("not an idx file of bytes")
    return struct.unpack_from(f">{dimensions}I", content, 4)


def _difference(content: bytes, name: str) -> str:
    """Say in a few words how content differs from the idx file that it should be."""
    dimensions = 3 if "idx3" in name else 1
    try:
        shape = _shape(content)
    except (ValueError, struct.error):
        return "not an idx file of bytes (wrong magic number or too short)"
    if len(shape) != dimensions:
        return f"{len(shape)} dimensions instead of {dimensions}"
    header, expected = 4 + 4 * len(shape), math.prod(shape)
    if len(content) - header < expected:
        return f"truncated, {len(content) - header:,} of {expected:,} bytes"
    if len(content) - header > expected:
        return f"{len(content) - header - expected:,} bytes too many"
    return f"other content (shape {'×'.join(map(str, shape))}, checksum differs)"


def _download(archive: IdxArchive, root: Path) -> Path:
    """Download into torchvision's layout under ``root``; the folder appears whole or not at all."""
    unavailable = f"{archive.title} is not in {root} and can't be downloaded"
    if not _any_answers(archive.mirrors):
        raise DatasetUnavailableError(f"{unavailable}: no mirror answers")
    from suite.torchvision_compat import import_torchvision  # noqa: PLC0415 (takes seconds)

    datasets: Any = import_torchvision().datasets
    kind = getattr(datasets, archive.torchvision_class)
    target = root / archive.torchvision_class / "raw"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as scratch,
            _stall_limit(_STALL_SECONDS),
            contextlib.redirect_stderr(io.StringIO()),  # torchvision's progress bars
        ):
            kind(scratch, train=True, download=True)
            raw = Path(scratch) / archive.torchvision_class / "raw"
            for name in archive.checksums:
                read_verified(archive, raw, name)
            target.mkdir(exist_ok=True)
            for name in archive.checksums:
                shutil.move(raw / name, target / name)
    except (OSError, RuntimeError, http.client.HTTPException, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise DatasetUnavailableError(f"{unavailable}: {reason}") from error
    return target


def _any_answers(urls: tuple[str, ...]) -> bool:
    """Tell whether any server gives an answer in time; a refusal by the server is an answer."""
    answered = threading.Event()

    def ask(url: str) -> None:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 (torchvision's mirrors)
        try:
            with urllib.request.urlopen(request, timeout=_REACH_SECONDS):  # noqa: S310
                answered.set()
        except urllib.error.HTTPError as refusal:
            refusal.close()
            answered.set()
        except (OSError, http.client.HTTPException):
            return

    # In threads, because no timeout of Python's bounds the look-up of a name.
    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    deadline = time.monotonic() + _REACH_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        if not answered.is_set():
            thread.join(max(0.0, deadline - time.monotonic()))
    return answered.is_set()


@contextlib.contextmanager
def _stall_limit(seconds: float) -> Iterator[None]:
    """Bound every wait for a byte: torchvision's own downloads have no timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
