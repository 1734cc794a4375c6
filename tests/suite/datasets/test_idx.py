import dataclasses
import gc
import gzip
import hashlib
import http.server
import re
import socket
import struct
import threading
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite.datasets import fashion_mnist, idx, mnist
from suite.datasets.idx import IdxArchive, load_archive
from suite.errors import DataError, DatasetUnavailableError
from suite.torchvision_compat import import_torchvision

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx_bytes(values: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    return header + values.astype(np.uint8).tobytes()


def make_contents() -> dict[str, bytes]:
    random = np.random.default_rng(0)
    return {
        IMAGES: idx_bytes(random.integers(0, 256, (6, 28, 28))),
        LABELS: idx_bytes(random.integers(0, 10, 6)),
        TEST_IMAGES: idx_bytes(random.integers(0, 256, (4, 28, 28))),
        TEST_LABELS: idx_bytes(random.integers(0, 10, 4)),
    }


CONTENTS = make_contents()
ARCHIVE = IdxArchive(
    title="Tiny",
    torchvision_class="MNIST",
    mirrors=("http://nowhere.invalid/",),
    checksums={name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()},
)


def write(folder: Path, *, packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENTS.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file): (file.stat().st_mtime_ns, file.read_bytes() if file.is_file() else b"")
        for file in (root, *root.rglob("*"))
    }


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", ["MNIST/raw", "raw", "."])
def test_every_layout_is_read_and_nothing_is_written(tmp_path, layout, packed):
    write(tmp_path / layout, packed=packed)
    before = snapshot(tmp_path)
    images = load_archive(ARCHIVE, tmp_path, download=True)
    assert snapshot(tmp_path) == before
    assert images.train_images.shape == (6, 1, 28, 28)
    assert images.train_images.dtype == torch.uint8
    assert images.train_images.numpy().tobytes() == CONTENTS[IMAGES][16:]
    assert images.train_labels.dtype == torch.int64
    assert images.train_labels.tolist() == list(CONTENTS[LABELS][8:])
    assert images.test_images.numpy().tobytes() == CONTENTS[TEST_IMAGES][16:]
    assert images.test_labels.tolist() == list(CONTENTS[TEST_LABELS][8:])


def test_agrees_with_torchvisions_reader(tmp_path):
    write(tmp_path / "MNIST" / "raw")
    ours = load_archive(ARCHIVE, tmp_path, download=False)
    mnist = import_torchvision().datasets.MNIST
    train, test = mnist(tmp_path, train=True), mnist(tmp_path, train=False)
    assert torch.equal(ours.train_images.squeeze(1), train.data)
    assert torch.equal(ours.train_labels, train.targets)
    assert torch.equal(ours.test_images.squeeze(1), test.data)
    assert torch.equal(ours.test_labels, test.targets)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (IMAGES, CONTENTS[IMAGES][:-1], "truncated, 4,703 of 4,704 bytes"),
        (IMAGES, CONTENTS[IMAGES] + b"\0", "1 bytes too many"),
        (IMAGES, b"", "too short"),
        (IMAGES, CONTENTS[IMAGES][:9], "too short"),
        (IMAGES, b"<html>404</html>", "wrong magic number"),
        (IMAGES, CONTENTS[LABELS], "1 dimensions instead of 3"),
        (IMAGES, CONTENTS[TEST_IMAGES], "other content (shape 4×28×28, checksum differs)"),
        (LABELS, CONTENTS[LABELS][:8] + bytes(6), "other content (shape 6, checksum differs)"),
        (TEST_LABELS, CONTENTS[TEST_LABELS][:10], "truncated, 2 of 4 bytes"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_wrong_file_is_named_with_what_is_wrong(tmp_path, name, content, complaint, packed):
    folder = write(tmp_path / "MNIST" / "raw", packed=packed)
    file = folder / (f"{name}.gz" if packed else name)
    file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=re.escape(complaint)) as caught:
        load_archive(ARCHIVE, tmp_path, download=True)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, DatasetUnavailableError)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-9], lambda b: b[:40] + b"xx" + b[42:], lambda b: b"x" * 99]
)
def test_damaged_gz_is_named(tmp_path, damage):
    folder = write(tmp_path, packed=True)
    file = folder / f"{IMAGES}.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=re.escape(str(file))):
        load_archive(ARCHIVE, tmp_path, download=True)


