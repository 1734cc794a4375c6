"""From a validated grid to work that can start: devices, datasets, plan and trainer.

Loads torch. Writes nothing.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from suite.code_version import code_version, cost_version
from suite.cost.plan import plan_costs
from suite.data import load_or_fall_back
from suite.device_check import check_device
from suite.devices import describe_device, parse_devices, use_full_precision
from suite.environment import environment
from suite.estimate import matmul_rate, trial_seconds
from suite.executors.in_process import InProcessExecutor
from suite.executors.training import StackTrainer, candidate_sizes
from suite.forecast import Forecast
from suite.models import model_spec
from suite.own_models import check_own_models
from suite.planning import make_plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from suite.cost.plan import Replicate
    from suite.data import Dataset
    from suite.executors.base import Executor
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
    executor, trainer
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
    costs
        What is to be measured once training has ended.
    """

    plan: Plan
    executor: Executor
    trainer: StackTrainer
    notices: tuple[str, ...]
    devices: tuple[str, ...]
    used: dict[str, str]
    fingerprints: dict[str, str]
    checks: dict[str, dict[str, float]]
    rate: float
    costs: tuple[Replicate, ...] = ()

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

    def choose_size(self, trials: Sequence[Trial]) -> tuple[int, dict[int, float]]:
        """Choose a stack size by timing, where a small share of the work is time enough for it."""
        first = trials[0]
        if not model_spec(first.condition.model).has_stacked:
            return 1, {}
        work = len(trials) * trial_seconds(first.condition, first.protocol, self.rate)
        if SIZING_SHARE * work >= SIZING_SECONDS:
            return self.trainer.choose_size(trials, SIZING_SECONDS)
        most = usual_stack(first.condition.batch_size)
        return max(size for size in candidate_sizes(trials) if size <= most), {}

    def forecast(self, stacks: Sequence[Stack]) -> Forecast:
        """Begin to forecast the time left."""
        return Forecast(stacks, self._stack_seconds)

    def _stack_seconds(self, stack: Stack) -> float:
        return sum(trial_seconds(t.condition, t.protocol, self.rate) for t in stack.trials)


def usual_stack(batch_size: int) -> int:
    """Stack size where timing does not pay: near the best on 2 cores, from 12 down to 4."""
    return max(4, min(12, 3072 // batch_size))


def prepare(grid: Grid, *, devices: str, data_dir: Path | None) -> Work:
    """Find devices and datasets, check them, and make the plan.

    Parameters
    ----------
    grid
        As the user asked for it.
    devices
        As ``--device`` is written.
    data_dir
        Folder with datasets, in torchvision's layout.

    Raises
    ------
    DeviceError
        A device is not present, or its arithmetic failed the check.
    DataError
        A dataset's file is damaged.
    ModelError
        A model of the user's own can't be used.
    """
    names = tuple(parse_devices(devices))
    use_full_precision()
    checks = {name: check_device(name) for name in names}
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
    trainer = StackTrainer(loaded)
    return Work(
        plan=plan,
        executor=InProcessExecutor(trainer, torch.get_num_threads()),
        trainer=trainer,
        notices=(*notices, *grid.notices),
        devices=names,
        used=used,
        fingerprints={name: dataset.fingerprint for name, dataset in loaded.items()},
        checks=checks,
        rate=matmul_rate(),
        costs=() if grid.cost is None else plan_costs(grid.cost, names, cost_version),
    )
