import dataclasses
import hashlib
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite import data
from suite.data import Dataset, load_dataset, load_or_fall_back, scaled
from suite.datasets import DATASETS, Images, dataset_spec
from suite.errors import DataError, DatasetUnavailableError, UnknownNameError

TINY_SPEC = dataclasses.replace(
    DATASETS["mnist"], name="tiny", train_images=40, test_images=10, validation_images=10
)


def tiny_images() -> Images:
    noise = torch.Generator().manual_seed(0)
    return Images(
        torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8, generator=noise),
        torch.arange(40) % 10,
        torch.randint(0, 256, (10, 1, 28, 28), dtype=torch.uint8, generator=noise),
        torch.arange(10),
    )


@pytest.fixture(scope="module")
def tiny() -> Dataset:
    return Dataset.from_images(TINY_SPEC, tiny_images())


@pytest.fixture(scope="module")
def mnist5k() -> Dataset:
    return load_dataset("mnist5k", data_dir=None)


@given(seed=st.integers(0, 10**6), size=st.one_of(st.none(), st.integers(1, 30)))
def test_split_partitions_and_smaller_sets_are_part_of_larger_ones(seed, size):
    tiny = Dataset.from_images(TINY_SPEC, tiny_images())
    whole, part = tiny.split(seed, "holdout"), tiny.split(seed, "holdout", size)
    assert sorted(torch.cat(whole).tolist()) == list(range(40))
    assert len(whole.validation) == 10
    assert torch.equal(part.train, whole.train[:size])
    assert torch.equal(part.validation, whole.validation)


def test_split_all_has_no_validation(tiny):
    found = tiny.split(3, "all")
    assert sorted(found.train.tolist()) == list(range(40))
    assert found.validation.shape == (0,)
    assert found.train.dtype == found.validation.dtype == torch.int64


def test_split_follows_the_seed_alone(tiny):
    torch.manual_seed(1)
    first = tiny.split(0, "holdout")
    torch.manual_seed(2)
    assert all(map(torch.equal, first, tiny.split(0, "holdout")))
    assert not torch.equal(first.train, tiny.split(1, "holdout").train)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stratified_split_holds_each_class_equally(mnist5k, seed):
    found = mnist5k.split(seed, "holdout")
    assert mnist5k.train_labels[found.validation].bincount().tolist() == [50] * 10
    assert mnist5k.train_labels[found.train].bincount().tolist() == [350] * 10
    assert sorted(torch.cat(found).tolist()) == list(range(4000))


def test_first_training_images_are_a_fair_sample_of_the_classes(mnist5k):
    """χ² of the class counts among the first 100, summed over 200 seeds: 9 degrees each."""
    counts = torch.stack(
        [
            mnist5k.train_labels[mnist5k.split(seed, "holdout", 100).train].bincount(minlength=10)
            for seed in range(200)
        ]
    )
    statistic = ((counts - 10.0) ** 2 / 10).sum().item() * (3500 - 1) / (3500 - 100)
    assert abs(statistic - 1800) < 4 * (2 * 1800) ** 0.5


@pytest.mark.parametrize(("split", "most"), [("holdout", 30), ("all", 40)])
def test_train_size_too_large_is_refused(tiny, split, most):
    assert len(tiny.split(0, split, most).train) == most
    with pytest.raises(DataError, match=f"train_size {most + 1} is more than the {most} training"):
        tiny.split(0, split, most + 1)


def test_scaled_runs_from_minus_one_to_one_as_in_the_notebook():
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    found = scaled(pixels)
    assert found.dtype == torch.float32
    assert (found.min(), found.max()) == (-1, 1)
    # ToTensor, then Normalize((0.5,), (0.5,)), as torchvision computes them
    expected = pixels.float().div(255).sub(0.5).div(0.5)
    assert torch.equal(found, expected)
    assert torch.equal(pixels, torch.arange(256, dtype=torch.uint8).view(1, 16, 16))
    assert scaled(pixels, torch.float64).dtype == torch.float64


@pytest.mark.parametrize("part", range(4))
def test_fingerprint_sees_every_tensor(part):
    images = list(tiny_images())
    before = data.fingerprint(Images(*images))
    assert re.fullmatch("[0-9a-f]{64}", before)
    assert data.fingerprint(tiny_images()) == before
    images[part].view(-1)[-1] += 1
    assert data.fingerprint(Images(*images)) != before


