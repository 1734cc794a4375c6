"""Stores to frames: every planned trial is a row, and only what is comparable is merged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.samples import load_samples
from suite.errors import IncomparableError, StoreError, UsageError
from suite.records import AXES, Budget, Condition, Protocol, Trial
from suite.store import StoreReader, StoreWriter
from tests.synthetic import Truth, write_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.synthetic import Fate

SMALL = {"seeds": 3, "batch_sizes": (64, 256), "learning_rates": (1e-3, 1e-1)}


def fate(trial: Trial) -> Fate:
    """One trial of each kind among those at batch size 64."""
    c = trial.condition
    if c.batch_size != 64 or c.learning_rate != 0.1 or trial.protocol.split == "all":
        return "ok"
    kinds: dict[tuple[str, int], Fate] = {
        ("none", 0): "diverged",
        ("none", 1): "missing",
        ("batch", 0): "undefined",
        ("batch", 1): "failed",
        ("batch", 2): "oom",
    }
    return kinds.get((c.norm, trial.seed), "ok")


def test_every_planned_trial_is_a_row(tmp_path: Path) -> None:
    write_store(tmp_path, Truth(fate=fate), **SMALL)
    trials = load_samples(tmp_path).trials
    assert len(trials) == 2 * 2 * 2 * 3 + 2 * 3
    assert trials["status"].value_counts().to_dict() == {
        "ok": 25, "diverged": 1, "missing": 1, "undefined": 1, "failed": 1, "oom": 1,
    }  # fmt: skip
    missing = trials[trials["status"] == "missing"].iloc[0]
    assert (missing["norm"], missing["seed"], missing["learning_rate"]) == ("none", 1, 0.1)
    assert math.isnan(missing["test_accuracy"])
    diverged = trials[trials["status"] == "diverged"].iloc[0]
    assert diverged["diverged_step"] > 0
    assert math.isinf(diverged["steps_to_target@0.95"])


def test_a_run_may_store_more_while_a_report_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report of low priority checks a store for minutes, and the run must not wait for it."""
    write_store(tmp_path, **SMALL)
    verify = StoreReader.verify
    with StoreWriter(tmp_path) as store:
        monkeypatch.setattr("suite.store.writer.WAIT_SECONDS", -1.0)
        store.rows("PRAGMA busy_timeout = 0")

        def slow(reader: StoreReader) -> None:
            verify(reader)
            store.begin_run("now", {}, [], [])
            verify(reader)

        monkeypatch.setattr(StoreReader, "verify", slow)
        samples = load_samples(tmp_path)
        assert len(samples.trials) == 2 * 2 * 2 * 3 + 2 * 3
        assert len(samples.runs) + 1 == len(store.runs())


def test_frames_hold_what_the_store_holds(tmp_path: Path) -> None:
    write_store(tmp_path, **SMALL)
    samples = load_samples(tmp_path)
    by_key = samples.trials.set_index("key")
    curves = samples.curves("trace_loss")
    with StoreReader(tmp_path) as store:
        results = list(store.results())
    assert len(results) == len(by_key)
    for result in results:
        row = by_key.loc[result.trial.key]
        for axis in AXES:
            value = getattr(result.trial.condition, axis)
            assert row[axis] == value if value is not None else row.isna()[axis]
        for outcome in result.outcomes:
            name = f"{outcome.quantity}@{outcome.facet}" if outcome.facet else outcome.quantity
            assert row[name] == outcome.value
        (stored,) = (c for c in result.curves if c.quantity == "trace_loss")
        mine = curves[curves["key"] == result.trial.key]
        np.testing.assert_array_equal(mine["step"], stored.steps)
        np.testing.assert_array_equal(mine["value"], stored.values)
    assert set(samples.studies) == {"grid", "notebook"}
    assert samples.runs[0]["grid"]["name"] == "synthetic"
    assert samples.facets("steps_to_target") == ["0.90", "0.95", "0.97"]


def test_curves_of_one_study(tmp_path: Path) -> None:
    write_store(tmp_path, **SMALL)
    samples = load_samples(tmp_path)
    frame = samples.curves("validation_accuracy")
    assert set(frame["study"]) == {"grid"}  # the notebook's protocol has no validation
    assert samples.curves("validation_accuracy", "notebook").empty
    assert len(samples.curves("trace_loss", "notebook")) > 0
    assert set(AXES) <= set(frame.columns)


