"""The trainer that executors call: finds a stack's dataset and trains on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.training import train_stack
from suite.training.sizing import choose_stack_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from suite.data import Dataset
    from suite.executors.base import ShouldStop
    from suite.records import Trial, TrialResult

LARGEST_STACK: Final = 64


class StackTrainer:
    """Trains stacks on datasets that are in memory.

    Parameters
    ----------
    datasets
        Name → dataset on the CPU.
    """

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self._datasets = datasets
        self._there: dict[tuple[str, str], Dataset] = {}

    def __call__(self, trials: Sequence[Trial], should_stop: ShouldStop) -> list[TrialResult]:
        """Train the trials of one shape; see ``suite.training.train_stack``."""
        return train_stack(trials, self._on_device(trials[0]), should_stop=should_stop)

    def choose_size(self, trials: Sequence[Trial], seconds: float) -> tuple[int, dict[int, float]]:
        """Choose the stack size for all trials of one shape.

        Parameters
        ----------
        trials
            All of them, condition by condition.
        seconds
            Bound on the search.
        """
        choice = choose_stack_size(
            trials[0],
            self._on_device(trials[0]),
            candidate_sizes(trials),
            budget_seconds=seconds,
        )
        return choice.size, choice.timings

    def _on_device(self, trial: Trial) -> Dataset:
        name = trial.condition.dataset
        key = (name, trial.device)
        if key not in self._there:
            self._there[key] = self._datasets[name].to(trial.device)
        return self._there[key]


def candidate_sizes(trials: Sequence[Trial]) -> tuple[int, ...]:
    """Stack sizes that leave stacks even: parts of a condition's seeds, or several conditions.

    Parameters
    ----------
    trials
        All trials of one shape, condition by condition.

    Returns
    -------
    tuple of int
        Rising from 1, each at least a quarter larger than the one before.
    """
    seeds = sum(trial.condition == trials[0].condition for trial in trials)
    parts = {-(-seeds // number) for number in range(1, seeds + 1)}
    several = set(range(seeds, len(trials) + 1, seeds))
    chosen: list[int] = []
    for size in sorted(parts | several):
        if size <= LARGEST_STACK and (not chosen or size >= 1.25 * chosen[-1]):
            chosen.append(size)
    return tuple(chosen)