@given(st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_content_but_the_canonical_passes(tmp_path, content):
    folder = write(tmp_path)
    (folder / LABELS).write_bytes(content)
    with pytest.raises(DataError, match=LABELS):
        load_archive(ARCHIVE, tmp_path, download=False)


def test_missing_file_beside_others_is_named(tmp_path):
    folder = write(tmp_path)
    (folder / TEST_LABELS).unlink()
    with pytest.raises(DataError, match=f"{TEST_LABELS} is missing"):
        load_archive(ARCHIVE, tmp_path, download=True)


def test_folder_that_is_a_file_is_named(tmp_path):
    file = tmp_path / "data"
    file.write_text("")
    with pytest.raises(DataError, match="is a file"):
        load_archive(ARCHIVE, file, download=True)


def test_absent_without_download_is_unavailable(tmp_path):
    with pytest.raises(DatasetUnavailableError, match=re.escape(f"Tiny is not in {tmp_path}")):
        load_archive(ARCHIVE, tmp_path, download=False)
    assert list(tmp_path.iterdir()) == []


def test_default_folder_is_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    write(tmp_path / "batchnorm-bench" / "MNIST" / "raw")
    assert len(load_archive(ARCHIVE, None, download=False).train_labels) == 6
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/somewhere")
    assert idx.default_folder() == Path("/somewhere/.cache/batchnorm-bench")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class StallingHandler(QuietHandler):
    """Answers questions, promises bytes, and never sends them."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.server.released.wait(30)


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serve a folder of .gz files over HTTP as torchvision's only mirror."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    kind = import_torchvision().datasets.MNIST
    packed = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in CONTENTS.items()}
    sums = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]  # noqa: S324
    monkeypatch.setattr(kind, "resources", sums)
    servers = []

    def start(files: dict[str, bytes], handler: type = QuietHandler) -> IdxArchive:
        folder = tmp_path / "served"
        folder.mkdir()
        for name, content in files.items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(handler, directory=str(folder))
        )
        server.released = threading.Event()
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(kind, "mirrors", [url])
        return dataclasses.replace(ARCHIVE, mirrors=("http://nowhere.invalid/", url))

    yield start
    for server in servers:
        server.released.set()
        server.shutdown()
        server.server_close()


def test_download_then_read_from_disk(tmp_path, serve, monkeypatch, capfd):
    archive = serve(CONTENTS)
    data = tmp_path / "new" / "data"
    first = load_archive(archive, data, download=True)
    assert sorted(f.relative_to(data).as_posix() for f in data.rglob("*") if f.is_file()) == sorted(
        f"MNIST/raw/{name}" for name in CONTENTS
    )
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(idx, "_download", None)
    again = load_archive(archive, data, download=True)
    assert all(map(torch.equal, first, again))


def leftovers(data: Path) -> list[Path]:
    return [file for file in data.rglob("*") if file.is_file() or file.name.startswith(".")]


def test_download_of_other_content_is_refused_and_leaves_nothing(tmp_path, serve):
    archive = serve(CONTENTS | {TEST_LABELS: b"other"})
    with pytest.raises(DatasetUnavailableError, match="corrupted"):
        load_archive(archive, tmp_path / "data", download=True)
    assert leftovers(tmp_path / "data") == []


def test_download_without_one_file_is_refused_and_leaves_nothing(tmp_path, serve):
    archive = serve({name: content for name, content in CONTENTS.items() if name != TEST_LABELS})
    with pytest.raises(DatasetUnavailableError, match=TEST_LABELS):
        load_archive(archive, tmp_path / "data", download=True)
    assert leftovers(tmp_path / "data") == []
    with warnings.catch_warnings():  # torchvision keeps the server's 404 without closing it
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_download_that_stalls_is_given_up(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(idx, "_STALL_SECONDS", 0.2)
    archive = serve(CONTENTS, StallingHandler)
    with pytest.raises(DatasetUnavailableError, match="timed out"):
        load_archive(archive, tmp_path / "data", download=True)
    assert leftovers(tmp_path / "data") == []
    assert socket.getdefaulttimeout() is None


def test_folder_that_cannot_be_written_is_unavailable(tmp_path, serve):
    archive = serve(CONTENTS)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(DatasetUnavailableError, match="can't be downloaded"):
        load_archive(archive, blocked / "below", download=True)


def refuse(*_: object, **__: object) -> None:
    raise socket.gaierror(-3, "Temporary failure in name resolution")


def test_no_network_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(DatasetUnavailableError, match="no mirror answers"):
        load_archive(ARCHIVE, tmp_path / "data", download=True)
    assert not (tmp_path / "data").exists()


def test_name_look_up_that_hangs_is_given_up(monkeypatch):
    released, ended = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> None:
        released.wait(30)
        ended.set()
        raise socket.gaierror(-3, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(idx, "_REACH_SECONDS", 0.1)
    assert not idx._any_answers(("http://nowhere.invalid/",))
    assert not ended.is_set()  # the look-up still hangs
    released.set()


def test_server_that_accepts_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(idx, "_REACH_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert not idx._any_answers((f"http://127.0.0.1:{listening.getsockname()[1]}/",))


@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_mirrors_and_files_are_torchvisions(module):
    archive = module.ARCHIVE
    kind = getattr(import_torchvision().datasets, archive.torchvision_class)
    assert list(archive.mirrors) == list(kind.mirrors)
    assert [f"{name}.gz" for name in archive.checksums] == [name for name, _ in kind.resources]
