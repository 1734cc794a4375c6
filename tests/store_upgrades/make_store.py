"""Made the dumps beside it: run with ``PYTHONPATH`` at a checkout of the commit that a dump names.

``python make_store.py DUMP`` makes a small store with that commit's own code and writes it as SQL.
"""

import contextlib
import math
import sqlite3
import sys
import tempfile
from pathlib import Path

from suite.records import Budget, Condition, Curve, Outcome, Protocol, Trial, TrialResult
from suite.store import StoreWriter

TRIALS = [
    Trial(
        condition=Condition(
            dataset="mnist5k", model="mlp", norm=norm, batch_size=64, learning_rate=1e-3
        ),
        seed=seed,
        protocol=Protocol(budget=Budget(epochs=1)),
        device="cpu",
        data_fingerprint="data",
        code_version="code",
    )
    for norm in ("none", "batch")
    for seed in (0, 1)
]


def results() -> list[TrialResult]:
    done = [
        TrialResult(
            trial=trial,
            status="ok",
            stack_size=2,
            seconds=0.5,
            outcomes=(
                Outcome("steps_to_target", math.inf, "0.9"),
                Outcome("test_accuracy", 0.1 * i + 0.01),
            ),
            curves=(Curve("validation_loss", (0, 1, 5), (2.3, 1 / 3, 0.1)),),
        )
        for i, trial in enumerate(TRIALS[:2])
    ]
    return [*done, TrialResult(trial=TRIALS[2], status="failed", reason="an error\nin two lines")]


def write(out: Path) -> None:
    with StoreWriter(out) as store:
        run = store.begin_run(
            "2025-01-01T00:00:00+00:00",
            {"command": ["python", "-m", "suite.run"], "grid": {"name": "old"}},
            [("grid", "Kept for upgrades.")],
            [("grid", trial) for trial in TRIALS],
        )
        store.add(run, results()[:2])
        store.add(run, results()[2:])
        store.keep_stack_size("4 × shape", 2, {1: 0.2, 2: 0.1})
        if hasattr(store, "add_costs"):
            from suite.cost_records import CostProtocol, CostResult, CostTask, Timing

            task = CostTask(
                condition=TRIALS[0].condition,
                replicate=0,
                protocol=CostProtocol(threads=1),
                device="cpu",
                code_version="code",
            )
            if hasattr(store, "plan_costs"):
                store.plan_costs([task])
            timing = Timing("forward", 1, (0.1, 0.3), ("spread",))
            found = (Outcome("pass_seconds", 0.2, "forward"),)
            store.add_costs(
                run, [CostResult(task=task, status="ok", outcomes=found, timings=(timing,))]
            )
        store.finish_run(run, "2025-01-01T00:01:00+00:00")


def dump(file: Path) -> str:
    with contextlib.closing(sqlite3.connect(file)) as db:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        lines = [line.replace(",Inf)", ",9e999)") for line in db.iterdump()]  # SQL has no Inf
    identity = [f"PRAGMA application_id = {application};", f"PRAGMA user_version = {version};"]
    return "\n".join([*lines, *identity, ""])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        Path(sys.argv[1]).write_text(dump(Path(folder) / "store.sqlite"))
