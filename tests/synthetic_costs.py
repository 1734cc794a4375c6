"""Stores with costs of a known truth, written through the real writer; nothing is measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from suite.cost.plan import CostStudy, plan_costs
from suite.cost_records import CostProtocol, CostResult, Timing
from suite.records import Condition, Outcome
from suite.store import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REPLICATES = 12
BATCHES = (64, 1024)


def write_costs(
    path: Path,
    *,
    slower: float = 0.14,
    noise: float = 0.02,
    replicates: int = REPLICATES,
    device: str = "cpu",
    version: str = "v1",
    threads: int = 2,
    skip: Sequence[tuple[str, int]] = (),
    entropy: int = 0,
) -> None:
    """Batch norm's step takes exp(slower) times as long; a replicate has its own level."""
    conditions = tuple(
        Condition(dataset="mnist", model="mlp", norm=norm, batch_size=b, learning_rate=1e-3)
        for b in BATCHES
        for norm in ("none", "batch")
    )
    study = CostStudy("why", conditions, replicates, CostProtocol(threads=threads))
    plan = plan_costs(study, [device], lambda c: version)
    source = np.random.default_rng(entropy)
    with StoreWriter(path) as store:
        run = store.begin_run("2026-01-01T00:00:00Z", {}, [], []) if not store.runs() else 1
        store.plan_costs(task for replicate in plan for task in replicate.tasks)
        for replicate in plan:
            level = source.normal(0, 0.3)
            results = []
            for task in replicate.tasks:
                batch = task.condition.norm == "batch"
                rows = task.condition.batch_size
                step = math.exp(
                    level + slower * batch + 0.5 * math.log(rows) + source.normal(0, noise)
                )
                if (task.condition.norm, task.replicate) in skip:
                    results.append(CostResult(task=task, status="oom", reason="no room"))
                    continue
                results.append(
                    CostResult(
                        task=task,
                        status="ok",
                        hardware="simulated",
                        outcomes=(
                            Outcome("pass_seconds", step, "train_step"),
                            Outcome("images_per_second", rows / step, "train_step"),
                            Outcome("pass_seconds", step / 3, "inference"),
                            *([Outcome("pass_seconds", step / 4, "inference_folded")] * batch),
                            Outcome("training_bytes", 1e6 * (1.0 + 0.1 * batch)),
                            Outcome("memory_bytes", 1e5 * (1.0 + batch), "saved_activations"),
                        ),
                        timings=(Timing("train_step", 4, (step, 2 * step, 3 * step), ("spread",)),),
                    )
                )
            store.add_costs(run, results)
