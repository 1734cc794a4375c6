"""Recommendations from stores whose best setting is known."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from analysis.report.recommend import recommendation_scope, recommendations
from analysis.samples import load_samples
from tests.synthetic import Truth, none_fails_at_the_largest_rate, write_store
from tests.synthetic_costs import write_costs

if TYPE_CHECKING:
    from pathlib import Path

    from suite.records import Condition

SIZE = {"batch_sizes": (64, 1024), "learning_rates": (1e-3, 0.1), "epochs": 1, "curves": False}


def best_at_64(condition: Condition) -> float:
    return 0.02 if (condition.batch_size, condition.learning_rate) == (64, 1e-3) else 0.0


def test_a_clear_best_is_named_with_what_it_gives(tmp_path: Path) -> None:
    path = write_store(tmp_path, Truth(accuracy=best_at_64, noise=0.05), **SIZE)
    (found,) = recommendations(load_samples(path))
    assert found.goal == "Accuracy"
    assert (found.choice, found.setting) == ("With BN", "batch size 64, learning rate 0.001")
    assert found.clear
    assert found.sure.startswith("Clear: best in 100 %")
    samples = load_samples(path)
    assert recommendation_scope(samples) == (
        "For mlp on mnist and the device cpu: the best of 8 settings of norm, batch size and "
        "learning rate, chosen on validation images over 12 seeds."
    )
    mine = samples.trials.query(
        "study == 'grid' and norm == 'batch' and batch_size == 64 and learning_rate == 0.001"
    )
    assert found.gives == f"{100 * mine['test_accuracy'].mean():.2f} % test accuracy"


def test_settings_of_two_optimizers_are_never_mixed(tmp_path: Path) -> None:
    path = write_store(tmp_path, Truth(accuracy=best_at_64, noise=0.05), **SIZE)
    samples = load_samples(path)
    other = samples.trials.assign(
        optimizer="sgd",
        key=samples.trials["key"] + "-sgd",
        validation_accuracy=samples.trials["validation_accuracy"] - 0.1,
        test_accuracy=samples.trials["test_accuracy"] - 0.1,
    )
    both = dataclasses.replace(samples, trials=pd.concat([samples.trials, other]))
    assert recommendations(both) == recommendations(samples)


def test_without_any_difference_there_is_no_clear_best(tmp_path: Path) -> None:
    path = write_store(tmp_path, Truth(accuracy=0.0, steps=0.0), **SIZE)
    (found,) = recommendations(load_samples(path))
    assert not found.clear
    assert found.sure.startswith("No clear best")


def test_a_setting_that_diverges_is_never_best(tmp_path: Path) -> None:
    truth = Truth(accuracy=-0.02, noise=0.02, fate=none_fails_at_the_largest_rate)
    found = recommendations(load_samples(write_store(tmp_path, truth, **SIZE)))
    assert found[0].choice == "Without BN"
    assert found[0].setting.endswith("learning rate 0.001")


def test_time_and_memory_need_the_cost_study(tmp_path: Path) -> None:
    path = write_store(tmp_path, Truth(steps=0.0, accuracy=0.0, noise=0.01), **SIZE)
    write_costs(path, replicates=6)
    accuracy, time, memory = recommendations(load_samples(path))
    assert accuracy.goal == "Accuracy"
    assert time.goal == "Time to 95 % accuracy"
    # Without an effect on steps, the arm without the slower step wins.
    assert time.choice == "Without BN"
    assert memory.choice == "Without BN", "10 % less memory at the same accuracy"
    assert memory.gives == "1.00 MB kept by a training step"


@pytest.mark.parametrize("seeds", [1, 5])
def test_too_few_seeds_recommend_nothing(tmp_path: Path, seeds: int) -> None:
    samples = load_samples(write_store(tmp_path, seeds=seeds, **SIZE))
    assert recommendations(samples) == ()
    assert recommendation_scope(samples) == ""


def test_one_setting_is_no_choice(tmp_path: Path) -> None:
    one = {**SIZE, "batch_sizes": (64,), "learning_rates": (1e-3,), "norms": ("batch",)}
    path = write_store(tmp_path, notebook=False, **one)
    assert recommendations(load_samples(path)) == ()
