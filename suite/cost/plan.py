"""Which costs to measure: conditions × devices × replicates, without torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.cost_records import CostProtocol, CostTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set

    from suite.records import Condition


@dataclass(frozen=True)
class CostStudy:
    """The cost part of a grid.

    Parameters
    ----------
    why
        One sentence for the report.
    conditions
        Networks to compare; those of one device share each process.
    replicates
        Fresh processes; the unit of every test about cost.
    protocol
        How times are taken.
    """

    why: str
    conditions: tuple[Condition, ...]
    replicates: int
    protocol: CostProtocol

    def __post_init__(self) -> None:
        if self.replicates < 1 or not self.conditions:
            raise ValueError("a study of cost needs a condition and a replicate")

    def using(self, used: Callable[[str], str]) -> CostStudy:
        """Put other datasets in place of those asked for; only the shape of images matters."""
        moved = (dataclasses.replace(c, dataset=used(c.dataset)) for c in self.conditions)
        return dataclasses.replace(self, conditions=tuple(dict.fromkeys(moved)))


@dataclass(frozen=True)
class Replicate:
    """All that one fresh process measures: every condition on one device, interleaved."""

    device: str
    number: int
    tasks: tuple[CostTask, ...]


def plan_costs(
    study: CostStudy, devices: Sequence[str], version: Callable[[Condition], str]
) -> tuple[Replicate, ...]:
    """Cross a study of cost with devices; the first replicate of each device comes first.

    Parameters
    ----------
    study
        What to measure.
    devices
        Names as torch writes them.
    version
        Condition → version of the code that its measurement runs.
    """
    versions = {condition: version(condition) for condition in study.conditions}
    return tuple(
        Replicate(
            device,
            number,
            tuple(
                CostTask(
                    condition=condition,
                    replicate=number,
                    protocol=study.protocol,
                    device=device,
                    code_version=versions[condition],
                )
                for condition in study.conditions
            ),
        )
        for number in range(study.replicates)
        for device in devices
    )


def pending(replicates: Sequence[Replicate], done: Set[str]) -> tuple[Replicate, ...]:
    """Give the replicates that still have to be measured.

    A replicate is measured whole or not at all: the arms of a comparison come from one process.

    Parameters
    ----------
    replicates
        The plan.
    done
        Keys of tasks that need not be measured.
    """
    return tuple(
        replicate
        for replicate in replicates
        if any(task.key not in done for task in replicate.tasks)
    )
