"""One replicate in a fresh process: tasks as JSON on standard input, results on standard output.

    python -m suite.cost.worker < tasks.json > results.json

With the number of an open pipe as argument it ends, in a session of its own, when the pipe does.

Order: peaks of the resident set first, each in a child that is forked before anything was computed
here; then every network is built, counted and tried; then all of them are timed beside each other.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import random
import sys
import traceback
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import torch

from suite.cost.clock import PerformanceClock
from suite.cost.energy import EnergyCounter
from suite.cost.lifeline import end_with
from suite.cost.load import LoadMeter, is_loaded
from suite.cost.memory import memory_by_kind, peak_allocated, peak_resident
from suite.cost.network import Network, build_network, build_trainee
from suite.cost.operations import count_bytes_moved, count_flops, matmul_peak
from suite.cost.protocol import Cell, time_cells
from suite.cost_records import CostResult, CostTask, Timing, cost_task_from_raw
from suite.devices import describe_device, is_cuda, use_full_precision
from suite.out_of_memory import is_out_of_memory
from suite.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.cost.protocol import CellTimes, Clock
    from suite.records import Condition, Status

_SMALL_BATCH: Final = 2


@dataclass(frozen=True)
class Prepared:
    """A network that is ready to be timed, with all that was counted about it."""

    network: Network
    outcomes: tuple[Outcome, ...]
    flops: dict[str, int]


@dataclass(frozen=True)
class Unmeasured:
    """Why there is no network to time."""

    status: Status
    reason: str


def measure(tasks: Sequence[CostTask], clock: Clock) -> list[CostResult]:
    """Measure tasks of one device, replicate and protocol beside each other.

    Parameters
    ----------
    tasks
        At least one.
    clock
        Read around every sample.

    Returns
    -------
    list of CostResult
        One for each task, in their order; one that fails takes no other with it.
    """
    device, protocol = tasks[0].device, tasks[0].protocol
    if {(t.device, t.protocol, t.replicate) for t in tasks} != {
        (device, protocol, tasks[0].replicate)
    }:
        raise ValueError("tasks of one process share device, protocol and replicate")
    torch.set_num_threads(protocol.threads)
    use_full_precision()
    if is_cuda(device):
        torch.cuda.set_device(device)  # what asks for no device by name would start on another too
    synchronise = synchronisation(device)
    # The first optimizer loads much of PyTorch; here once, and not again in each child.
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    gc.collect()
    gc.freeze()  # a child's collector would walk, and so copy, all of torch: 0.3 s each
    peaks = [_peak(task) for task in tasks]
    gc.unfreeze()
    prepared = [_prepare(task) for task in tasks]
    activities = [
        (place, name, run)
        for place, found in enumerate(prepared)
        if isinstance(found, Prepared)
        for name, run in found.network.activities().items()
    ]
    meter = LoadMeter()
    order = random.Random(f"cost order {tasks[0].replicate}")  # noqa: S311  an order, no secret
    cells = [Cell(run, synchronise) for _, _, run in activities]
    times = time_cells(cells, protocol, clock, order)
    peak_rate = matmul_peak(device, clock, protocol, synchronise)
    load = meter.other_cores()
    energy = EnergyCounter.of(device)
    shared = (Outcome("matmul_peak", peak_rate), Outcome("other_load", load))
    hardware = describe_device(device).name
    results = []
    for place, (task, found, peak) in enumerate(zip(tasks, prepared, peaks, strict=True)):
        if isinstance(found, Unmeasured):
            results.append(
                CostResult(task=task, status=found.status, reason=found.reason, hardware=hardware)
            )
            continue
        timings, outcomes = [], [*found.outcomes, *peak, *shared]
        for (where, name, run), taken in zip(activities, times, strict=True):
            if where != place:
                continue
            timings.append(_timing(name, taken, load))
            rates = _rates(name, taken, task.condition, found.flops[name], peak_rate)
            outcomes += rates
            if energy is not None and name == "train_step" and taken.median > 0:
                joules = energy.joules_per_pass(
                    run, synchronise, clock, protocol.energy_seconds, taken.median
                )
                outcomes += [] if joules is None else [Outcome("energy_joules", joules, name)]
        undefined = found.network.trainee.undefined
        results.append(
            CostResult(
                task=task,
                status="undefined" if undefined else "ok",
                reason=undefined,
                hardware=hardware,
                outcomes=tuple(outcomes),
                timings=tuple(timings),
            )
        )
    return results


def synchronisation(device: str) -> Callable[[], None]:
    """Give what waits until a device has done all that it was asked for."""
    if is_cuda(device):
        return partial(torch.cuda.synchronize, device)
    if device == "mps":
        return torch.mps.synchronize
    return lambda: None


def _prepare(task: CostTask) -> Prepared | Unmeasured:
    """Build and count; every activity runs here once, so that timing meets no surprise."""
    try:
        network = build_network(task.condition, task.replicate, task.device)
        outcomes, flops = [], {}
        if not network.trainee.undefined:
            kinds = memory_by_kind(network.trainee)
            outcomes += [Outcome("memory_bytes", count, kind) for kind, count in kinds.items()]
            outcomes.append(Outcome("training_bytes", sum(kinds.values())))
        if network.folding_error is not None:
            outcomes.append(Outcome("folding_error", network.folding_error))
        for name, run in network.activities().items():
            flops[name] = count_flops(run)
            outcomes.append(Outcome("flops", flops[name], name))
            outcomes.append(Outcome("bytes_moved", count_bytes_moved(run), name))
    except Exception as error:  # whatever it is, it is stored with its traceback
        if is_out_of_memory(error):
            return Unmeasured("oom", f"out of memory: {error}")
        return Unmeasured("failed", traceback.format_exc())
    return Prepared(network, tuple(outcomes), flops)


def _timing(name: str, taken: CellTimes, load: float) -> Timing:
    loaded = ("other load",) if is_loaded(load) else ()
    return Timing(name, taken.passes, taken.seconds, (*taken.flags, *loaded))


def _rates(
    name: str, taken: CellTimes, condition: Condition, flops: int, peak_rate: float
) -> list[Outcome]:
    seconds = taken.median
    if seconds <= 0:
        return []  # the clock saw nothing; the raw times and their flag say so
    return [
        Outcome("pass_seconds", seconds, name),
        Outcome("images_per_second", condition.batch_size / seconds, name),
        Outcome("matmul_peak_share", flops / seconds / peak_rate, name),
    ]


def _peak(task: CostTask) -> tuple[Outcome, ...]:
    """Give the device's own peak; nothing where it can't be known."""
    condition, seed = task.condition, task.replicate
    build = partial(build_trainee, condition, seed, task.device)
    if task.device == "mps":
        return ()
    if is_cuda(task.device):
        try:
            if build().undefined:
                return ()
            peak: int | None = peak_allocated(build, task.device)
        except Exception:
            return ()  # the same network meets the same end below, where it is stored
        how = "allocator"
    else:
        batch = min(_SMALL_BATCH, condition.batch_size)
        small = dataclasses.replace(condition, batch_size=batch)
        build_small = partial(build_trainee, small, seed, task.device)
        peak = _in_child(lambda: peak_resident(build, build_small))
        how = "resident set"
    return () if peak is None else (Outcome("peak_memory_bytes", peak, how),)


def _in_child(count: Callable[[], int | None]) -> int | None:
    """Run in a forked process, whose peak is its own; None where that ends without an answer."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps(count()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def main() -> None:
    """Measure what standard input asks for."""
    if len(sys.argv) > 1:
        end_with(int(sys.argv[1]))
    # Whatever a library prints must not get between the results.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    tasks = [cost_task_from_raw(raw) for raw in json.load(sys.stdin)]
    results = measure(tasks, PerformanceClock())
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        json.dump([result.to_json() for result in results], out)


if __name__ == "__main__":
    main()
