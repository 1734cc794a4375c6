"""Under which measured conditions a claim holds, said in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.conditions import where_it_holds
from tests.handmade import comparison, noise, verdict, write_trials

if TYPE_CHECKING:
    from pathlib import Path

    from suite.records import Condition
    from tests.handmade import Made

# Depth → how much closer to equal the gradients are with batch norm, in decades.
TRUTH = {2: 1.0, 6: 0.0, 12: -1.0, 20: -1.0}


def by_depth(condition: Condition, seed: int) -> Made:
    assert condition.depth is not None
    gain = TRUTH[condition.depth] * (condition.norm == "batch")
    own = 0.05 * noise(condition.norm, condition.depth, seed)
    return {
        "gradient_imbalance@final": 2.0 - gain + own,
        "gradient_imbalance@initial": 2.0 + (condition.norm == "batch") + own,
    }


GRADIENTS = {"direction": "lower", "margin": 0.3, "unit": "decades"}
AFTER = comparison(
    "paired", "gradient_imbalance", name="after training", facet="final", primary={"depth": 2},
    **GRADIENTS,
)  # fmt: skip
BEFORE = comparison(
    "paired", "gradient_imbalance", name="before", facet="initial", role="evidence",
    where={"depth": [20]}, **GRADIENTS,
)  # fmt: skip
SHOWN = comparison(
    "paired", "gradient_imbalance", name="shown only", facet="initial", role="context", **GRADIENTS
)


def test_each_word_has_its_conditions_and_context_has_none(tmp_path: Path) -> None:
    write_trials(
        tmp_path, by_depth, norm=["none", "batch"], model="deep_mlp", depth=list(TRUTH), seeds=12
    )
    found = verdict(tmp_path, AFTER, BEFORE, SHOWN)
    assert found.word == "depends"
    after, before = where_it_holds(found)
    assert after == (
        "After training: holds in 1 of 4 conditions (depth 2); "
        "the opposite holds in 2 of 4 conditions (depth 12; depth 20); "
        "no difference that matters in 1 of 4 conditions (depth 6)."
    )
    assert before.startswith("Before: the opposite holds (")
    assert "decades" in before


def test_many_conditions_are_counted_and_some_named(tmp_path: Path) -> None:
    rates = [1e-3 * k for k in range(1, 11)]
    write_trials(
        tmp_path,
        lambda c, s: {"test_accuracy": 0.9 + 0.02 * (c.norm == "batch") + 1e-3 * noise(c, s)},
        norm=["none", "batch"],
        learning_rate=rates,
        seeds=12,
    )
    wanted = comparison("paired", "test_accuracy", name="all", primary={"learning_rate": 1e-3})
    (text,) = where_it_holds(verdict(tmp_path, wanted))
    assert text.startswith("All: holds in 10 of 10 conditions (learning rate 0.001; ")
    assert text.endswith("; and 4 more).")


@pytest.mark.parametrize("seeds", [3, 12])
def test_one_condition_or_no_verdict_says_nothing(tmp_path: Path, seeds: int) -> None:
    write_trials(
        tmp_path,
        by_depth,
        norm=["none", "batch"],
        model="deep_mlp",
        depth=[2] if seeds == 12 else [2, 6],
        seeds=seeds,
    )
    assert where_it_holds(verdict(tmp_path, AFTER)) == ()


def test_a_limit_of_each_arm_comes_with_its_interval(tmp_path: Path) -> None:
    """Every other seed trains at 0.1 without batch norm, and all do with it."""

    def trains(condition: Condition, seed: int) -> Made:
        limit = 0.1 if condition.norm == "batch" or seed % 2 else 0.001
        good = condition.learning_rate <= limit
        return {"validation_accuracy": 0.95 if good else 0.2, "steps_to_target@0.9": 10.0}

    write_trials(
        tmp_path,
        trains,
        norm=["none", "batch"],
        learning_rate=[1e-3, 1e-2, 1e-1],
        batch_size=[16, 64],
        seeds=12,
    )
    wanted = comparison(
        "largest", "validation_accuracy", name="limit", facet="first", over="learning_rate",
        mean_over=["batch_size"], scale="log_ratio", margin=2.0, unit="×",
    )  # fmt: skip
    texts = where_it_holds(verdict(tmp_path, wanted))
    mean, first, second = (t for t in texts if "Largest learning rate that trains" in t)
    assert mean.startswith("For the mean over batch sizes: Largest")
    assert second.startswith("For batch size 64: Largest")
    assert (
        "batch: 0.1, the largest tried, still trains in 24 of 24; its limit may lie above." in texts
    )
    # Half of the logarithms are -3, half are -1: the geometric mean is 0.01, and 12 seeds leave a
    # t interval of ±2.201 · 1.0445/√12 decades.
    assert "batch 0.1 [0.1, 0.1], none 0.01 [0.0022, 0.046]" in first
