"""The training step that ``suite.cost`` measures, by pytest-benchmark: a second opinion.

``python -m tests.benchmarks.agreement`` compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from suite.cost.network import build_trainee
from suite.environment import usable_cores
from suite.records import Condition

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("batch_size", [16, 64, 256, 1024])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_training_step(benchmark: BenchmarkFixture, norm: str, batch_size: int) -> None:
    torch.set_num_threads(usable_cores())
    condition = Condition(
        dataset="mnist", model="mlp", norm=norm, batch_size=batch_size, learning_rate=1e-3
    )
    benchmark.group = f"training step, batch {batch_size}"
    benchmark.extra_info.update(norm=norm, batch_size=batch_size)
    benchmark(build_trainee(condition, 0, "cpu").train_step)
