"""The serial trainer: the textbook's loop, and the reference that the stacked one must match."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812  the field's own name

from suite.errors import InterruptedRunError
from suite.optimizers import optimizer_spec
from suite.training.batches import batches, scaled
from suite.training.build import build_serial
from suite.training.evaluate import AsStack
from suite.training.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.data import Dataset
    from suite.records import Trial


def run_serial(
    trial: Trial, dataset: Dataset, *, dtype: torch.dtype, should_stop: Callable[[], bool]
) -> tuple[Record, AsStack]:
    """Train one trial; give its record and the trained model as a stack of one."""
    condition = trial.condition
    data = dataset.to(trial.device)
    record = Record([trial], data)
    model = build_serial(condition, trial.seed, data.spec, dtype).to(trial.device)
    optimizer = optimizer_spec(condition.optimizer).build(
        [
            {
                "params": list(model.parameters()),
                "lr": condition.learning_rate,
                "weight_decay": condition.weight_decay,
            }
        ]
    )
    as_stack = AsStack(model)
    record.begin(as_stack)
    for (batch,) in batches(record.train, [trial.seed], condition.batch_size, record.steps):
        images = scaled(data.train_images[batch], dtype)
        loss = F.cross_entropy(model(images), data.train_labels[batch])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if record.step_done(loss.detach()):
            break
        if should_stop():
            raise InterruptedRunError("stopped between two steps; run the same command to go on")
    record.finish()
    return record, as_stack
