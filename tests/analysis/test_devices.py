"""Devices side by side: accuracy that is equal, that differs, and that can't be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.devices import device_agreement, device_table, gate_table
from analysis.samples import load_samples
from suite.store import StoreWriter
from tests.synthetic import Truth, write_store

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from analysis.samples import Samples

MARGIN = 0.002
SMALL = {"batch_sizes": (64, 256), "learning_rates": (1e-3,), "notebook": False, "curves": False}
CHANCE = {"mnist": 0.1}


def two(path: Path, first: Truth, second: Truth, **changes: object) -> Samples:
    write_store(path / "a", first, device="cpu", **{**SMALL, **changes})
    write_store(path / "b", second, device="cuda:0", entropy=7, **{**SMALL, **changes})
    return load_samples([path / "a", path / "b"])


def row(found: pd.DataFrame, norm: str) -> pd.Series:
    (one,) = found[found["norm"] == norm].to_dict("records")
    return one


def test_the_same_truth_on_two_devices_is_equivalent(tmp_path: Path) -> None:
    truth = Truth(noise=0.02)
    found = device_agreement(two(tmp_path, truth, truth), MARGIN, CHANCE)
    assert set(found["word"]) == {"equivalent"}
    assert set(found["n"]) == {12}
    assert set(found["conditions"]) == {2}
    assert (found["p_equivalence"] < 0.05).all()
    assert (found["low"] < found["difference"]).all()
    assert (found["largest"].abs() >= found["difference"].abs()).all()


def test_another_truth_in_one_arm_is_seen_there_alone(tmp_path: Path) -> None:
    first, second = Truth(accuracy=0.01, noise=0.02), Truth(accuracy=0.0, noise=0.02)
    found = device_agreement(two(tmp_path, first, second), MARGIN, CHANCE)
    assert row(found, "none")["word"] == "equivalent"
    different = row(found, "batch")
    assert different["word"] == "different"
    assert different["difference"] == pytest.approx(0.01, abs=0.002)  # cpu minus cuda
    assert (different["device"], different["other_device"]) == ("cpu", "cuda:0")


def test_noise_wider_than_the_margin_shows_nothing(tmp_path: Path) -> None:
    truth = Truth(noise=0.6)
    found = device_agreement(two(tmp_path, truth, truth), MARGIN, CHANCE)
    assert set(found["word"]) == {"not shown"}


def test_few_seeds_give_no_word(tmp_path: Path) -> None:
    truth = Truth(noise=0.0)
    found = device_agreement(two(tmp_path, truth, truth, seeds=5), MARGIN, CHANCE)
    assert set(found["word"]) == {"too few seeds"}
    assert set(found["p_equivalence"]) == {1.0}


def test_lost_trials_are_counted_and_diverged_ones_guess(tmp_path: Path) -> None:
    def fate(trial):
        if trial.condition.norm == "none" and trial.condition.batch_size == 64:
            return {0: "missing", 1: "diverged"}.get(trial.seed, "ok")
        return "ok"

    truth = Truth(noise=0.0, fate=fate)
    found = device_agreement(two(tmp_path, truth, Truth(noise=0.0)), MARGIN, CHANCE)
    assert row(found, "none")["lost"] == 1
    assert row(found, "batch")["lost"] == 0
    assert row(found, "none")["word"] == "not shown"  # one seed guesses on one device only
    assert row(found, "none")["largest"] < -0.05


def test_three_devices_are_three_pairs(tmp_path: Path) -> None:
    for i, device in enumerate(("cpu", "cuda:0", "mps")):
        write_store(tmp_path / device[:3], device=device, entropy=i, **SMALL)
    found = device_agreement(
        load_samples([tmp_path / n for n in ("cpu", "cud", "mps")]), MARGIN, CHANCE
    )
    pairs = list(zip(found["device"], found["other_device"], strict=True))
    assert pairs == [("cpu", "cuda:0")] * 2 + [("cpu", "mps")] * 2 + [("cuda:0", "mps")] * 2


def test_one_device_has_nothing_to_agree_with(tmp_path: Path) -> None:
    write_store(tmp_path, **SMALL)
    assert device_agreement(load_samples(tmp_path), MARGIN, CHANCE).empty


def record(path: Path, device: str, name: str, machine: str, error: float) -> None:
    """Add a run that recorded its device, as real ones do."""
    info = {
        "devices": {device: {"device": device, "name": name, "memory_bytes": 2**33}},
        "device_checks": {device: {"output": error, "grad_input": error / 2}},
        "environment": {
            "machine": machine,
            "cpu": {"usable_cores": 4},
            "threads": 2,
            "torch": {"build": "2.13"},
        },
    }
    with StoreWriter(path) as store:
        planned = [(study, trial) for study, _, trial in store.planned()]
        store.begin_run("2026-01-02T00:00:00Z", info, store.studies(), planned)


def test_machines_with_the_same_device_name_are_described_apart(tmp_path: Path) -> None:
    for i, name in enumerate(("a", "b", "c")):
        write_store(tmp_path / name, first_seed=20 * i, **SMALL)
        record(tmp_path / name, "cpu", "Xeon", "m1" if name != "b" else "m2", 1e-7 * (i + 1))
    samples = load_samples([tmp_path / n for n in ("a", "b", "c")])
    assert set(samples.trials["device"]) == {"cpu (a + c)", "cpu (b)"}
    table = device_table(samples).set_index("device")
    assert table.loc["cpu (a + c)", "stores"] == "a, c"
    assert table.loc["cpu (b)", "hardware"] == "Xeon"
    assert table.loc["cpu (b)", "largest_error"] == pytest.approx(2e-7)
    assert table.loc["cpu (b)", ["cores", "threads", "torch"]].tolist() == [4, 2, "2.13"]
    gate = gate_table(samples)
    shown = gate.set_index(["device", "quantity"])["error"]
    assert shown["cpu (a + c)", "output"] == pytest.approx(1e-7)
    assert shown["cpu (b)", "grad_input"] == pytest.approx(1e-7)
    assert len(shown) == 4


def test_a_store_that_recorded_nothing_has_an_empty_description(tmp_path: Path) -> None:
    write_store(tmp_path, **SMALL)
    (only,) = device_table(load_samples(tmp_path)).to_dict("records")
    assert (only["device"], only["hardware"]) == ("cpu", "")
    assert np.isnan(only["largest_error"])
    assert gate_table(load_samples(tmp_path)).empty
