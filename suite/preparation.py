"""From a validated grid to work that can start: devices, datasets, plan and trainer.

Loads torch. Writes nothing.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from suite.code_version import code_version, cost_version
from suite.cost.plan import plan_costs
from suite.data import load_or_fall_back
from suite.device_check import check_device
from suite.devices import describe_device, is_cuda, parse_devices, use_full_precision
from suite.environment import environment, usable_cores
from suite.errors import DeviceError
from suite.estimate import cuda_seconds, matmul_rate, training_steps, trial_seconds
from suite.executors.base import SizeWanted
from suite.executors.choice import choose_executor, grid_seconds
from suite.executors.make import make_executor
from suite.forecast import Forecast
from suite.models import model_spec
from suite.own_models import check_own_models
from suite.planning import make_plan
from suite.schedule import Shape, arranged, longest_stack
from suite.stack_sizes import (
    LONGEST_STACK,
    candidate_sizes,
    filling_stack,
    possible_sizes,
    usual_stack,
)
from suite.training.sizing import fastest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from suite.cost.plan import Replicate
    from suite.data import Dataset
    from suite.executors.base import Executor, ShouldStop
    from suite.executors.choice import Choice
    from suite.grid import Grid
    from suite.planning import Plan, Stack
    from suite.records import Trial

SIZING_SECONDS: Final = 1.0  # enough to tell a good stack size from a disturbed timing
SIZING_SHARE: Final = 0.03  # of a shape's estimated work may go into it


@dataclass(frozen=True)
class Work:
    """Everything that a run needs beside its store.

    Parameters
    ----------
    plan
        With the datasets that are really used.
    executor
        What trains, and where.
    notices
        What the user must know: datasets that were replaced, conditions that were left out.
    devices
        Canonical names.
    used
        Dataset asked for → dataset used.
    fingerprints
        Dataset used → fingerprint.
    checks
        Device → largest relative error of batch normalization there, for each quantity.
    rate
        What ``matmul_rate`` gave.
    costs
        What is to be measured once training has ended.
    share
        A stack trains on one part in so many of this machine's cores, or of as many elsewhere.
    paces
        Shape → seconds per seed-step of its stacks, where they were timed.
    """

    plan: Plan
    executor: Executor
    notices: tuple[str, ...]
    devices: tuple[str, ...]
    used: dict[str, str]
    fingerprints: dict[str, str]
    checks: dict[str, dict[str, float]]
    rate: float
    costs: tuple[Replicate, ...] = ()
    share: int = 1
    paces: dict[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Plain JSON for the store."""
        return {
            "datasets": self.used,
            "fingerprints": self.fingerprints,
            "notices": list(self.notices),
            "devices": {d: dataclasses.asdict(describe_device(d)) for d in self.devices},
            "device_checks": self.checks,
            "environment": environment(),
        }

    def choose_sizes(
        self, shapes: Mapping[str, Sequence[Trial]], should_stop: ShouldStop
    ) -> Iterator[tuple[str, int, dict[int, float]]]:
        """Choose stack sizes: by timing, where a small share of the work is time enough for it."""
        known = {
            shape: self._shape(trials)
            for shape, trials in self.plan.shapes.items()
            if not is_cuda(trials[0].device)
        }
        longest = longest_stack(tuple(known.values()), self.executor.parallel)
        timed: dict[str, SizeWanted] = {}
        usual: dict[str, int] = {}
        for shape, trials in shapes.items():
            if is_cuda(trials[0].device):
                yield shape, self._filling_stack(trials), {}
                continue
            work = known[shape].seconds
            usual[shape], candidates = possible_sizes(
                trials, known[shape], longest, LONGEST_STACK / self.share
            )
            if len(candidates) > 1 and SIZING_SHARE * work >= SIZING_SECONDS:
                timed[shape] = SizeWanted(tuple(trials), candidates, SIZING_SECONDS)
            else:
                yield shape, usual[shape], {}
        names = list(timed)
        for place, timings in self.executor.time_sizes(list(timed.values()), should_stop):
            shape = names[place]
            size = fastest(timings) if timings else usual[shape]
            if timings:
                self.paces[shape] = timings[size]
            yield shape, size, timings

    def arranged(self, stacks: Sequence[Stack]) -> tuple[Stack, ...]:
        """Order stacks: first those that train alone; others so that all workers end together."""
        alone = [stack for stack in stacks if self._trains_alone(stack)]
        others = [stack for stack in stacks if not self._trains_alone(stack)]
        return *alone, *arranged(others, self.stack_seconds, self.executor.parallel)

    def forecast(self, stacks: Sequence[Stack]) -> Forecast:
        """Begin to forecast the time left."""
        return Forecast(stacks, self.stack_seconds, self.executor.parallel, self._trains_alone)

    def _trains_alone(self, stack: Stack) -> bool:
        return self.executor.trains_alone(stack.trials[0].device)

    def stack_seconds(self, stack: Stack) -> float:
        """Estimate how long a stack trains beside others: from timing, where its shape was timed.

        The machine's rate, on which all else rests, is that of all cores together.
        """
        first = stack.trials[0]
        if is_cuda(first.device):
            return cuda_seconds(stack.trials)
        if stack.shape in self.paces:
            steps = training_steps(first.condition, first.protocol)
            training = len(stack.trials) * self.paces[stack.shape] * steps
            return training + self.share * self._seconds(stack.trials, stored=0.0)
        return self.share * self._seconds(stack.trials)

    def _filling_stack(self, trials: Sequence[Trial]) -> int:
        """Choose a stack size on a CUDA device, whose memory workers may have to share."""
        device = trials[0].device
        memory = describe_device(device).memory_bytes // self.executor.stacks_on(device)
        return filling_stack(trials, memory)

    def _seconds(self, trials: Iterable[Trial], stored: float | None = None) -> float:
        """Estimate trials on all cores; ``stored`` is what is known of one's training."""
        return sum(trial_seconds(t.condition, t.protocol, self.rate, stored) for t in trials)

    def _shape(self, trials: Sequence[Trial]) -> Shape:
        batch_size = trials[0].condition.batch_size
        sizes = [1]
        if model_spec(trials[0].condition.model).has_stacked:
            sizes = [c for c in candidate_sizes(trials) if c <= usual_stack(batch_size)]
        return Shape(len(trials), self._seconds(trials), sizes, batch_size)


