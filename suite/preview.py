"""What a run would do, from the grid and the store alone: its plan with estimates, no torch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from suite.code_version import code_version, cost_version
from suite.cost.plan import pending, plan_costs
from suite.devices import is_cuda, parse_devices
from suite.estimate import estimate_plan, matmul_rate, replicate_seconds
from suite.planning import make_plan
from suite.runner import settled
from suite.store import STORE_NAME, StoreReader
from suite.wording import duration, many, size

if TYPE_CHECKING:
    from pathlib import Path

    from suite.estimate import Estimate
    from suite.grid import Grid
    from suite.planning import Plan
    from suite.runner import Options

UNKNOWN_DATA: Final = "not read yet"


@dataclass(frozen=True)
class Preview:
    """A plan that nothing was done for.

    Parameters
    ----------
    grid
        With the datasets that an earlier run of it really used, if there was one.
    plan
        Its keys are right where an earlier run left the datasets' fingerprints.
    wanted
        Keys of what is still to be trained.
    estimates
        Study → estimate of what is still to be trained.
    devices
        Canonical names.
    notes
        What the reader should know beside it.
    """

    grid: Grid
    plan: Plan
    wanted: set[str]
    estimates: dict[str, Estimate]
    devices: tuple[str, ...]
    notes: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """Say how much there is to do, and the notes."""
        conditions = sum(len(study.conditions) for study in self.grid.studies)
        seconds = sum(estimate.seconds for estimate in self.estimates.values())
        memory = max(estimate.memory_bytes for estimate in self.estimates.values())
        return (
            f"{many(conditions, 'condition')}, {many(len(self.plan.trials), 'trial')}, "
            f"{len(self.wanted):,} to do: about {duration(seconds)} and {size(memory)} of memory "
            f"on {' and '.join(self.devices)} (estimates)",
            *self.notes,
        )


def preview(grid: Grid, out: Path, device: str, options: Options) -> Preview:
    """Look at what a run would do; nothing is written.

    Parameters
    ----------
    grid
        As the user asked for it.
    out
        Its results folder, there or not.
    device
        As ``--device`` is written; ``auto`` counts as ``cpu`` here, for only torch can look.
    options
        What is to be done once more.

    Raises
    ------
    DeviceError
        A named device is not present.
    StoreError
        There is a store and it can't be read.
    """
    automatic = device.strip().casefold() == "auto"
    devices = tuple(parse_devices("cpu" if automatic else device))
    notes = ["devices: whatever is present; estimated for the CPU"] if automatic else []
    if gpus := [name for name in devices if is_cuda(name)]:
        notes.append(f"{', '.join(gpus)}: time and memory are estimated as on the CPU")
    used: dict[str, str] = {}
    fingerprints: dict[str, str] = {}
    stored_seconds: dict[str, float] = {}
    trained: set[str] = set()
    measured: set[str] = set()
    if (out / STORE_NAME).is_file():
        with StoreReader(out) as store:
            stored_seconds = store.seconds()
            trained = settled(store, options, store.statuses(), store.trained_by())
            measured = settled(store, options, store.cost_statuses(), store.measured_by())
            for run in store.runs():
                used |= run.get("datasets", {})
                fingerprints |= run.get("fingerprints", {})
    grid = grid.using(lambda asked: used.get(asked, asked))
    plan = make_plan(grid, devices, lambda name: fingerprints.get(name, UNKNOWN_DATA), code_version)
    wanted = {key for key in plan.trials if key not in trained}
    by_shape: dict[str, list[float]] = defaultdict(list)
    for shape, trials in plan.shapes.items():
        by_shape[shape] += [stored_seconds[t.key] for t in trials if t.key in stored_seconds]
    means = {shape: sum(found) / len(found) for shape, found in by_shape.items() if found}
    rate = matmul_rate()
    estimates = estimate_plan(plan, wanted, rate, means)
    notes += [
        f"{asked} was not found before: {name}" for asked, name in used.items() if asked != name
    ]
    if grid.cost is not None:
        replicates = plan_costs(grid.cost, devices, cost_version)
        left = len(pending(replicates, measured))
        seconds = left * replicate_seconds(grid.cost.conditions, grid.cost.protocol, rate)
        notes.append(
            f"cost: {many(len(grid.cost.conditions), 'network')}, in "
            f"{many(len(replicates), 'replicate')}, "
            f"{left:,} to do after training" + (f": about {duration(seconds)}" if left else "")
        )
    return Preview(grid, plan, wanted, estimates, devices, (*notes, *grid.notices))
