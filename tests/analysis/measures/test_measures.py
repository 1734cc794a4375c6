"""Measures on frames whose right answer is worked out here the slow way."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.claims import load_registry
from analysis.measures import MEASURES, claim_contrasts
from analysis.measures.labels import at_the_end
from analysis.measures.largest import largest_that_trains
from analysis.samples import Samples, load_samples
from suite.errors import UnknownNameError
from tests.synthetic import Truth, none_fails_at_the_largest_rate, write_store

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from analysis.claims import Claim
    from analysis.contrasts import Contrast
    from suite.records import Trial
    from tests.synthetic import Fate

REGISTRY = load_registry()
SMALL = {"seeds": 7, "batch_sizes": (64, 256), "learning_rates": (1e-4, 1e-3, 1e-1)}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    path = tmp_path_factory.mktemp("store")
    return load_samples(write_store(path, Truth(noise=0.3), curves=False, **SMALL))


def contrasts(samples: Samples, claim_id: str, name: str) -> list[Contrast]:
    found = claim_contrasts(samples, REGISTRY[claim_id], REGISTRY.chance)
    return [c for c in found if c.comparison.name == name]


def at(found: list[Contrast], **condition: object) -> Contrast:
    (one,) = (c for c in found if condition.items() <= c.condition.items())
    return one


def value(trials: pd.DataFrame, column: str, seed: int, **axes: object) -> float:
    rows = trials[trials["seed"] == seed]
    for axis, wanted in axes.items():
        rows = rows[rows[axis] == wanted]
    assert len(rows) == 1
    return float(rows.iloc[0][column])


def test_matched_arms_seed_by_seed(samples: Samples) -> None:
    found = contrasts(samples, "A1", "matched setting")
    assert [c.role for c in found] == ["primary"] + ["evidence"] * 5
    assert found[0].condition["batch_size"] == 64
    assert found[0].condition["learning_rate"] == 1e-3
    grid = samples.study("grid")
    for contrast in found:
        axes = {a: contrast.condition[a] for a in ("batch_size", "learning_rate")}
        assert contrast.seeds == tuple(range(7))
        for seed, difference in zip(contrast.seeds, contrast.differences, strict=True):
            without, with_bn = (
                value(grid, "steps_to_target@0.95", seed, norm=norm, **axes)
                for norm in ("none", "batch")
            )
            assert difference == pytest.approx(math.log(without / with_bn), rel=1e-12)
            assert contrast.arms["batch"][seed] == pytest.approx(with_bn)
            assert contrast.arms["none"][seed] == pytest.approx(without)


def test_a_difference_in_accuracy_has_the_other_orientation(samples: Samples) -> None:
    contrast = contrasts(samples, "A2", "matched setting")[0]
    np.testing.assert_allclose(
        contrast.differences, contrast.arms["batch"] - contrast.arms["none"], rtol=1e-12
    )


def test_the_order_of_rows_does_not_matter(samples: Samples) -> None:
    shuffled = dataclasses.replace(
        samples, trials=samples.trials.sample(frac=1, random_state=1, ignore_index=True)
    )
    for claim in ("A1", "A2", "A7", "N1"):
        for one, other in zip(
            claim_contrasts(samples, REGISTRY[claim], REGISTRY.chance),
            claim_contrasts(shuffled, REGISTRY[claim], REGISTRY.chance),
            strict=True,
        ):
            assert one.label == other.label
            np.testing.assert_allclose(one.differences, other.differences, rtol=1e-12)


def test_pairs_are_of_one_seed(samples: Samples) -> None:
    """Give one arm another arm's seeds: every difference must change with it."""
    trials = samples.trials.copy()
    batch = trials["norm"] == "batch"
    trials.loc[batch, "seed"] = (trials.loc[batch, "seed"] + 1) % 7
    broken = dataclasses.replace(samples, trials=trials)
    before = contrasts(samples, "A1", "matched setting")[0]
    after = contrasts(broken, "A1", "matched setting")[0]
    np.testing.assert_allclose(np.roll(before.arms["batch"], 1), after.arms["batch"])
    assert not np.isclose(before.differences, after.differences).any()