def test_the_budget_is_known_for_a_trial_that_fell_short(tmp_path: Path) -> None:
    write_store(tmp_path, Truth(fate=fate), **SMALL)
    grid = load_samples(tmp_path).study("grid")
    assert set(grid[grid["batch_size"] == 64]["budget_steps"]) == {5 * math.ceil(55_000 / 64)}
    assert grid[grid["status"] == "diverged"].iloc[0]["steps"] < grid["budget_steps"].min()


def test_an_empty_store_gives_missing_rows(tmp_path: Path) -> None:
    write_store(tmp_path, Truth(fate=lambda _: "missing"), **SMALL)
    samples = load_samples(tmp_path)
    assert set(samples.trials["status"]) == {"missing"}
    assert samples.curves("trace_loss").empty
    assert "trials" in repr(samples)


def test_no_store_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="run a grid first"):
        load_samples(tmp_path)


def test_stores_of_two_devices_stand_side_by_side(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_store(tmp_path / name, device=f"device-{name}", **SMALL)
    samples = load_samples([tmp_path / "a", tmp_path / "b"])
    alone = load_samples(tmp_path / "a")
    assert len(samples.trials) == 2 * len(alone.trials)
    assert set(samples.trials["device"]) == {"device-a", "device-b"}
    assert len(samples.curves("trace_loss")) == 2 * len(alone.curves("trace_loss"))
    assert [run["store"] for run in samples.runs] == ["a", "b"]


def test_the_same_trials_of_two_machines_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_store(tmp_path / name, **SMALL)
    samples = load_samples([tmp_path / "a", tmp_path / "b"])
    assert set(samples.trials["device"]) == {"cpu (a)", "cpu (b)"}


def test_more_seeds_from_a_second_store_are_one_sample(tmp_path: Path) -> None:
    write_store(tmp_path / "a", **SMALL)
    write_store(tmp_path / "b", first_seed=3, **SMALL)
    grid = load_samples([tmp_path / "a", tmp_path / "b"]).study("grid")
    assert set(grid["device"]) == {"cpu"}
    assert set(grid["seed"]) == set(range(6))


@pytest.mark.parametrize(("changes", "words"), [
    ({"data_version": "data-2"}, "different data fingerprints for dataset mnist"),
    ({"code_version": "code-2"}, "different code versions"),
    ({"epochs": 1}, "different protocols for study grid"),
])  # fmt: skip
def test_what_differs_is_not_merged(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    write_store(tmp_path / "first", **SMALL)
    write_store(tmp_path / "second", **{**SMALL, **changes})
    with pytest.raises(IncomparableError) as caught:
        load_samples([tmp_path / "first", tmp_path / "second"])
    text = str(caught.value)
    assert words in text
    assert "first" in text
    assert "second" in text
    assert "\n" not in text


def planned_with_probes(path: Path, versions: dict[str, str]) -> None:
    """Plan two studies of the same condition, whose probes are part of what their trials run."""
    condition = Condition(
        dataset="mnist", model="mlp", norm="batch", batch_size=64, learning_rate=1e-3
    )
    planned = [
        (
            study,
            Trial(
                condition=condition,
                seed=0,
                protocol=Protocol(budget=Budget(epochs=1), probes=probes),
                device="cpu",
                data_fingerprint="data",
                code_version=versions[study],
            ),
        )
        for study, probes in (("plain", ()), ("probed", ("gradient_norm",)))
    ]
    with StoreWriter(path) as store:
        store.begin_run("2026-01-01T00:00:00Z", {}, [("plain", "x"), ("probed", "y")], planned)


def test_studies_with_other_probes_run_other_code_and_still_merge(tmp_path: Path) -> None:
    for name in ("a", "b"):
        planned_with_probes(tmp_path / name, {"plain": "v1", "probed": "v1 with probes"})
    assert len(load_samples([tmp_path / "a", tmp_path / "b"]).trials) == 4
    planned_with_probes(tmp_path / "c", {"plain": "v1", "probed": "v2 with probes"})
    with pytest.raises(IncomparableError, match="probes gradient_norm"):
        load_samples([tmp_path / "a", tmp_path / "c"])


def test_one_store_twice_is_refused(tmp_path: Path) -> None:
    write_store(tmp_path, **SMALL)
    with pytest.raises(UsageError, match="twice"):
        load_samples([tmp_path, tmp_path])
