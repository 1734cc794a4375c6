"""A store whose runs had different settings says so in its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from analysis.report.banners import banners
from analysis.samples import load_samples
from suite.store import StoreWriter
from tests.fakes import fake_result, tiny_plan

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS: dict[str, Any] = {
    "executor": {"name": "processes", "processes": 2, "threads": 1},
    "environment": {
        "python": "CPython 3.11.7",
        "threads": 2,
        "cpu": {"capability": "AVX2"},
        "versions": {"torch": "2.13.0", "torchvision": "0.28.0", "numpy": "2.4.6", "rich": "15"},
    },
}


def write(out: Path, *runs: dict[str, Any], seeds: int = 2) -> None:
    """Store the same number of trials by each run."""
    plan = tiny_plan(seeds=seeds)
    trials = list(plan.trials.values())
    share = len(trials) // 2
    with StoreWriter(out) as store:
        for i, info in enumerate(runs):
            run = store.begin_run("now", info, plan.studies, plan.planned)
            store.add(run, [fake_result(t) for t in trials[i * share : (i + 1) * share]])
            store.finish_run(run, "later")


def mixed(*folders: Path) -> list[str]:
    found = banners(load_samples(folders), "hash")
    return [banner.text for banner in found if banner.kind == "mixed"]


def environment(**changes: Any) -> dict[str, Any]:
    return SETTINGS | {"environment": SETTINGS["environment"] | changes}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (SETTINGS | {"executor": {"threads": 2}}, "threads 1 and 2"),
        (environment(cpu={"capability": "AVX512"}), "CPU instructions AVX2 and AVX512"),
        (environment(versions={"torch": "2.14.0"}), "torch 2.13.0 and 2.14.0"),
        (environment(python="CPython 3.12.1"), "Python CPython 3.11.7 and CPython 3.12.1"),
    ],
)
def test_runs_that_differ_are_named(tmp_path: Path, other: dict[str, Any], words: str) -> None:
    write(tmp_path / "results", SETTINGS, other)
    (text,) = mixed(tmp_path / "results")
    assert text.startswith(f"Runs of results had {words}. Trials of the same seed may differ")


def test_runs_that_agree_or_trained_nothing_raise_no_mark(tmp_path: Path) -> None:
    write(tmp_path / "same", SETTINGS, environment(load_at_start=3.0))
    write(tmp_path / "again", SETTINGS, SETTINGS, environment(versions={"torch": "9"}))
    write(tmp_path / "unknown", SETTINGS, {})
    for name in ("same", "again", "unknown"):
        assert mixed(tmp_path / name) == []


def test_machines_side_by_side_are_no_mixture(tmp_path: Path) -> None:
    write(tmp_path / "a", SETTINGS, SETTINGS)
    write(tmp_path / "b", *[environment(cpu={"capability": "NEON"})] * 2)
    assert mixed(tmp_path / "a", tmp_path / "b") == []