def test_spread_over_learning_rates(samples: Samples) -> None:
    found = contrasts(samples, "A7", "spread over learning rates")
    grid = samples.study("grid")
    expected = {}
    for batch in (64, 256):
        differences = []
        for seed in range(7):
            spread = {}
            for norm in ("batch", "none"):
                values = [
                    value(grid, "test_accuracy", seed, norm=norm, batch_size=batch, learning_rate=r)
                    for r in SMALL["learning_rates"]
                ]
                spread[norm] = max(values) - min(values)
            differences.append(spread["none"] - spread["batch"])
        expected[batch] = np.array(differences)
        single = at(found, batch_size=batch)
        assert single.role == "evidence"
        np.testing.assert_allclose(single.differences, expected[batch], atol=1e-12)
    assert found[0].role == "primary"
    assert found[0].label == "mean over batch sizes"
    np.testing.assert_allclose(found[0].differences, (expected[64] + expected[256]) / 2, atol=1e-12)
    assert found[0].n == 7  # a seed is one number, however many conditions it is made of


@pytest.mark.parametrize(("trains", "limit"), [
    ((1, 1, 1), 0.1), ((1, 1, 0), 0.01), ((1, 0, 1), 0.1), ((0, 0, 0), 0.001),
])  # fmt: skip
def test_largest_that_trains(trains: tuple[int, ...], limit: float) -> None:
    settings = np.array([0.001, 0.01, 0.1])
    assert largest_that_trains(settings, np.array(trains, dtype=float)) == limit


def test_the_largest_rate_that_trains(tmp_path: Path) -> None:
    truth = Truth(fate=none_fails_at_the_largest_rate)
    samples = load_samples(write_store(tmp_path, truth, curves=False, **SMALL))
    found = contrasts(samples, "A7", "largest learning rate that trains")
    for contrast in found:
        np.testing.assert_allclose(contrast.differences, math.log(0.1 / 1e-3))
    single = at(found, batch_size=64)
    np.testing.assert_allclose(single.arms["batch"], 0.1)
    np.testing.assert_allclose(single.arms["none"], 1e-3)
    assert any("batch: 0.1, the largest tried" in note for note in single.notes)
    assert single.diverged == {"batch": 0, "none": 7}
    # The next rate after 0.001 is a hundred times larger: where the limit lies is not known.
    assert single.censored == {"batch": 7, "none": 7}
    assert any("Tried: 0.0001, 0.001, 0.1; a limit is known" in note for note in single.notes)


def test_limits_on_a_fine_scale_are_known(tmp_path: Path) -> None:
    truth = Truth(fate=none_fails_at_the_largest_rate)
    fine = {**SMALL, "learning_rates": (0.03, 0.05, 0.1)}
    samples = load_samples(write_store(tmp_path, truth, curves=False, **fine))
    single = at(contrasts(samples, "A7", "largest learning rate that trains"), batch_size=64)
    np.testing.assert_allclose(single.arms["none"], 0.05)
    assert single.censored == {"batch": 7, "none": 0}
    assert not any("Tried:" in note for note in single.notes)


def test_tuned_arms_use_the_rate_that_other_seeds_chose(tmp_path: Path) -> None:
    def effect(condition: object) -> float:
        return {1e-4: -0.02, 1e-3: 0.004, 1e-1: -0.01}[condition.learning_rate]  # type: ignore[attr-defined]

    truth = Truth(accuracy=effect, noise=0.02)
    samples = load_samples(write_store(tmp_path, truth, curves=False, **{**SMALL, "seeds": 12}))
    found = contrasts(samples, "A2", "each arm at its best learning rate")
    assert [c.role for c in found] == ["evidence"] * 2
    grid = samples.study("grid")
    for contrast in found:
        batch_size = contrast.condition["batch_size"]
        choosing = range(4)
        assert contrast.seeds == tuple(range(4, 12))
        assert contrast.planned == 8
        best = {}
        for norm in ("batch", "none"):
            means = {
                rate: np.mean([
                    value(grid, "validation_accuracy", s, norm=norm, batch_size=batch_size,
                          learning_rate=rate)
                    for s in choosing
                ])
                for rate in SMALL["learning_rates"]
            }  # fmt: skip
            best[norm] = max(means, key=lambda rate: means[rate])
        assert best["batch"] == 1e-3
        expected = [
            value(grid, "test_accuracy", s, norm="batch", batch_size=batch_size,
                  learning_rate=best["batch"])
            - value(grid, "test_accuracy", s, norm="none", batch_size=batch_size,
                    learning_rate=best["none"])
            for s in contrast.seeds
        ]  # fmt: skip
        np.testing.assert_allclose(contrast.differences, expected, atol=1e-12)
        assert "batch at learning rate 0.001, the best of" in contrast.notes[0]


