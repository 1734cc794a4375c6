"""Grid → plan: every trial once, and the stacks that they train in.

Stacks are cut from the whole plan, never from what is left of it: a run that was killed and started
again trains the same stacks, so it repeats the same bits. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING

from suite.records import Trial
from suite.stacking import even_parts, stack_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from suite.grid import Grid
    from suite.records import Condition


@dataclass(frozen=True)
class Stack:
    """Trials of one shape that train together.

    Parameters
    ----------
    shape
        What ``suite.stacking.stack_shape`` says of each of them.
    number
        Its place among the stacks of that shape, from 0.
    trials
        Ordered as the grid orders conditions, then by seed.
    """

    shape: str
    number: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Plan:
    """All that a grid asks for on the given devices, with the given data and code.

    Parameters
    ----------
    studies
        Name and reason, in the grid's order.
    planned
        Study and trial; a trial that two studies share is there twice, but trained once.
    """

    studies: tuple[tuple[str, str], ...]
    planned: tuple[tuple[str, Trial], ...]

    @cached_property
    def trials(self) -> dict[str, Trial]:
        """Key → trial, each once, in the grid's order."""
        return {trial.key: trial for _, trial in self.planned}

    @cached_property
    def shapes(self) -> dict[str, tuple[Trial, ...]]:
        """Shape → its trials, condition by condition, seeds ascending.

        So a stack holds seeds of as few conditions as its size allows: a step whose members share
        their learning rate was up to 17 % faster than one with five of them.
        """
        members: dict[str, list[Trial]] = {}
        known: dict[tuple[object, ...], str] = {}
        for trial in self.trials.values():
            but_seed = (
                trial.condition,
                trial.protocol,
                trial.device,
                trial.data_fingerprint,
                trial.code_version,
            )
            if but_seed not in known:
                known[but_seed] = stack_shape(trial)
            members.setdefault(known[but_seed], []).append(trial)
        return {shape: tuple(trials) for shape, trials in members.items()}


def make_plan(
    grid: Grid,
    devices: Sequence[str],
    fingerprint: Callable[[str], str],
    version: Callable[[Condition, tuple[str, ...]], str],
) -> Plan:
    """Cross a grid with devices.

    Parameters
    ----------
    grid
        Its datasets must be those that are really used.
    devices
        Names as torch writes them.
    fingerprint
        Dataset name → fingerprint of its content.
    version
        Condition and probes → version of the code that its trial runs.
    """
    planned = []
    for study in grid.studies:
        for device in devices:
            for condition in study.conditions:
                data = fingerprint(condition.dataset)
                code = version(condition, study.protocol.probes)
                planned += [
                    (
                        study.name,
                        Trial(
                            condition=condition,
                            seed=seed,
                            protocol=study.protocol,
                            device=device,
                            data_fingerprint=data,
                            code_version=code,
                        ),
                    )
                    for seed in study.seeds
                ]
    return Plan(tuple((study.name, study.why) for study in grid.studies), tuple(planned))


def cut_stacks(plan: Plan, sizes: Mapping[str, int]) -> tuple[Stack, ...]:
    """Cut every shape into stacks of its size, and order them so that an early look is balanced.

    Every shape's first stack comes first; after that, all shapes advance by equal shares. Shapes
    keep the grid's order, in which the arms of a comparison are neighbours.

    Parameters
    ----------
    plan
        The whole plan, whatever is done of it.
    sizes
        Shape → stack size; a shape that is not named is left out.
    """
    placed = []
    for position, (shape, trials) in enumerate(plan.shapes.items()):
        if shape in sizes:
            parts = list(_parts(trials, sizes[shape]))
            placed += [
                (number / len(parts), position, Stack(shape, number, part))
                for number, part in enumerate(parts)
            ]
    return tuple(stack for _, _, stack in sorted(placed, key=lambda p: p[:2]))


def _parts(trials: Sequence[Trial], size: int) -> Iterator[tuple[Trial, ...]]:
    """Cut evenly: more seeds of a condition in a row than a stack holds by themselves, else all."""
    runs = (tuple(run) for _, run in groupby(trials, key=lambda trial: trial.condition))
    for alone, several in groupby(runs, key=lambda run: len(run) > size):
        for block in several if alone else [tuple(chain.from_iterable(several))]:
            rest = iter(block)
            yield from (tuple(islice(rest, part)) for part in even_parts(len(block), size))