def test_fingerprint_sees_which_part_holds_what():
    images = tiny_images()
    swapped = Images(
        images.test_images, images.test_labels, images.train_images, images.train_labels
    )
    assert data.fingerprint(swapped) != data.fingerprint(images)


def test_to_keeps_fingerprint_and_definition(tiny):
    moved = tiny.to("meta")
    assert moved.train_images.device.type == moved.test_labels.device.type == "meta"
    assert (moved.fingerprint, moved.spec) == (tiny.fingerprint, tiny.spec)
    assert tiny.train_images.device.type == "cpu"


@pytest.mark.parametrize(
    ("field", "change", "complaint"),
    [
        ("train_images", lambda t: t[:-1], "training images have shape"),
        ("train_images", lambda t: t.float(), "torch.float32"),
        ("test_images", lambda t: t.view(-1, 28, 28), "test images have shape"),
        ("train_labels", lambda t: t[:-1], "training labels have shape"),
        ("test_labels", lambda t: t.to(torch.uint8), "torch.uint8"),
        ("test_labels", lambda t: t + 1, "not within 0…9"),
        ("train_labels", lambda t: t - 1, "not within 0…9"),
    ],
)
def test_images_that_are_not_the_definitions_are_refused(field, change, complaint):
    images = tiny_images()
    broken = images._replace(**{field: change(getattr(images, field))})
    with pytest.raises(DataError, match=complaint):
        Dataset.from_images(TINY_SPEC, broken)


def test_unknown_dataset():
    with pytest.raises(UnknownNameError):
        load_dataset("imagenet", data_dir=None)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_falls_back_loudly_in_one_line(name, tmp_path, mnist5k):
    found, notice = load_or_fall_back(name, data_dir=tmp_path, download=False)
    assert found.spec.name == "mnist5k"
    assert found.fingerprint == mnist5k.fingerprint
    assert notice is not None
    assert "\n" not in notice
    assert "mnist5k instead" in notice
    assert f"not {name}" in notice
    assert str(tmp_path) in notice


def test_no_fall_back_where_none_is_needed_or_a_file_is_damaged(tmp_path):
    assert load_or_fall_back("mnist5k", data_dir=tmp_path, download=False)[1] is None
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"damaged")
    with pytest.raises(DataError, match="train-images-idx3-ubyte") as caught:
        load_or_fall_back("mnist", data_dir=tmp_path)
    assert not isinstance(caught.value, DatasetUnavailableError)


def test_variable_names_the_folder_unless_one_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv(data.DATA_VARIABLE, str(tmp_path / "variable"))
    with pytest.raises(DatasetUnavailableError, match="variable"):
        load_dataset("mnist", data_dir=None, download=False)
    with pytest.raises(DatasetUnavailableError, match="given"):
        load_dataset("mnist", data_dir=tmp_path / "given", download=False)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "mean", "std", "test_histogram"),
    [
        # mean and standard deviation of the training pixels as everybody uses them
        ("mnist", 0.1307, 0.3081, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
        ("fashion_mnist", 0.2860, 0.3530, [1000] * 10),
    ],
)
def test_real_images_have_the_published_figures(real_data_dir, name, mean, std, test_histogram):
    found = load_dataset(name, data_dir=real_data_dir, download=False)
    assert len(found.train_images) == 60_000
    pixels = found.train_images.double() / 255
    assert round(pixels.mean().item(), 4) == mean
    assert round(pixels.std().item(), 4) == std
    assert found.test_labels.bincount().tolist() == test_histogram
    train_histogram = found.train_labels.bincount().tolist()
    if name == "mnist":
        assert train_histogram == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    else:
        assert train_histogram == [6000] * 10


@pytest.mark.real_data
def test_mnist5k_is_part_of_mnist(real_data_dir, mnist5k):
    mnist = load_dataset("mnist", data_dir=real_data_dir, download=False)

    def hashes(images: torch.Tensor) -> set[bytes]:
        return {hashlib.sha256(image.numpy().tobytes()).digest() for image in images}

    whole = hashes(mnist.train_images) | hashes(mnist.test_images)
    assert hashes(mnist5k.train_images) | hashes(mnist5k.test_images) <= whole


@pytest.mark.real_data
def test_holdout_sizes_of_mnist(real_data_dir):
    found = load_dataset("mnist", data_dir=real_data_dir, download=False).split(0, "holdout")
    assert (len(found.train), len(found.validation)) == (55_000, 5_000)
    assert dataset_spec("mnist").targets == (0.90, 0.95, 0.97)
