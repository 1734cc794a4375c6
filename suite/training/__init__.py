"""Training: a serial reference that reads like the textbook, and its stacked twin.

``train_serial`` trains one trial; ``train_stack`` trains several seeds (and learning rates, weight
decays and inits) of one ``suite.stacking.stack_shape`` as one batched computation. Both give the
same numbers per seed. Importing this package imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from suite.models import model_spec
from suite.records import TrialResult
from suite.training.record import undefined
from suite.training.serial import run_serial
from suite.training.sizing import fastest, time_stack_sizes
from suite.training.stacked import run_stacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.data import Dataset
    from suite.records import Trial

__all__ = ["fastest", "time_stack_sizes", "train_serial", "train_stack"]


def _never() -> bool:
    return False


def train_serial(
    trial: Trial,
    dataset: Dataset,
    *,
    dtype: torch.dtype = torch.float32,
    should_stop: Callable[[], bool] = _never,
) -> TrialResult:
    """Train one trial with the textbook's loop.

    Where the norm meets a batch of one image the result is ``undefined``, with the reason.

    Parameters
    ----------
    trial
        What to train, how long and on which device.
    dataset
        Its images, on any device.
    dtype
        Of parameters and activations.
    should_stop
        Asked between steps.

    Raises
    ------
    InterruptedRunError
        ``should_stop`` said so; nothing is kept.
    ModelError
        The model ignores its norm argument or can't take this norm.
    """
    if reason := undefined(trial, dataset):
        return TrialResult(trial=trial, status="undefined", reason=reason)
    record, _ = run_serial(trial, dataset, dtype=dtype, should_stop=should_stop)
    return record.results()[0]


def train_stack(
    trials: Sequence[Trial],
    dataset: Dataset,
    *,
    dtype: torch.dtype = torch.float32,
    should_stop: Callable[[], bool] = _never,
) -> list[TrialResult]:
    """Train trials of one ``stack_shape`` at once; results are in their order.

    A member that diverges neither disturbs nor ends the others. A model without a stacked twin is
    trained one trial after the other.

    Parameters
    ----------
    trials
        At least one; they differ only in seed, learning rate, weight decay and init.
    dataset, dtype, should_stop
        As for ``train_serial``.

    Raises
    ------
    InterruptedRunError
        ``should_stop`` said so; nothing of the stack is kept.
    ModelError
        The model ignores its norm argument or can't take this norm.
    """
    if not model_spec(trials[0].condition.model).has_stacked:
        return [train_serial(t, dataset, dtype=dtype, should_stop=should_stop) for t in trials]
    if reason := undefined(trials[0], dataset):
        return [TrialResult(trial=t, status="undefined", reason=reason) for t in trials]
    record, _ = run_stacked(trials, dataset, dtype=dtype, should_stop=should_stop)
    return record.results()