def prepare(
    grid: Grid,
    devices: str,
    data_dir: Path | None,
    executor: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    rate: float | None = None,
) -> Work:
    """Find devices and datasets, check them, and make the plan.

    Parameters
    ----------
    grid
        As the user asked for it.
    devices
        As ``--device`` is written.
    data_dir
        Folder with datasets, in torchvision's layout.
    executor, workers, address
        As ``--executor``, ``--workers`` and ``--address`` are written; None where they are not.
    rate
        What ``matmul_rate`` gave when the machine was idle; None to measure it now.

    Raises
    ------
    DeviceError
        A device is not present, or its arithmetic failed the check.
    DataError
        A dataset's file is damaged.
    ModelError
        A model of the user's own can't be used.
    """
    use_full_precision()
    checks, refused = _checked(devices)
    names = tuple(checks)
    loaded: dict[str, Dataset] = {}
    used: dict[str, str] = {}
    notices: list[str] = []
    for asked in grid.datasets:
        dataset, notice = load_or_fall_back(asked, data_dir=data_dir)
        used[asked] = dataset.spec.name
        loaded[dataset.spec.name] = dataset
        notices += [notice] if notice else []
    grid = grid.using(used.__getitem__)
    measured = () if grid.cost is None else grid.cost.conditions
    check_own_models([*(c for study in grid.studies for c in study.conditions), *measured])
    plan = make_plan(grid, names, lambda name: loaded[name].fingerprint, code_version)
    rate = matmul_rate() if rate is None else rate
    choice = choose_executor(executor, workers, names, grid_seconds(grid, rate), address)
    return Work(
        plan=plan,
        executor=make_executor(choice, loaded, rate, names),
        notices=(*refused, *notices, *grid.notices),
        devices=names,
        used=used,
        fingerprints={name: dataset.fingerprint for name, dataset in loaded.items()},
        checks=checks,
        rate=rate,
        share=_share(choice),
        costs=() if grid.cost is None else plan_costs(grid.cost, names, cost_version),
    )


def _checked(devices: str) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Check devices; give the figures of those that passed, and what to say of the others.

    One that the user named must pass. Where all that are present were asked for, one that fails is
    left out, unless it is the only one.
    """
    passed: dict[str, dict[str, float]] = {}
    failed: list[DeviceError] = []
    for name in parse_devices(devices):
        try:
            passed[name] = check_device(name)
        except DeviceError as error:
            if devices.strip().casefold() != "auto":
                raise
            failed.append(error)
    if not passed:
        raise failed[0]
    return passed, [f"left out: {error}" for error in failed]


def _share(choice: Choice) -> int:
    crowd = choice.workers if choice.name == "processes" else 1
    return max(1, usable_cores() // choice.threads, crowd or 1)
