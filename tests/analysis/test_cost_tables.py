"""The tables of cost from stores whose truth is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.claims import load_registry
from analysis.cost_tables import cost_table, wall_clock_table
from analysis.samples import load_samples
from analysis.stats.paired import paired
from analysis.verdicts import judge_samples
from tests.synthetic import Truth, write_store
from tests.synthetic_costs import REPLICATES, write_costs

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def one(found: pd.DataFrame, **where: object) -> dict[str, object]:
    for column, value in where.items():
        found = found[found[column] == value]
    (row,) = found.to_dict("records")
    return row


def test_a_row_has_the_means_and_the_paired_ratio(tmp_path: Path) -> None:
    write_costs(tmp_path)
    samples = load_samples(tmp_path)
    found = cost_table(samples.costs)
    assert len(found) == 4
    batch = one(found, norm="batch", batch_size=64)
    rows = samples.costs.rows
    seconds = rows[(rows["batch_size"] == 64)].pivot_table(
        index="seed", columns="norm", values="pass_seconds@train_step"
    )
    assert batch["train_step_seconds"] == pytest.approx(math.exp(np.log(seconds["batch"]).mean()))
    test = paired(np.log(seconds["batch"] / seconds["none"]))
    assert batch["train_step_ratio"] == pytest.approx(math.exp(test.estimate))
    assert batch["train_step_ratio"] == pytest.approx(math.exp(0.14), rel=0.03)
    assert (batch["train_step_low"], batch["train_step_high"]) == pytest.approx(
        (math.exp(test.low), math.exp(test.high))
    )
    assert batch["training_bytes"] == pytest.approx(1.1e6)
    assert batch["replicates"] == REPLICATES
    assert batch["status"] == "ok"
    assert batch["flags"] == f"train step: spread {REPLICATES}/{REPLICATES}"
    none = one(found, norm="none", batch_size=64)
    assert math.isnan(none["train_step_ratio"])
    assert math.isnan(batch["peak_bytes"])
    assert math.isnan(batch["energy_joules"])


def test_what_was_lost_is_counted_and_leaves_its_pairs_out(tmp_path: Path) -> None:
    write_costs(tmp_path, skip=[("batch", 3), ("none", 5)])
    found = one(cost_table(load_samples(tmp_path).costs), norm="batch", batch_size=64)
    assert found["status"] == "oom"
    assert found["replicates"] == REPLICATES - 1
    assert found["train_step_ratio"] == pytest.approx(math.exp(0.14), rel=0.03)


def test_few_replicates_give_an_estimate_without_an_interval(tmp_path: Path) -> None:
    write_costs(tmp_path, replicates=3)
    found = one(cost_table(load_samples(tmp_path).costs), norm="batch", batch_size=64)
    assert math.isfinite(found["train_step_ratio"])
    assert math.isinf(found["train_step_high"])


def test_devices_and_machines_have_rows_of_their_own(tmp_path: Path) -> None:
    write_costs(tmp_path / "a")
    write_costs(tmp_path / "b", entropy=1, slower=0.3)
    found = cost_table(load_samples([tmp_path / "a", tmp_path / "b"]).costs)
    slower = {
        d: one(found, norm="batch", batch_size=64, device=d)["train_step_ratio"]
        for d in ("cpu (a)", "cpu (b)")
    }
    assert slower["cpu (a)"] == pytest.approx(math.exp(0.14), rel=0.03)
    assert slower["cpu (b)"] == pytest.approx(math.exp(0.30), rel=0.03)
    assert set(found["flags"]) == {f"train step: spread {REPLICATES}/{REPLICATES}"}


def test_nothing_measured_is_no_row(tmp_path: Path) -> None:
    write_store(tmp_path, notebook=False, curves=False, seeds=2)
    assert cost_table(load_samples(tmp_path).costs).empty


def test_the_time_to_the_target_has_an_interval_for_each_arm_and_the_ratio(tmp_path: Path) -> None:
    """14 % slower steps and exp(-.87) = 42 % of the steps: the ratio of seconds is exp(-.73)."""
    write_store(tmp_path, Truth(steps=0.87, noise=0.05), notebook=False, curves=False)
    write_costs(tmp_path)
    verdicts = judge_samples(load_samples(tmp_path), load_registry())
    found = wall_clock_table(tuple(verdicts))
    where = {"batch_size": 64, "learning_rate": 1e-3}
    batch, none = one(found, norm="batch", **where), one(found, norm="none", **where)
    assert batch["ratio"] == pytest.approx(math.exp(0.14 - 0.87), rel=0.1)
    assert batch["ratio_low"] < batch["ratio"] < batch["ratio_high"]
    assert math.isnan(none["ratio"])
    for arm in (batch, none):
        assert arm["low"] < arm["seconds"] < arm["high"]
        assert arm["n"] == 12
    assert batch["seconds"] / none["seconds"] == pytest.approx(batch["ratio"])


def test_no_times_no_table(tmp_path: Path) -> None:
    write_store(tmp_path, notebook=False, curves=False, seeds=2)
    verdicts = judge_samples(load_samples(tmp_path), load_registry())
    assert wall_clock_table(tuple(verdicts)).empty
