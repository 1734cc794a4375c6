"""What probes cost: the same stack trained without, with each and with all of them.

``time`` is of the process, so that other work on the machine does not count; the ratio of a probe's
row to its group's ``none`` is what a study with it takes, and may be 1.5 at most.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from suite.data import load_dataset
from suite.probes import PROBES
from suite.records import Budget, Condition, Protocol, Trial
from suite.training import train_stack

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SEEDS = range(6)
CHOICES = {"none": (), "all": tuple(PROBES), **{name: (name,) for name in PROBES}}


@pytest.mark.parametrize("probes", CHOICES)
@pytest.mark.parametrize("batch_size", [16, 64, 256])
@pytest.mark.benchmark(timer=time.process_time, warmup=False)
def test_a_study_with_probes(benchmark: BenchmarkFixture, batch_size: int, probes: str) -> None:
    dataset = load_dataset("mnist5k", data_dir=None)
    trials = [
        Trial(
            condition=Condition(
                dataset="mnist5k",
                model="mlp",
                norm="batch",
                batch_size=batch_size,
                learning_rate=1e-3,
            ),
            seed=seed,
            protocol=Protocol(budget=Budget(epochs=5), probes=CHOICES[probes]),
            device="cpu",
            data_fingerprint=dataset.fingerprint,
            code_version="benchmark",
        )
        for seed in SEEDS
    ]
    benchmark.group = f"probes, batch {batch_size}"
    results = benchmark.pedantic(train_stack, (trials, dataset), rounds=2)
    assert all(result.status == "ok" for result in results)