def test_a_rate_that_diverges_is_never_chosen(tmp_path: Path) -> None:
    def all_diverge_at_the_small_ones(trial: Trial) -> Fate:
        bad = trial.condition.learning_rate < 0.1 and trial.condition.norm == "none"
        return "diverged" if bad and trial.seed == 0 else "ok"

    truth = Truth(fate=all_diverge_at_the_small_ones)
    samples = load_samples(write_store(tmp_path, truth, curves=False, **SMALL))
    for contrast in contrasts(samples, "A1", "each arm at its best learning rate"):
        edge = "(the largest tried; a better one may lie beyond)"
        assert f"none at learning rate 0.1 {edge}, the best of" in contrast.notes[1]


def test_typical_runs(samples: Samples) -> None:
    found = contrasts(samples, "N1", "where the single runs fall")
    assert [c.role for c in found] == ["primary", "primary", "context"]
    notebook = samples.study("notebook")
    for contrast, norm, published in zip(found, ("batch", "none"), (0.9751, 0.9667), strict=False):
        runs = [value(notebook, "test_accuracy", s, norm=norm) for s in range(7)]
        np.testing.assert_allclose(contrast.differences, published - np.array(runs), atol=1e-12)
        np.testing.assert_allclose(contrast.arms[norm], runs)
        assert set(contrast.arms) == {norm}
    ours = found[0].arms["batch"] - found[1].arms["none"]
    np.testing.assert_allclose(found[2].differences, 0.0084 - ours, atol=1e-12)


def test_the_notebooks_runs_are_not_set_against_other_data(tmp_path: Path) -> None:
    samples = load_samples(write_store(tmp_path, curves=False, datasets=("mnist5k",), **SMALL))
    assert contrasts(samples, "N1", "where the single runs fall") == []
    assert contrasts(samples, "A1", "matched setting")[0].role == "primary"


# --- trials that did not end well -----------------------------------------------------------------


def with_fates(path: Path, fates: dict[tuple[str, int], Fate], **changes: object) -> Samples:
    """Fates of (norm, seed) at batch size 64 and learning rate 0.001."""

    def fate(trial: Trial) -> Fate:
        c = trial.condition
        here = c.batch_size == 64 and c.learning_rate == 1e-3 and trial.protocol.split == "holdout"
        return fates.get((c.norm, trial.seed), "ok") if here else "ok"

    truth = Truth(fate=fate, **changes)  # type: ignore[arg-type]
    return load_samples(write_store(path, truth, curves=False, **SMALL))


def test_a_diverged_trial_scores_chance_and_its_time_is_the_budget(tmp_path: Path) -> None:
    samples = with_fates(tmp_path, {("none", 2): "diverged"})
    accuracy = contrasts(samples, "A2", "matched setting")[0]
    assert accuracy.arms["none"][2] == 0.1
    assert accuracy.diverged == {"batch": 0, "none": 1}
    assert accuracy.n == 7
    steps = contrasts(samples, "A1", "matched setting")[0]
    assert steps.arms["none"][2] == 5 * math.ceil(55_000 / 64)
    assert steps.censored == {"batch": 0, "none": 1}
    assert steps.censored_pairs == 1
    spread = at(contrasts(samples, "A7", "spread over learning rates"), batch_size=64)
    assert spread.differences[2] > 0.8


@pytest.mark.parametrize("status", ["missing", "failed", "oom"])
def test_a_gap_loses_its_pair_and_is_named(tmp_path: Path, status: Fate) -> None:
    samples = with_fates(tmp_path, {("batch", 3): status})
    contrast = contrasts(samples, "A2", "matched setting")[0]
    assert contrast.seeds == (0, 1, 2, 4, 5, 6)
    assert contrast.planned == 7
    assert contrast.missing_share == pytest.approx(1 / 7)
    (lost,) = contrast.missing
    assert str(lost) == f"batch size 64, learning rate 0.001, seed 3 (treatment: {status})"
    # A reduced contrast loses the seed, and says which trial is to blame.
    spread = contrasts(samples, "A7", "spread over learning rates")[0]
    assert spread.seeds == contrast.seeds
    assert f"{status} at learning rate 0.001" in spread.missing[0].reason
    assert at(contrasts(samples, "A7", "spread over learning rates"), batch_size=256).n == 7


