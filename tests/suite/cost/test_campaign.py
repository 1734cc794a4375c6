"""Plan, resume and store of costs, with a measurement that is made up."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from suite.cost.campaign import CostsMeasured, measure_costs
from suite.cost.plan import CostStudy, Replicate, pending, plan_costs
from suite.cost_records import CostProtocol, CostResult, Timing
from suite.errors import InterruptedRunError, UnknownNameError
from suite.records import Condition, Outcome
from suite.runner import Options, settled, unsuccessful_costs
from suite.store import StoreReader, StoreWriter

if TYPE_CHECKING:
    from pathlib import Path

STUDY = CostStudy(
    "why",
    tuple(
        Condition(dataset="mnist", model="mlp", norm=n, batch_size=b, learning_rate=1e-3)
        for b in (16, 64)
        for n in ("none", "batch")
    ),
    replicates=3,
    protocol=CostProtocol(threads=1),
)
PLAIN = Options()
PLAN = plan_costs(STUDY, ["cpu", "cuda:0"], lambda condition: f"v {condition.norm}")


def never() -> bool:
    return False


class Measurement:
    """Notes what it is asked for; the k-th replicate takes k seconds a pass."""

    def __init__(self, status: str = "ok", stop_after: int = 99) -> None:
        self.asked: list[tuple[str, int]] = []
        self.status = status
        self.stop_after = stop_after

    def __call__(self, replicate: Replicate, should_stop: object) -> tuple[CostResult, ...]:
        if len(self.asked) == self.stop_after:
            raise InterruptedRunError("stopped")
        self.asked.append((replicate.device, replicate.number))
        return tuple(
            CostResult(
                task=task,
                status=self.status,  # type: ignore[arg-type]
                reason="" if self.status == "ok" else "it broke",
                outcomes=(Outcome("pass_seconds", 1.0 + replicate.number, "forward"),),
                timings=(Timing("forward", 1, (1.0, 1.0 + replicate.number), ("spread",)),),
            )
            for task in replicate.tasks
        )


@pytest.fixture
def store(tmp_path: Path) -> StoreWriter:
    return StoreWriter(tmp_path)


def campaign(
    store: StoreWriter, measure: Measurement, options: Options = PLAIN
) -> list[CostsMeasured]:
    """Measure as a run would that was just started and will not say that it has ended."""
    run = store.begin_run("2026-01-01T00:00:00Z", {"options": dataclasses.asdict(options)}, [], [])
    store.plan_costs(task for replicate in PLAN for task in replicate.tasks)
    events: list[CostsMeasured] = []
    measure_costs(
        PLAN,
        store,
        run,
        done=settled(store, options, store.cost_statuses(), store.measured_by()),
        should_stop=never,
        on_measured=events.append,
        measure=measure,
    )
    return events


def test_the_plan_crosses_conditions_devices_and_replicates() -> None:
    assert [(r.device, r.number) for r in PLAN[:3]] == [("cpu", 0), ("cuda:0", 0), ("cpu", 1)]
    assert len(PLAN) == 6
    assert {len(r.tasks) for r in PLAN} == {4}
    assert len({t.key for r in PLAN for t in r.tasks}) == 24
    assert PLAN[0].tasks[1].code_version == "v batch"


def test_everything_is_stored_and_told(store: StoreWriter) -> None:
    events = campaign(store, Measurement())
    assert [(e.done, e.total) for e in events] == [(i, 6) for i in range(1, 7)]
    assert events[0].flags == {"spread": 4}
    stored = store.costs()
    assert {c.task.key for c in stored} == {t.key for r in PLAN for t in r.tasks}
    assert all(c.timings[0].seconds == (1.0, 1.0 + c.task.replicate) for c in stored)
    with StoreReader(store.path) as reader:
        planned = reader.planned_costs()
        assert sorted(planned, key=lambda t: t.key) == planned
        assert {t.key for t in planned} == {c.task.key for c in stored}
        assert reader.costs() == stored


def test_what_is_done_is_skipped_and_a_stopped_campaign_goes_on(store: StoreWriter) -> None:
    with pytest.raises(InterruptedRunError):
        campaign(store, Measurement(stop_after=2))
    assert len(store.costs()) == 8
    assert len(store.planned_costs()) == 24
    rest = Measurement()
    events = campaign(store, rest)
    assert rest.asked == [(r.device, r.number) for r in PLAN[2:]]
    assert events[0].done == 3
    again = Measurement()
    assert campaign(store, again) == []
    assert again.asked == []


def test_failures_are_told_and_measured_again_only_where_asked(store: StoreWriter) -> None:
    events = campaign(store, Measurement("failed"))
    assert events[0].failures == ("it broke",) * 4
    again = Measurement()
    campaign(store, again)
    assert again.asked == []
    # A later run, which measured nothing, counts them too; but only those that it plans.
    assert unsuccessful_costs(PLAN, store.cost_statuses()) == 24
    assert unsuccessful_costs(PLAN[:1], store.cost_statuses()) == 4
    campaign(store, again, Options(retry_failed=True))
    assert len(again.asked) == 6
    assert set(store.cost_statuses().values()) == {"ok"}
    assert unsuccessful_costs(PLAN, store.cost_statuses()) == 0


def test_a_replicate_is_measured_whole() -> None:
    """Arms come from one process: a replicate that lacks one arm is measured again with all."""
    done = {t.key for r in PLAN for t in r.tasks}
    assert pending(PLAN, done) == ()
    done.remove(PLAN[2].tasks[3].key)
    assert pending(PLAN, done) == (PLAN[2],)


def test_force_measures_again_and_goes_on_where_it_was_stopped(store: StoreWriter) -> None:
    campaign(store, Measurement())
    forced = Options(force=True)
    with pytest.raises(InterruptedRunError):
        campaign(store, Measurement(stop_after=4), forced)
    rest = Measurement()
    campaign(store, rest, forced)
    assert rest.asked == [(r.device, r.number) for r in PLAN[4:]]
    store.finish_run(store.runs()[-1]["id"], "2026-01-01T01:00:00Z")
    anew = Measurement()
    campaign(store, anew, forced)
    assert len(anew.asked) == 6


def test_an_unknown_quantity_is_refused(store: StoreWriter) -> None:
    run = store.begin_run("2026-01-01T00:00:00Z", {}, [], [])
    result = CostResult(task=PLAN[0].tasks[0], status="ok", outcomes=(Outcome("pass_secnds", 1.0),))
    with pytest.raises(UnknownNameError, match="pass_seconds"):
        store.add_costs(run, [result])
    assert store.costs() == []


def test_planning_and_storing_need_no_torch() -> None:
    code = (
        "import sys; import suite.cost.campaign, suite.code_version; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
