"""The section of costs: what it says of one store, of two machines, and of nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from analysis.report.build import build_report
from analysis.report.costs import _flags, cost_tables
from analysis.report.studio import Studio
from analysis.report.workers import Workers
from analysis.samples import load_samples
from analysis.verdicts import judge_samples
from suite.store import StoreWriter
from tests.synthetic import Truth, write_store
from tests.synthetic_costs import REPLICATES, write_costs

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.report.view import CostBlock
    from analysis.samples import Samples

SMALL = {"batch_sizes": (64, 1024), "learning_rates": (1e-3,), "notebook": False, "curves": False}


def fill(path: Path, machine: str, *, entropy: int = 0, threads: int = 2) -> Path:
    """Write trials and costs, and a run that recorded where it took place."""
    write_store(path, Truth(noise=0.02), entropy=entropy, **SMALL)
    write_costs(path, entropy=entropy, threads=threads)
    info = {
        "devices": {"cpu": {"name": "Xeon", "memory_bytes": 2**33, "capability": "AVX2"}},
        "device_checks": {"cpu": {"output (serial, vectors)": 1.5e-7}},
        "environment": {"machine": machine, "cpu": {"usable_cores": 2}, "threads": 2},
    }
    with StoreWriter(path) as store:
        planned = [(study, trial) for study, _, trial in store.planned()]
        run = store.begin_run("2026-01-02T00:00:00Z", info, store.studies(), planned)
        store.finish_run(run, "2026-01-02T01:00:00Z")
    return path


def blocks(samples: Samples) -> tuple[CostBlock, ...]:
    found = cost_tables(samples, tuple(judge_samples(samples)), Studio(Workers(0, samples)))
    assert found is not None
    assert [name for name, _ in found.claims] == ["L3", "L4", "B5"]
    return found.blocks


def texts(block: CostBlock) -> list[list[str]]:
    return [[cell.text for cell in row] for row in block.table.rows]


def column(block: CostBlock, title: str) -> list[str]:
    place = [c.title for c in block.table.columns].index(title)
    return [row[place] for row in texts(block)]


def test_one_device_has_a_table_with_ratios_flags_and_times_to_the_target(tmp_path: Path) -> None:
    samples = load_samples(fill(tmp_path, "m1"))
    costs, times = blocks(samples)
    assert costs.title == "On cpu: Xeon"
    assert f"{REPLICATES} fresh processes with 2 CPU threads" in costs.text
    assert "4 rows of 4 carry a flag" in costs.text
    assert column(costs, "norm") == ["none", "batch", "none", "batch"]
    assert column(costs, "batch size") == ["64", "64", "1024", "1024"]
    ratios = column(costs, "against none")
    assert ratios[0] == "–"
    assert ratios[1].startswith("× 1.1")
    assert "[" in ratios[1]
    assert set(column(costs, "flags")) == {f"spread in {REPLICATES} of {REPLICATES}"}
    assert "energy (mJ)" not in [c.title for c in costs.table.columns]
    assert costs.figures == ()  # the claims have them
    assert times.title == "Time to the target"
    assert {"none", "batch"} == set(column(times, "norm"))
    assert column(times, "ratio").count("–") == len(times.table.rows) // 2


def test_two_machines_stand_side_by_side_each_with_its_figures(tmp_path: Path) -> None:
    stores = [fill(tmp_path / "a", "m1"), fill(tmp_path / "b", "m2", entropy=3, threads=4)]
    samples = load_samples(stores)
    first, second, _ = blocks(samples)
    assert (first.title, second.title) == ("On cpu (a): Xeon", "On cpu (b): Xeon")
    assert first.figures == ()
    assert {f.id.split("-")[-1] for f in second.figures} >= {"batch", "kinds", "throughput"}
    assert len({f.id for f in second.figures}) == len(second.figures)
    assert all(f.id.startswith("cpu-b-") for f in second.figures)


def test_nothing_measured_is_no_table_of_costs(tmp_path: Path) -> None:
    write_store(tmp_path, seeds=2, **SMALL)
    samples = load_samples(tmp_path)
    assert cost_tables(samples, tuple(judge_samples(samples)), Studio(Workers(0, samples))) is None


@pytest.mark.parametrize("stores", [1, 2])
def test_the_page_has_the_section_once_and_no_id_twice(tmp_path: Path, stores: int) -> None:
    paths = [fill(tmp_path / n, n, entropy=i) for i, n in enumerate("ab"[:stores])]
    html = build_report(paths, tmp_path / "out").path.read_text("utf-8")
    assert html.count('id="costs-title"') == 1
    assert "Time and memory of every network on cpu" in html
    assert 'href="#L4"' in html
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_flags_are_counted_over_all_timings_of_a_row() -> None:
    assert _flags("") == ""
    assert _flags("forward: spread 9/12, load 1/12; train step: spread 11/12") == (
        "spread in 20 of 24, load in 1 of 12"
    )
