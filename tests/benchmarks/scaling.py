"""How a run's time grows with seeds, stacks and workers, and that its memory does not.

    python -m tests.benchmarks.scaling [seeds] [stacks] [workers] [memory] [ray]

prints a table for each. It trains ``mlp`` with batch norm at batch 64 on mnist5k, and needs the
machine for itself. Times are of training alone, from the first stack's start to the last one's end.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import psutil

from suite.data import load_dataset
from suite.environment import usable_cores
from suite.executors.base import StackFinished
from suite.executors.processes import ProcessExecutor
from suite.executors.shared import SharedDataset
from suite.executors.training import OpenTrainer
from suite.grid import parse_grid
from suite.planning import cut_stacks, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from suite.executors.base import Executor
    from suite.planning import Stack

STUDY = """
title = "scaling"
[[study]]
name = "grid"
why = "Scaling."
dataset = "mnist5k"
model = "mlp"
norm = "batch"
batch_size = 64
learning_rate = 1e-3
epochs = {epochs}
seeds = {seeds}
"""
ROUNDS = 3


def stacks(seeds: int, size: int, epochs: float) -> tuple[Stack, ...]:
    """Cut one condition's seeds into stacks."""
    grid = parse_grid(STUDY.format(seeds=seeds, epochs=epochs).encode(), name="scaling")
    plan = make_plan(grid, ["cpu"], lambda _: "data", lambda *_: "code")
    return cut_stacks(plan, dict.fromkeys(plan.shapes, size))


def processes(workers: int) -> Executor:
    """Make worker processes of one thread each."""
    shared = {"mnist5k": SharedDataset(load_dataset("mnist5k", data_dir=None))}
    return ProcessExecutor(
        OpenTrainer(shared, 1), workers=workers, threads=1, limit=lambda _: 3600.0
    )


def trained(executor: Executor, todo: tuple[Stack, ...]) -> float:
    """Train; give the seconds from the first start to the last end."""
    started = None
    for event in executor.run(todo, lambda: False):
        started = started or time.perf_counter()
        if isinstance(event, StackFinished):
            assert {result.status for result in event.results} == {"ok"}
    assert started is not None
    return time.perf_counter() - started


def interleaved(ways: dict[int, Callable[[], float]]) -> dict[int, float]:
    """Time ways in turn; give the median of each."""
    times: dict[int, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, run in ways.items():
            times[way].append(run())
    return {way: statistics.median(found) for way, found in times.items()}


def by_seeds() -> Iterator[str]:
    """Time against the number of seeds, in stacks of 12, on all cores."""
    cores = usable_cores()
    ways = {n: (lambda n=n: trained(processes(cores), stacks(n, 12, 2))) for n in (24, 48, 96, 192)}
    found = interleaved(ways)
    yield f"| seeds | seconds on {cores} workers | seconds a seed |\n|---|---|---|"
    yield from (f"| {n} | {s:.2f} | {s / n:.3f} |" for n, s in found.items())


def by_stacks() -> Iterator[str]:
    """Time against the size of the stack, on one worker."""
    ways = {n: (lambda n=n: trained(processes(1), stacks(48, n, 1))) for n in (1, 4, 12, 24, 48)}
    found = interleaved(ways)
    yield "| stack | seconds for 48 seeds | against a stack of one |\n|---|---|---|"
    yield from (f"| {n} | {s:.2f} | {found[1] / s:.2f}x |" for n, s in found.items())


def by_workers() -> Iterator[str]:
    """Time against the number of workers, for work that divides evenly."""
    cores = usable_cores()
    counts = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= cores]
    todo = 12 * 4 * max(counts)
    ways = {n: (lambda n=n: trained(processes(n), stacks(todo, 12, 2))) for n in counts}
    found = interleaved(ways)
    yield f"| workers | seconds for {todo} seeds | efficiency |\n|---|---|---|"
    yield from (f"| {n} | {s:.2f} | {found[1] / s / n:.0%} |" for n, s in found.items())


def on_ray() -> Iterator[str]:
    """Compare Ray with one and two cores."""
    from suite.code_version import code_version
    from suite.executors.ray_cluster import connected
    from suite.executors.ray_executor import RayExecutor
    from suite.executors.ray_worker import RayTrainer

    dataset = load_dataset("mnist5k", data_dir=None)
    grid = parse_grid(STUDY.format(seeds=96, epochs=4).encode(), name="scaling")
    plan = make_plan(grid, ["cpu"], lambda _: dataset.fingerprint, code_version)
    todo = cut_stacks(plan, dict.fromkeys(plan.shapes, 12))
    cluster = connected(None, 2)
    trainer = RayTrainer.of(cluster, {"mnist5k": dataset}, 1)

    def executor(most: int) -> Executor:
        return RayExecutor(cluster, trainer, threads=1, limit=lambda _: 3600.0, most=most)

    shared = {n: executor(n) for n in (1, 2)}
    for warm in shared.values():
        trained(warm, todo[:2])
    found = interleaved({n: (lambda n=n: trained(shared[n], todo)) for n in shared})
    cluster.close()
    yield "| stacks at a time on Ray | seconds for 96 seeds | efficiency |\n|---|---|---|"
    yield from (f"| {n} | {s:.2f} | {found[1] / s / n:.0%} |" for n, s in found.items())


def memory() -> Iterator[str]:
    """Resident memory, shared pages counted in part, against trials that are done."""
    executor = processes(usable_cores())
    done, rows = 0, []
    for event in executor.run(stacks(960, 12, 0.2), lambda: False):
        if isinstance(event, StackFinished):
            done += len(event.results)
            if done in (48, 120, 240, 480, 960) and executor._workers:  # type: ignore[attr-defined]
                here = psutil.Process().memory_full_info().pss
                theirs = [
                    psutil.Process(worker.process.pid).memory_full_info().pss
                    for worker in executor._workers  # type: ignore[attr-defined]
                ]
                rows.append((done, here / 2**20, max(theirs) / 2**20))
    yield "| trials done | this process, MiB | largest worker, MiB |\n|---|---|---|"
    yield from (f"| {n} | {here:.0f} | {there:.0f} |" for n, here, there in rows)


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "seeds": by_seeds,
    "stacks": by_stacks,
    "workers": by_workers,
    "memory": memory,
    "ray": on_ray,
}


if __name__ == "__main__":
    for name in sys.argv[1:] or ["seeds", "stacks", "workers", "memory"]:
        print(f"\n{TABLES[name].__doc__}\n", flush=True)
        for line in TABLES[name]():
            print(line, flush=True)