def test_an_undefined_condition_is_no_gap(tmp_path: Path) -> None:
    fates: dict[tuple[str, int], Fate] = {("batch", s): "undefined" for s in range(7)}
    samples = with_fates(tmp_path, fates)
    contrast = contrasts(samples, "A2", "matched setting")[0]
    assert (contrast.n, contrast.missing, len(contrast.undefined)) == (0, (), 7)
    assert "no variance" in contrast.undefined[0].reason
    spread = at(contrasts(samples, "A7", "spread over learning rates"), batch_size=64)
    assert spread.n == 7  # over the two learning rates that are left, in both arms
    grid = samples.study("grid")
    left = [
        value(grid, "test_accuracy", 0, norm="none", batch_size=64, learning_rate=r)
        for r in (1e-4, 1e-1)
    ]
    assert spread.arms["none"][0] == pytest.approx(max(left) - min(left))


def test_a_time_that_was_not_reached_is_restricted_to_the_budget(tmp_path: Path) -> None:
    samples = with_fates(tmp_path, {}, steps=-3.0)  # so slow with BN that most never arrive
    contrast = contrasts(samples, "A1", "matched setting")[0]
    budget = 5 * math.ceil(55_000 / 64)
    assert contrast.n == 7
    assert contrast.arms["batch"].max() == budget
    assert contrast.censored["batch"] == (contrast.arms["batch"] == budget).sum() > 0
    np.testing.assert_allclose(
        contrast.differences, np.log(contrast.arms["none"] / contrast.arms["batch"])
    )


def test_both_arms_all_censored(tmp_path: Path) -> None:
    def late(trial: Trial) -> Fate:
        return "diverged" if trial.condition.batch_size == 64 else "ok"

    samples = load_samples(write_store(tmp_path, Truth(fate=late), curves=False, **SMALL))
    contrast = contrasts(samples, "A1", "matched setting")[0]
    np.testing.assert_array_equal(contrast.differences, 0.0)
    assert contrast.censored_pairs == 7


def test_a_second_dataset_is_evidence_and_a_second_device_context(tmp_path: Path) -> None:
    samples = load_samples(
        write_store(tmp_path / "x", datasets=("fashion_mnist", "mnist"), curves=False, **SMALL)
    )
    found = contrasts(samples, "A1", "matched setting")
    assert [c.role for c in found].count("primary") == 1
    assert len(found) == 12
    write_store(tmp_path / "a", device="cpu", curves=False, **SMALL)
    write_store(tmp_path / "b", device="cuda:0", curves=False, **SMALL)
    two = contrasts(load_samples([tmp_path / "a", tmp_path / "b"]), "A1", "matched setting")
    assert {c.condition["device"] for c in two if c.role == "context"} == {"cuda:0"}
    assert {c.condition["device"] for c in two if c.role != "context"} == {"cpu"}
    assert all(c.n == 7 for c in two)


def test_other_targets_are_found_in_each_dataset(samples: Samples) -> None:
    claim = REGISTRY["A1"]
    for facet, target in (("first", "0.90"), ("last", "0.97"), ("0.9", "0.90")):
        changed: Claim = claim.model_copy(
            update={"comparisons": (claim.primary.model_copy(update={"facet": facet}),)}
        )
        contrast = claim_contrasts(samples, changed, REGISTRY.chance)[0]
        grid = samples.study("grid")
        assert contrast.arms["none"][0] == pytest.approx(
            value(grid, f"steps_to_target@{target}", 0, norm="none", batch_size=64,
                  learning_rate=1e-3)
        )  # fmt: skip


def test_a_study_that_is_not_there_gives_nothing(samples: Samples) -> None:
    for name, measure in MEASURES.items():
        comparison = REGISTRY["A7"].primary.model_copy(update={"study": "nowhere"})
        assert measure(samples, comparison, REGISTRY.chance) == [], name


def test_an_unknown_measure_is_named(samples: Samples) -> None:
    claim = REGISTRY["A1"]
    comparison = claim.primary.model_copy(update={"measure": "pared"})
    with pytest.raises(UnknownNameError, match="paired"):
        claim_contrasts(
            samples, claim.model_copy(update={"comparisons": (comparison,)}), REGISTRY.chance
        )


@pytest.mark.parametrize(("value", "tried", "words"), [
    (2, [1, 2, 4], ""), (1, [4, 2, 1], " (the smallest tried; a better one may lie beyond)"),
    (4, [1, 4, 4], " (the largest tried; a better one may lie beyond)"),
    (3, [3, 3], " (the only one tried)"),
])  # fmt: skip
def test_a_setting_at_the_end_of_the_range_is_said(
    value: float, tried: list[float], words: str
) -> None:
    assert at_the_end(value, tried) == words
