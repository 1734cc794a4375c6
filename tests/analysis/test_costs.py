"""Costs from a store whose truth is known, to frames, contrasts and verdict words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.claims import load_registry
from analysis.contrasts import Verdicts
from analysis.costs import load_costs
from analysis.decision import decide, judged
from analysis.measures import MEASURES, claim_contrasts
from analysis.report.exports import exported_files
from analysis.samples import load_samples
from suite.errors import IncomparableError
from tests.synthetic import Truth, write_store
from tests.synthetic_costs import BATCHES, REPLICATES, write_costs

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.contrasts import Contrast


def contrast(found: list[Contrast], name: str, **condition: object) -> Contrast:
    (one,) = [
        c
        for c in found
        if c.comparison.name == name
        and all(c.condition.get(axis) == value for axis, value in condition.items())
    ]
    return one


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    write_store(path, Truth(steps=0.87, noise=0.05), notebook=False, curves=False)
    write_costs(path)
    return path


def test_rows_are_replicates_with_the_columns_of_trials(store: Path) -> None:
    samples = load_samples(store)
    rows = samples.study("cost")
    assert len(rows) == REPLICATES * 4
    assert sorted(rows["seed"].unique()) == list(range(REPLICATES))
    assert set(rows["status"]) == {"ok"}
    assert "cost" not in set(samples.trials["study"])
    assert samples.facets("pass_seconds") == ["inference", "inference_folded", "train_step"]


def test_a_network_that_can_not_be_folded_is_its_own_folded_form(store: Path) -> None:
    rows = load_samples(store).study("cost")
    none, batch = rows[rows["norm"] == "none"], rows[rows["norm"] == "batch"]
    assert (none["pass_seconds@inference_folded"] == none["pass_seconds@inference"]).all()
    assert (batch["pass_seconds@inference_folded"] < batch["pass_seconds@inference"]).all()


def test_rows_are_in_the_order_of_settings_and_exported(store: Path) -> None:
    rows = load_samples(store).study("cost")
    order = list(zip(rows["norm"], rows["batch_size"], rows["seed"], strict=True))
    assert order == sorted(order)
    files = exported_files(load_samples(store), Verdicts((), "hash"), "")
    assert files["costs.csv"].count("\n") == 1 + REPLICATES * 4
    assert "pass_seconds@train_step" in files["costs.csv"].splitlines()[0]
    assert "spread" in files["cost_timings.csv"].splitlines()[1]


def test_raw_times_give_quartiles_and_keep_their_flags(store: Path) -> None:
    timings = load_costs({"a": store}, {}).timings
    first = timings.iloc[0]
    assert (first["low"], first["high"]) == pytest.approx(
        (1.5 / 2 * first["median"], 2.5 / 2 * first["median"])
    )
    assert first["spread"] == pytest.approx(0.5)
    assert set(timings["flags"]) == {"spread"}
    assert set(timings["samples"]) == {3}


def test_verdicts_of_the_cost_claims(store: Path) -> None:
    samples, registry = load_samples(store), load_registry()
    claims = [registry[name] for name in ("L3", "L4", "B5")]
    found = [claim_contrasts(samples, claim, registry.chance) for claim in claims]
    decisions = decide(
        [(c, [judged(one) for one in row]) for c, row in zip(claims, found, strict=True)]
    )
    assert [d.word for d in decisions] == ["supported"] * 3
    memory = contrast(found[0], "all that a training step keeps", batch_size=64)
    assert memory.role == "primary"
    assert memory.differences == pytest.approx(np.full(REPLICATES, math.log(1.1)))
    step = contrast(found[1], "training step", batch_size=64)
    assert step.differences.mean() == pytest.approx(0.14, abs=0.03)
    assert step.differences.std(ddof=1) < 0.06  # the level of a replicate has gone
    rate = contrast(found[2], "images per second, batch 1024 against 64", norm="batch")
    assert rate.role == "primary"
    assert rate.differences.mean() == pytest.approx(0.5 * math.log(16), abs=0.03)


def test_time_to_the_target_adds_both_effects_and_both_uncertainties(store: Path) -> None:
    """14 % slower steps and exp(-.87) = 42 % of the steps."""
    samples, registry = load_samples(store), load_registry()
    comparison = next(c for c in registry["L4"].comparisons if c.measure == "time_to_target")
    found = MEASURES["time_to_target"](samples, comparison, registry.chance)
    assert {c.condition["batch_size"] for c in found} == set(BATCHES)  # others were not timed
    one = contrast(found, comparison.name, batch_size=64, learning_rate=1e-3)
    assert one.n == 12
    assert one.differences.mean() == pytest.approx(0.14 - 0.87, abs=0.1)
    steps = registry["A1"].comparisons[0]
    (alone,) = [
        c
        for c in MEASURES["paired"](samples, steps, registry.chance)
        if c.condition["batch_size"] == 64 and c.condition["learning_rate"] == 1e-3
    ]
    timed = contrast(
        claim_contrasts(samples, registry["L4"], registry.chance), "training step", batch_size=64
    )
    # A1 says that batch norm needs fewer steps, L4 that it needs more time: other signs.
    assert one.differences == pytest.approx(timed.differences - alone.differences)
    for arm, seconds in one.arms.items():
        assert seconds == pytest.approx(alone.arms[arm] * timed.arms[arm])
    assert "12 seeds" in one.notes[-1]
    assert "12 replicates" in one.notes[-1]


def test_time_to_the_target_has_the_coverage_that_it_says() -> None:
    """The pairing's interval covers the sum of both means, whatever the two spreads are."""
    from analysis.stats.paired import paired

    source = np.random.default_rng(5)
    covered = 0
    for _ in range(2000):
        steps, times = source.normal(-0.87, 0.2, 12), source.normal(0.14, 0.1, 10)
        result = paired(steps[:10] + times)
        covered += result.low <= -0.73 <= result.high
    assert 0.935 <= covered / 2000 <= 0.965


