"""Trends along an axis, advantages that depend on one, exact checks and best settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.claims import load_registry
from analysis.measures import MEASURES
from analysis.measures.labels import at_the_end
from analysis.measures.trend import fitted
from analysis.samples import load_samples
from suite.records import Condition
from tests.handmade import comparison, measured, noise, verdict, write_trials

if TYPE_CHECKING:
    from pathlib import Path

    from tests.handmade import Made

SIZES = [16, 64, 256, 1024]
BY_SIZE = {"axis": "batch_size", "treatment": 16, "control": 1024}


def rough(condition: Condition, seed: int, power: float) -> Made:
    level = 1 + 0.1 * noise("level", seed)
    own = 0.01 * noise(condition.batch_size, condition.norm, seed)
    return {"loss_roughness": level * condition.batch_size**-power * math.exp(own)}


@pytest.mark.parametrize(("power", "word"), [
    (0.5, "supported"), (-0.5, "contradicted"), (0.0, "no practical difference"),
])  # fmt: skip
def test_a_trend_is_each_seeds_own_line(tmp_path: Path, power: float, word: str) -> None:
    write_trials(tmp_path, lambda c, s: rough(c, s, power), batch_size=SIZES)
    wanted = comparison("trend", "loss_roughness", arms=BY_SIZE, scale="log_ratio", margin=1.5)
    (found,) = measured(tmp_path, wanted)
    expected = []
    for seed in range(8):
        y = [
            math.log(1 + 0.1 * noise("level", seed)) - power * math.log(b)
            + 0.01 * noise(b, "batch", seed)
            for b in SIZES
        ]  # fmt: skip
        slope = np.polyfit(np.log2(SIZES), y, 1)[0]
        expected.append(-6 * slope)  # 6 doublings from 16 to 1024
    np.testing.assert_allclose(found.differences, expected, rtol=1e-9)
    np.testing.assert_allclose(
        np.log(found.arms["16"] / found.arms["1024"]), found.differences, rtol=1e-9
    )
    assert verdict(tmp_path, wanted).word == word
    (note,) = found.notes
    assert "over batch size 1024, 256, 64, 16 as the claim orders them" in note
    correlation = {0.5: "1.00", -0.5: "-1.00"}.get(power)
    assert correlation is None or f"mean rank correlation {correlation}" in note


def test_the_order_of_a_trend_follows_the_claim(tmp_path: Path) -> None:
    write_trials(tmp_path, lambda c, s: rough(c, s, 0.5), batch_size=SIZES)
    turned = {"axis": "batch_size", "treatment": 1024, "control": 16}
    forth, back = (
        measured(
            tmp_path,
            comparison(
                "trend", "loss_roughness", arms=arms, direction=d, scale="log_ratio", margin=1.5
            ),
        )[0]
        for arms, d in ((BY_SIZE, "higher"), (turned, "lower"))
    )
    np.testing.assert_allclose(forth.differences, back.differences, rtol=1e-12)
    assert forth.notes == back.notes


def test_a_trend_needs_all_settings_of_a_seed_but_not_those_without_a_meaning(
    tmp_path: Path,
) -> None:
    def make(condition: Condition, seed: int) -> Made:
        if condition.batch_size == 1:
            return "undefined"
        return "missing" if (condition.batch_size, seed) == (64, 5) else rough(condition, seed, 0.5)

    write_trials(tmp_path, make, batch_size=[1, *SIZES])
    wanted = comparison("trend", "loss_roughness", arms=BY_SIZE, scale="log_ratio", margin=1.5)
    (found,) = measured(tmp_path, wanted)
    assert 5 not in found.seeds
    assert found.n == 7
    assert "missing at batch size 64" in found.missing[0].reason
    assert found.differences.mean() == pytest.approx(math.log(64) / 2, abs=0.05)


@pytest.mark.parametrize("ratio", [True, False])
def test_the_line_through_points_on_a_line_is_that_line(ratio: bool) -> None:
    x = np.array([2.0, 8.0, 32.0])
    y = 3 * np.log2(x) + 1
    values = np.exp(y) if ratio else y
    line = fitted(x, values, at=4.0, ratio=ratio)
    assert line == pytest.approx(math.exp(7) if ratio else 7)
    assert math.isnan(fitted(x[:1], values[:1], at=4.0, ratio=ratio))


def small_batch(condition: Condition, seed: int, loss: float) -> Made:
    """Batch norm gains 4 points at 64, and less at small batches by ``loss``; steps help all."""
    size = condition.batch_size
    steps = 0.02 * math.log2(64 / size)  # more steps with the same images, in every arm
    gain = {"none": 0.0, "layer": 0.03, "batch": 0.04 - loss * (size < 64)}[condition.norm]
    return {
        "test_accuracy": 0.8 + steps + gain + 0.01 * noise("seed", seed)
        + 0.001 * noise(size, condition.norm, seed)
    }  # fmt: skip


BY_ADVANTAGE = {
    "over": "batch_size", "baseline": 64, "mean_over": ["batch_size"], "direction": "lower",
    "margin": 0.005,
}  # fmt: skip


@pytest.mark.parametrize(("loss", "word"), [
    (0.03, "supported"), (-0.03, "contradicted"), (0.0, "no practical difference"),
])  # fmt: skip
def test_an_advantage_that_depends_on_the_batch(tmp_path: Path, loss: float, word: str) -> None:
    write_trials(
        tmp_path,
        lambda c, s: small_batch(c, s, loss),
        norm=["none", "batch", "layer"],
        batch_size=[2, 8, 64],
        seeds=12,
    )
    wanted = comparison("interaction", "test_accuracy", **BY_ADVANTAGE)
    found = measured(tmp_path, wanted)
    assert [c.role for c in found] == ["primary", "evidence", "evidence"]
    assert [c.condition.get("batch_size") for c in found] == [None, 2, 8]

    def value(norm: str, size: int, seed: int) -> float:
        condition = Condition(
            dataset="mnist", model="mlp", norm=norm, batch_size=size, learning_rate=1e-3
        )
        return small_batch(condition, seed, loss)["test_accuracy"]  # type: ignore[index,return-value,call-overload]

    expected = {
        size: [
            -((value("batch", size, s) - value("none", size, s))
              - (value("batch", 64, s) - value("none", 64, s)))
            for s in range(12)
        ]
        for size in (2, 8)
    }  # fmt: skip
    for contrast in found[1:]:
        size = contrast.condition["batch_size"]
        np.testing.assert_allclose(contrast.differences, expected[size], atol=1e-12)
        assert list(contrast.arms) == [
            f"batch minus none, batch size {size}", "batch minus none, batch size 64",
        ]  # fmt: skip
    np.testing.assert_allclose(
        found[0].differences, np.mean([expected[2], expected[8]], axis=0), atol=1e-12
    )
    assert verdict(tmp_path, wanted).word == word
    placebo = comparison(
        "interaction", "test_accuracy", arms={"treatment": "layer"}, **BY_ADVANTAGE
    )
    assert verdict(tmp_path, placebo).word == "no practical difference"


def test_what_lacks_for_an_advantage_is_named_with_its_arm(tmp_path: Path) -> None:
    def make(condition: Condition, seed: int) -> Made:
        here = (condition.norm, condition.batch_size, seed)
        return "missing" if here == ("none", 64, 4) else small_batch(condition, seed, 0.03)

    write_trials(tmp_path, make, norm=["none", "batch"], batch_size=[2, 64])
    found = measured(tmp_path, comparison("interaction", "test_accuracy", **BY_ADVANTAGE))
    for contrast in found:
        assert [p.seed for p in contrast.missing] == [4]
        assert "control: none: missing" in contrast.missing[0].reason


def test_an_advantage_without_a_baseline_is_none(tmp_path: Path) -> None:
    write_trials(
        tmp_path, lambda c, s: small_batch(c, s, 0.0), norm=["none", "batch"], batch_size=[2, 8]
    )
    assert measured(tmp_path, comparison("interaction", "test_accuracy", **BY_ADVANTAGE)) == []


@pytest.mark.parametrize(("error", "word"), [
    (1e-4, "supported"), (0.2, "contradicted"), (0.05, "inconclusive"), (0.051, "inconclusive"),
])  # fmt: skip
def test_an_exact_check(tmp_path: Path, error: float, word: str) -> None:
    def make(condition: Condition, seed: int) -> Made:
        scale = error if condition.norm == "batch" else 3.0
        return {"normalized_variance_error@mean": scale * (1 + 0.05 * abs(noise(seed)))}

    write_trials(tmp_path, make, norm=["none", "batch"])
    wanted = comparison(
        "exact", "normalized_variance_error", facet="mean", decision="equality", margin=0.0525,
        arms={"treatment": "batch", "control": "exact"},
    )  # fmt: skip
    (found,) = measured(tmp_path, wanted)
    np.testing.assert_array_equal(found.arms["exact"], 0.0)
    np.testing.assert_array_equal(found.differences, found.arms["batch"])
    judged = verdict(tmp_path, wanted)
    assert judged.word == word
    if word == "supported":
        assert judged.change.startswith("A margin well below")


def places(condition: Condition, seed: int, best: dict[tuple[str, str], int]) -> Made:
    """Accuracy falls by a point for each factor of four from the place's best batch size.

    The better of the two learning rates is the larger one at the larger batches.
    """
    mine = best[condition.dataset, condition.model]
    away = abs(math.log(condition.batch_size / mine, 4))
    rate = 0.005 * ((condition.learning_rate > 0.005) != (condition.batch_size > 50))
    value = 0.95 - 0.01 * away - rate + 0.0005 * noise("seed", seed)
    own = (condition.dataset, condition.model, condition.batch_size, condition.learning_rate, seed)
    return {
        "test_accuracy": value + 0.0003 * noise("test", *own),
        "validation_accuracy": value + 0.0003 * noise("validation", *own),
    }


BEST = comparison(
    "best", "test_accuracy", select_by="validation_accuracy", over="batch_size",
    mean_over=["dataset", "model"], primary={"norm": "batch"},
    arms={"axis": "batch_size", "treatment": "own best", "control": "best for all"},
)  # fmt: skip
FOUR = {
    "dataset": ["mnist", "fashion_mnist"], "model": ["mlp", "cnn"], "batch_size": [16, 64, 256],
    "learning_rate": [1e-3, 1e-2], "seeds": 12,
}  # fmt: skip


def test_places_with_a_best_setting_of_their_own(tmp_path: Path) -> None:
    best = {
        ("mnist", "mlp"): 16, ("mnist", "cnn"): 64, ("fashion_mnist", "mlp"): 64,
        ("fashion_mnist", "cnn"): 256,
    }  # fmt: skip
    write_trials(tmp_path, lambda c, s: places(c, s, best), **FOUR)
    found = measured(tmp_path, BEST)
    assert [c.role for c in found] == ["primary"] + ["evidence"] * 4
    for contrast in found[1:]:
        where = (contrast.condition["dataset"], contrast.condition["model"])
        mine = best[where]
        assert contrast.seeds == tuple(range(4, 12))  # the first third chose
        regret = 0.01 * abs(math.log(mine / 64, 4))  # 64 is the best on average
        assert contrast.differences.mean() == pytest.approx(regret, abs=5e-4)
        if mine == 64:
            np.testing.assert_array_equal(contrast.differences, 0.0)
        edge = at_the_end(mine, [16, 64, 256])
        assert f"{mine}{edge} as the choosing seeds have it, 64 for all places" in contrast.notes[0]
        assert f"the best is {mine} with 100%" in contrast.notes[0]
    assert found[0].differences.mean() == pytest.approx(0.005, abs=3e-4)
    assert found[0].notes == ()
    assert verdict(tmp_path, BEST).word == "supported"


def test_places_that_share_their_best_setting(tmp_path: Path) -> None:
    best = dict.fromkeys([(d, m) for d in FOUR["dataset"] for m in FOUR["model"]], 64)
    write_trials(tmp_path, lambda c, s: places(c, s, best), **FOUR)
    for contrast in measured(tmp_path, BEST):
        np.testing.assert_array_equal(contrast.differences, 0.0)
    assert verdict(tmp_path, BEST).word == "no practical difference"


def test_a_setting_that_diverges_for_a_choosing_seed_is_never_the_best(tmp_path: Path) -> None:
    best = dict.fromkeys([(d, m) for d in FOUR["dataset"] for m in FOUR["model"]], 16)

    def make(condition: Condition, seed: int) -> Made:
        bad = condition.batch_size == 16 and condition.model == "cnn" and seed == 0
        return "diverged" if bad else places(condition, seed, best)

    write_trials(tmp_path, make, **FOUR)
    for contrast in measured(tmp_path, BEST)[1:]:
        mine = 16 if contrast.condition["model"] == "mlp" else 64
        edge = at_the_end(mine, [16, 64, 256])
        assert f"{mine}{edge} as the choosing seeds have it, 64 for all places" in contrast.notes[0]


def test_choices_are_made_without_the_tested_seeds_and_without_test_data(tmp_path: Path) -> None:
    """Validation says 16 at the choosing seeds; what test and the other seeds say plays no part."""

    def make(condition: Condition, seed: int) -> Made:
        liked = 16 if seed < 4 else 256
        return {
            "test_accuracy": 0.9 + 0.05 * (condition.batch_size == 256),
            "validation_accuracy": 0.9 + 0.05 * (condition.batch_size == liked),
        }

    write_trials(tmp_path, make, **FOUR)
    for contrast in measured(tmp_path, BEST)[1:]:
        np.testing.assert_array_equal(contrast.arms["own best"], 0.9)
        assert "the best is 256 with 100%" in contrast.notes[0]


def test_spread_over_settings_that_are_names(tmp_path: Path) -> None:
    levels = {"default": 0.97, "he": 0.96, "small": 0.90, "large": 0.5}

    def make(condition: Condition, seed: int) -> Made:
        lost = 0.97 - levels[condition.init]
        share = 0.2 if condition.norm == "batch" else 1.0
        return {"test_accuracy": 0.97 - share * lost + 0.001 * noise("seed", seed)}

    write_trials(tmp_path, make, norm=["none", "batch"], init=list(levels))
    wanted = comparison("spread", "test_accuracy", over="init", direction="lower", margin=0.01)
    (found,) = measured(tmp_path, wanted)
    np.testing.assert_allclose(found.arms["none"], 0.47, atol=1e-12)
    np.testing.assert_allclose(found.arms["batch"], 0.2 * 0.47, atol=1e-12)
    assert verdict(tmp_path, wanted).word == "supported"


def test_the_registered_comparisons_find_their_arms(tmp_path: Path) -> None:
    registry = load_registry()
    write_trials(
        tmp_path,
        lambda c, s: small_batch(c, s, 0.03) if ":" not in c.norm else small_batch_other(c, s),
        study="small_batch",
        norm=["none", "batch", "layer", "group:8", "ghost:2"],
        batch_size=[2, 4, 8, 32, 64],
    )
    samples = load_samples(tmp_path)
    for wanted in registry["L1"].comparisons:
        if wanted.study != "small_batch" or wanted.measure != "interaction":
            continue
        found = MEASURES[wanted.measure](samples, wanted, registry.chance)
        assert len(found) == 4, wanted.name
        assert {c.condition.get("batch_size") for c in found} == {None, 2, 4, 8}


def small_batch_other(condition: Condition, seed: int) -> Made:
    return {"test_accuracy": 0.8 + 0.001 * noise(condition.batch_size, seed)}


# --- which condition decides ----------------------------------------------------------------------


def better(condition: Condition, seed: int) -> Made:
    gain = 0.01 if condition.norm == "batch" else 0.0
    return {"test_accuracy": 0.9 + gain + 0.001 * noise(condition.norm, condition.dataset, seed)}


PREFER = {"dataset": ["mnist", "mnist5k"], "model": ["mlp"]}


@pytest.mark.parametrize(("datasets", "decides"), [
    (["fashion_mnist", "mnist"], "mnist"),  # not the first in the order of names
    (["fashion_mnist"], "fashion_mnist"),  # the only one there is
    (["fashion_mnist", "mnist5k"], "mnist5k"),
])  # fmt: skip
def test_of_several_datasets_the_registry_says_which_decides(
    tmp_path: Path, datasets: list[str], decides: str
) -> None:
    write_trials(tmp_path, better, norm=["none", "batch"], dataset=datasets)
    found = measured(tmp_path, comparison("paired", "test_accuracy", usual=PREFER))
    assert [c.condition["dataset"] for c in found if c.role == "primary"] == [decides]
    assert [c.role for c in found[1:]] == ["evidence"] * (len(datasets) - 1)


def test_where_the_registry_prefers_none_of_several_there_is_no_verdict(tmp_path: Path) -> None:
    write_trials(tmp_path, better, norm=["none", "batch"], model=["cnn", "deep_mlp"], depth=[None])
    wanted = comparison("paired", "test_accuracy", usual=PREFER)
    assert [c.role for c in measured(tmp_path, wanted)] == ["evidence", "evidence"]
    found = verdict(tmp_path, wanted)
    assert found.word == "no verdict"
    assert "the registry prefers none: cnn; deep_mlp" in found.why
    named = comparison("paired", "test_accuracy", usual=PREFER, primary={"model": "deep_mlp"})
    assert verdict(tmp_path, named).word == "supported"


def test_the_registry_hands_its_usual_conditions_to_every_comparison() -> None:
    registry = load_registry()
    assert registry.usual["dataset"][0] == "mnist"
    assert all(c.usual == registry.usual for claim in registry for c in claim.comparisons)
    assert registry["A1"].hash == load_registry()["A1"].hash
