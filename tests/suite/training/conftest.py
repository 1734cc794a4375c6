"""A small dataset that a network can learn, and trials on it."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from suite.data import Dataset
from suite.datasets import DatasetSpec, Images
from suite.records import Budget, Condition, Protocol, Trial

SHAPE = (1, 8, 8)  # small, so that a hundred trainings are a matter of seconds
SPEC = DatasetSpec(
    name="mnist5k",
    title="blobs",
    module="",
    classes=10,
    train_images=330,
    test_images=100,
    validation_images=60,
    targets=(0.3, 0.6, 0.999),
    targets_why="",
    source="",
    image_shape=SHAPE,
)


def _blobs(count: int, source: torch.Generator, centres: torch.Tensor) -> tuple[torch.Tensor, ...]:
    labels = torch.randint(0, 10, (count,), generator=source)
    noise = torch.randint(0, 90, (count, *SHAPE), generator=source)
    return (centres[labels] + noise).to(torch.uint8), labels


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    source = torch.Generator().manual_seed(1)
    centres = torch.randint(0, 160, (10, *SHAPE), generator=source)
    return Dataset.from_images(
        SPEC, Images(*_blobs(330, source, centres), *_blobs(100, source, centres))
    )


@pytest.fixture
def make_trial(dataset):
    """Build a trial; keywords are axes, or ``seed``, ``budget`` and other protocol fields."""

    def make(seed: int = 0, **given: object) -> Trial:
        protocol_fields = {f.name for f in dataclasses.fields(Protocol)}
        protocol = {k: given.pop(k) for k in list(given) if k in protocol_fields}
        axes = {
            "dataset": "mnist5k",
            "model": "mlp",
            "norm": "batch",
            "batch_size": 16,
            "learning_rate": 1e-3,
        }
        return Trial(
            condition=Condition(**{**axes, **given}),
            seed=seed,
            protocol=Protocol(**{"budget": Budget(steps=20), **protocol}),
            device="cpu",
            data_fingerprint=dataset.fingerprint,
            code_version="test",
        )

    return make