def test_fewer_replicates_than_seeds_limit_the_pairs(tmp_path: Path) -> None:
    write_store(tmp_path, notebook=False, curves=False)
    write_costs(tmp_path, replicates=7)
    registry = load_registry()
    comparison = next(c for c in registry["L4"].comparisons if c.measure == "time_to_target")
    found = MEASURES["time_to_target"](load_samples(tmp_path), comparison, registry.chance)
    assert {c.n for c in found} == {7}
    assert all(len(c.seeds) == 7 for c in found)


def test_a_missing_or_failed_replicate_is_counted(tmp_path: Path) -> None:
    write_costs(tmp_path, skip=[("batch", 3), ("none", 5)])
    registry = load_registry()
    found = claim_contrasts(load_samples(tmp_path), registry["L4"], registry.chance)
    one = contrast(found, "training step", batch_size=64)
    assert one.n == REPLICATES - 2
    assert [(lost.seed, lost.reason) for lost in one.missing] == [
        (3, "treatment: oom"),
        (5, "control: oom"),
    ]


def test_replicates_that_failed_are_missing_from_the_time_to_the_target(tmp_path: Path) -> None:
    write_store(tmp_path, notebook=False, curves=False)
    write_costs(tmp_path, skip=[("batch", 3), ("batch", 4)])
    registry = load_registry()
    comparison = next(c for c in registry["L4"].comparisons if c.measure == "time_to_target")
    found = MEASURES["time_to_target"](load_samples(tmp_path), comparison, registry.chance)
    assert {c.n for c in found} == {10}
    assert {tuple(lost.seed for lost in c.missing) for c in found} == {(3, 4)}
    assert all(c.missing_share > 0.1 for c in found)  # and so there is no verdict on it


def test_no_costs_is_no_contrast(tmp_path: Path) -> None:
    write_store(tmp_path, notebook=False, curves=False)
    samples, registry = load_samples(tmp_path), load_registry()
    assert samples.costs.rows.empty
    assert samples.costs.timings.empty
    for name in ("L3", "L4", "B5"):
        assert claim_contrasts(samples, registry[name], registry.chance) == []


def test_two_machines_stand_side_by_side(tmp_path: Path) -> None:
    write_costs(tmp_path / "a")
    write_costs(tmp_path / "b", threads=16, entropy=1)
    write_costs(tmp_path / "c", device="cuda:0", entropy=2)
    rows = load_samples([tmp_path / "a", tmp_path / "b", tmp_path / "c"]).study("cost")
    assert set(rows["device"]) == {"cpu (a)", "cpu (b)", "cuda:0"}


def test_a_device_has_one_name_for_trials_and_costs(tmp_path: Path) -> None:
    """Other seeds, but the same replicates: both halves of a device go by the store's name."""
    for i, name in enumerate(("a", "b")):
        write_store(tmp_path / name, notebook=False, curves=False, first_seed=12 * i)
        write_costs(tmp_path / name, entropy=i)
    samples, registry = load_samples([tmp_path / "a", tmp_path / "b"]), load_registry()
    names = {"cpu (a)", "cpu (b)"}
    assert set(samples.trials["device"]) == set(samples.costs.rows["device"]) == names
    comparison = next(c for c in registry["L4"].comparisons if c.measure == "time_to_target")
    found = MEASURES["time_to_target"](samples, comparison, registry.chance)
    assert {c.condition["device"] for c in found} == names


def test_two_versions_of_the_measuring_code_are_refused(tmp_path: Path) -> None:
    write_costs(tmp_path / "a")
    write_costs(tmp_path / "b", version="v2")
    with pytest.raises(IncomparableError) as caught:
        load_costs({"a": tmp_path / "a", "b": tmp_path / "b"}, {})
    text = str(caught.value)
    assert "a and b have different code versions of the costs for dataset mnist, model mlp" in text
    assert "(a: v1…; b: v2…)" in text


def test_what_an_earlier_grid_measured_is_no_row(tmp_path: Path) -> None:
    write_costs(tmp_path)
    write_costs(tmp_path, threads=1, replicates=6)
    rows = load_costs({"a": tmp_path}, {}).rows
    assert len(rows) == 6 * 4
    assert set(rows["threads"]) == {1}
