"""What a trial did along training, differences within it, and losses at equal training loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.claims import load_registry
from analysis.comparison import Arms
from analysis.measures import MEASURES
from analysis.measures.matched import read_at
from analysis.samples import load_samples
from suite.records import Budget
from tests.handmade import CHANCE, comparison, measured, noise, verdict, write_trials

if TYPE_CHECKING:
    from pathlib import Path

    from suite.records import Condition
    from tests.handmade import Made


def test_a_curve_is_read_after_so_many_images(tmp_path: Path) -> None:
    """8,000 of 16,000 images are half of the steps, whatever the batch size."""

    def make(condition: Condition, seed: int) -> Made:
        size = condition.batch_size
        end = 16_000 // size
        curve = ((0, end // 4, end), (0.1, 0.8, 0.8 + 1.6 / size + 0.001 * seed))
        return {"steps": end, "samples": 16_000}, {"validation_accuracy": curve}

    write_trials(tmp_path, make, batch_size=[16, 32], budget=Budget(samples=16_000))
    arms = {"axis": "batch_size", "treatment": 16, "control": 32}
    (found,) = measured(
        tmp_path, comparison("paired", "validation_accuracy", after=8_000, arms=arms)
    )
    seeds = np.arange(8)
    between = (0.5 - 0.25) / 0.75  # of the way from a quarter of training to its end
    np.testing.assert_allclose(found.arms["16"], 0.8 + between * (0.1 + 0.001 * seeds))
    np.testing.assert_allclose(found.arms["32"], 0.8 + between * (0.05 + 0.001 * seeds))
    np.testing.assert_allclose(found.differences, between * 0.05)


def test_a_trial_that_saw_fewer_images_is_lost_and_one_that_diverged_guesses(
    tmp_path: Path,
) -> None:
    def make(condition: Condition, seed: int) -> Made:
        if condition.batch_size == 16 and seed == 0:
            return "diverged"
        end = 100 if condition.batch_size == 64 and seed == 1 else 1000
        steps = {"steps": end, "samples": end * condition.batch_size}
        return steps, {"validation_accuracy": ((0, end), (0.1, 0.9))}

    write_trials(tmp_path, make, batch_size=[16, 64], budget=Budget(steps=1000))
    arms = {"axis": "batch_size", "treatment": 16, "control": 64}
    (found,) = measured(
        tmp_path, comparison("paired", "validation_accuracy", after=9_600, arms=arms)
    )
    assert found.seeds == (0, 2, 3, 4, 5, 6, 7)
    assert found.arms["16"][0] == CHANCE["mnist"]
    assert found.diverged == {"16": 1, "64": 0}
    (lost,) = found.missing
    assert lost.seed == 1
    assert "control: no finite validation_accuracy" in lost.reason


def test_the_gap_is_one_outcome_of_a_trial_minus_another(tmp_path: Path) -> None:
    def make(condition: Condition, seed: int) -> Made:
        gap = 0.01 if condition.norm == "batch" else 0.03
        return {"train_accuracy": 0.99 - 0.001 * seed, "test_accuracy": 0.99 - 0.001 * seed - gap}

    write_trials(tmp_path, make, norm=["none", "batch"])
    wanted = comparison("paired", "train_accuracy", minus="test_accuracy", direction="lower")
    (found,) = measured(tmp_path, wanted)
    np.testing.assert_allclose(found.arms["batch"], 0.01)
    np.testing.assert_allclose(found.differences, 0.02)
    assert verdict(tmp_path, wanted).word == "supported"


def test_a_gap_without_one_of_its_two_is_lost(tmp_path: Path) -> None:
    def make(condition: Condition, seed: int) -> Made:
        whole = {"train_accuracy": 0.99, "test_accuracy": 0.98}
        return {"train_accuracy": 0.99} if condition.norm == "none" and seed == 3 else whole

    write_trials(tmp_path, make, norm=["none", "batch"])
    (found,) = measured(tmp_path, comparison("paired", "train_accuracy", minus="test_accuracy"))
    assert [pair.seed for pair in found.missing] == [3]
    assert "test_accuracy" in found.missing[0].reason


@pytest.mark.parametrize(("drop", "word"), [
    (0.02, "supported"), (-0.02, "contradicted"), (0.0, "no practical difference"),
])  # fmt: skip
def test_two_outcomes_of_one_trial(tmp_path: Path, drop: float, word: str) -> None:
    """Eval mode against train mode in small test batches: the arms are outcomes."""

    def make(condition: Condition, seed: int) -> Made:
        level = 0.97 + 0.001 * noise("level", seed)
        return {
            "test_accuracy": level,
            "test_accuracy_train_mode@8": level - drop + 1e-4 * noise("own", seed),
            "test_accuracy_train_mode@64": level,
        }

    write_trials(tmp_path, make, batch_size=[16, 64])
    arms = Arms(axis="outcome", treatment="test_accuracy", control="test_accuracy_train_mode@8")
    wanted = comparison("paired", "test_accuracy", arms=arms, primary={"batch_size": 64})
    found = measured(tmp_path, wanted)
    assert [c.label for c in found] == ["batch size 64", "batch size 16"]
    assert list(found[0].arms) == ["test_accuracy", "test_accuracy_train_mode@8"]
    assert found[0].differences.mean() == pytest.approx(drop, abs=2e-4)
    assert verdict(tmp_path, wanted).word == word


def overfitting(condition: Condition, offset: float, rate: float, seed: int) -> Made:
    """Training loss falls as a power of the step; held-out loss is a curve of the training loss.

    With batch norm the training loss falls faster (by ``rate``) and at equal training loss the
    held-out loss is lower by the factor exp(−offset): two things that the gap confounds.
    """
    treated = condition.norm == "batch"
    steps = np.unique(np.geomspace(1, 1000, 25).round())
    trained = 2.0 * steps ** (-(rate if treated else 0.6))
    factor = math.exp(-offset * treated + 0.01 * noise(condition.norm, seed))
    held_out = factor * (0.3 - 0.05 * np.log(trained))
    return (
        {"validation_loss": held_out[-1], "train_loss": trained[-1], "test_loss": held_out[-1]},
        {
            "train_loss": (steps.astype(int).tolist(), trained.tolist()),
            "validation_loss": (steps.astype(int).tolist(), held_out.tolist()),
        },
    )


@pytest.mark.parametrize(("offset", "word"), [
    (0.2, "supported"), (-0.2, "contradicted"), (0.0, "no practical difference"),
])  # fmt: skip
def test_loss_at_equal_training_loss(tmp_path: Path, offset: float, word: str) -> None:
    write_trials(
        tmp_path, lambda c, s: overfitting(c, offset, 1.2, s), norm=["none", "batch"], seeds=12
    )
    matched = comparison(
        "matched", "validation_loss", direction="lower", scale="log_ratio", margin=1.05
    )
    (found,) = measured(tmp_path, matched)
    assert found.differences.mean() == pytest.approx(offset, abs=0.02)
    level = 2.0 * 1000**-0.6  # where the slower arm ends
    assert f"training loss of {level:.2g} nats" in found.notes[0]
    assert found.arms["none"].mean() == pytest.approx(0.3 - 0.05 * math.log(level), rel=0.02)
    assert verdict(tmp_path, matched).word == word


def test_the_gap_and_the_matched_loss_can_disagree(tmp_path: Path) -> None:
    """A faster fit widens the gap although the loss on new images is lower: the claim depends."""
    write_trials(
        tmp_path, lambda c, s: overfitting(c, 0.1, 1.5, s), norm=["none", "batch"], seeds=12
    )
    matched = comparison(
        "matched", "validation_loss", direction="lower", scale="log_ratio", margin=1.05
    )
    gap = comparison(
        "paired", "test_loss", name="gap", minus="train_loss", direction="lower", role="evidence",
        margin=0.01,
    )  # fmt: skip
    found = verdict(tmp_path, matched, gap)
    assert [r.word for r in found.results] == ["supported", "contradicted"]
    assert found.word == "depends"


def test_earlier_in_training(tmp_path: Path) -> None:
    write_trials(tmp_path, lambda c, s: overfitting(c, 0.1, 1.2, s), norm=["none", "batch"])
    matched = comparison(
        "matched", "validation_loss", direction="lower", scale="log_ratio", margin=1.05, facet="10"
    )
    (found,) = measured(tmp_path, matched)
    level = 20 * 1000**-0.6
    assert f"training loss of {level:.2g} nats" in found.notes[0]
    assert found.arms["none"].mean() == pytest.approx(0.3 - 0.05 * math.log(level), rel=0.03)


def test_without_training_loss_along_the_way_all_pairs_are_missing(tmp_path: Path) -> None:
    def make(condition: Condition, seed: int) -> Made:
        (outcomes, curves) = overfitting(condition, 0.1, 1.2, seed)
        return outcomes, {"validation_loss": curves["validation_loss"]}

    write_trials(tmp_path, make, norm=["none", "batch"])
    (found,) = measured(tmp_path, comparison("matched", "validation_loss"))
    assert found.n == 0
    assert len(found.missing) == 8
    assert "no training loss along the way" in found.missing[0].reason


def test_a_diverged_run_has_no_equal_loss(tmp_path: Path) -> None:
    def make(condition: Condition, seed: int) -> Made:
        if condition.norm == "none" and seed == 2:
            return "diverged"
        return overfitting(condition, 0.1, 1.2, seed)

    write_trials(tmp_path, make, norm=["none", "batch"])
    (found,) = measured(tmp_path, comparison("matched", "validation_loss"))
    assert [p.seed for p in found.missing] == [2]
    assert f"training loss of {2.0 * 1000**-0.6:.2g} nats" in found.notes[0]


def test_the_loss_is_read_where_the_training_loss_first_falls() -> None:
    steps = np.array([0.0, 9.0, 99.0, 999.0])  # log1p: 0, 1, 2, 3 in decades
    trained = np.array([1.0, 0.1, 0.2, 0.001])
    held_out = np.array([2.0, 1.0, 0.5, 0.25])
    assert read_at((steps, trained), (steps, held_out), 0.1) == pytest.approx(1.0)
    assert read_at((steps, trained), (steps, held_out), 0.15) == pytest.approx(
        2.0 * 0.5 ** (math.log(0.15) / math.log(0.1))
    )
    half = math.sqrt(0.2 * 0.001)  # halfway from 0.2 to 0.001
    assert read_at((steps, trained), (steps, held_out), half) == pytest.approx(math.sqrt(0.125))
    assert math.isnan(read_at((steps, trained), (steps, held_out), 1e-4))
    assert read_at((steps, trained), (steps, held_out), 5.0) == pytest.approx(2.0)


def test_the_registered_comparisons_of_a3_read_such_a_store(tmp_path: Path) -> None:
    registry = load_registry()
    write_trials(
        tmp_path,
        lambda c, s: overfitting(c, 0.2, 1.2, s),
        study="regularization",
        norm=["none", "batch", "layer", "ghost:16"],
        train_size=[1000],
    )
    samples = load_samples(tmp_path)
    for wanted in registry["A3"].comparisons:
        found = MEASURES[wanted.measure](samples, wanted, registry.chance)
        assert len(found) == 1, wanted.name
