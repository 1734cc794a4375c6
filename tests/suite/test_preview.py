"""What a dry run says is to be done is what the run would do."""

import dataclasses

import pytest

from suite import preview as preview_module
from suite.code_version import code_version, cost_version
from suite.cost.plan import plan_costs
from suite.cost_records import CostResult
from suite.grid import parse_grid
from suite.planning import make_plan
from suite.preview import preview
from suite.records import TrialResult
from suite.runner import Options, pending
from suite.store import StoreReader, StoreWriter
from tests.fakes import fake_result

GRID = parse_grid(
    b"""
title = "t"
[[study]]
name = "grid"
why = "x"
dataset = "mnist5k"
model = "mlp"
norm = ["none", "batch"]
batch_size = 64
learning_rate = 1e-3
epochs = 1
seeds = 3
[cost]
why = "x"
dataset = "mnist5k"
model = "mlp"
norm = "none"
batch_size = 64
replicates = 4
""",
    name="g",
)
PLAN = make_plan(GRID, ["cpu"], lambda _: "data", code_version)
COSTS = plan_costs(GRID.cost, ["cpu"], cost_version)


@pytest.fixture
def out(tmp_path):
    """Six trials, one of which failed, and three of four costs, two of which failed."""
    first, *rest = PLAN.trials.values()
    failed = TrialResult(trial=first, status="failed", reason="x")
    begin(tmp_path, Options(), [failed, *map(fake_result, rest)], finished="later")
    with StoreWriter(tmp_path) as store:
        for replicate, status in zip(COSTS, ("ok", "failed", "oom"), strict=False):
            cost = CostResult(task=replicate.tasks[0], status=status, reason="x")
            store.add_costs(1, [cost])
    return tmp_path


def begin(out, options, results, finished=None):
    info = {"fingerprints": {"mnist5k": "data"}, "options": dataclasses.asdict(options)}
    with StoreWriter(out) as store:
        run = store.begin_run("now", info, PLAN.studies, PLAN.planned)
        store.add(run, results)
        if finished:
            store.finish_run(run, finished)


def said(out, options):
    seen = preview(GRID, out, "cpu", options)
    with StoreReader(out) as store:
        assert seen.wanted == pending(PLAN, store, options)
    text = " ".join(seen.lines())
    return len(seen.wanted), text[: text.index(" to do after")].split()[-1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), (0, "1")),
        (Options(fail_fast=True), (0, "1")),
        (Options(retry_failed=True), (1, "3")),
        (Options(force=True), (6, "4")),
    ],
)
def test_what_is_done_is_what_the_run_would_skip(out, options, expected):
    assert said(out, options) == expected


def test_a_forced_run_that_was_stopped_goes_on(out):
    forced = Options(force=True)
    begin(out, forced, [fake_result(trial) for trial in list(PLAN.trials.values())[:2]])
    assert said(out, forced) == (4, "4")


def test_without_a_store_all_is_to_do(tmp_path):
    seen = preview(GRID, tmp_path, "cpu", Options(retry_failed=True))
    assert len(seen.wanted) == 6


def test_on_a_gpu_it_says_what_its_estimates_are_for(tmp_path, monkeypatch):
    monkeypatch.setattr(preview_module, "parse_devices", lambda _: ["cuda:0"])
    (note, *_) = preview(GRID, tmp_path, "cuda", Options()).notes
    assert note == "cuda:0: time and memory are estimated as on the CPU"
