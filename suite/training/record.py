"""What a training leaves behind: buffers filled on the device, turned into results at the end."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from suite.fits import undefined_reason
from suite.probes import open_session
from suite.records import FINAL_TRAIN_IMAGES
from suite.training.evaluate import AsStack, loss_and_accuracy
from suite.training.outcomes import Evaluation, Run, result
from suite.training.schedule import evaluation_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from suite.data import Dataset
    from suite.probes.session import ProbeSession
    from suite.records import Trial, TrialResult


def undefined(trial: Trial, dataset: Dataset) -> str:
    """Say why a trial has no meaning on this dataset; empty where it has one."""
    condition, protocol = trial.condition, trial.protocol
    images = len(dataset.split(trial.seed, protocol.split, condition.train_size).train)
    steps = protocol.budget.steps_for(images, condition.batch_size)
    return undefined_reason(condition.norm, condition.batch_size, images, steps)


class Record:
    """What happens to one stack, as it happens.

    Losses stay on the device; the host reads them only where a trace window ends, so no step waits
    for it.

    Parameters
    ----------
    trials
        The S members.
    dataset
        On the device of the training.
    """

    def __init__(self, trials: Sequence[Trial], dataset: Dataset) -> None:
        condition, self.protocol = trials[0].condition, trials[0].protocol
        self.trials = trials
        self.dataset = dataset
        self.device = dataset.train_images.device
        with ThreadPoolExecutor() as threads:  # which an accelerator's host has to spare
            each = map if self.device.type == "cpu" else threads.map
            splits = list(
                each(
                    lambda t: dataset.split(t.seed, self.protocol.split, condition.train_size),
                    trials,
                )
            )
        self.train = torch.stack([s.train for s in splits]).to(self.device)
        self.validation = torch.stack([s.validation for s in splits]).to(self.device)
        self.steps = self.protocol.budget.steps_for(self.train.shape[1], condition.batch_size)
        self.done = 0
        self.losses = torch.full((self.steps, len(trials)), math.nan, device=self.device)
        self.schedule = evaluation_steps(self.steps, self.protocol.evaluations_per_decade)
        self.probes: ProbeSession | None = None
        self.pauses: frozenset[int] = frozenset(self.schedule if self.validation.shape[1] else ())
        self.evaluations: list[Evaluation] = []
        self.final: dict[str, list[float]] = {}
        self.finite = [True] * len(trials)
        self.seconds = 0.0
        self._started = math.nan

    def begin(self, model: nn.Module) -> None:
        """Evaluate the start, and let the clock of training run."""
        self.model = model
        if self.protocol.probes:
            self.probes = open_session(
                self.trials,
                model,
                self.dataset,
                train=self.train,
                validation=self.validation,
                schedule=self.schedule,
            )
            self.pauses |= self.probes.steps
        self._evaluate()
        self._start()

    def step_done(self, losses: torch.Tensor) -> bool:
        """Note the minibatch losses (S,) of a step; say whether every member has diverged."""
        self.losses[self.done] = losses
        self.done += 1
        if self.done in self.pauses:
            self._pause()
            self._evaluate()
            self._start()
        return self.done % self.protocol.trace_every == 0 and not bool(losses.isfinite().any())

    def finish(self) -> None:
        """Measure what is measured once, at the end of training; test is read here only."""
        self._pause()
        data = self.dataset
        lead = 1 if isinstance(self.model, AsStack) else len(self.trials)
        finite = [p.view(lead, -1).isfinite().all(1) for p in self.model.parameters()]
        self.finite = torch.stack(finite).all(0).tolist()
        test = torch.arange(len(data.test_labels), device=self.device).unsqueeze(0)
        train = self.train[:, :FINAL_TRAIN_IMAGES]
        measured = {"train": self._measured(data.train_images, data.train_labels, train)}
        if self.validation.shape[1]:
            last = self._validated()
            measured["validation"] = last.loss, last.accuracy
        measured["test"] = self._measured(data.test_images, data.test_labels, test)
        for name, (loss, accuracy) in measured.items():
            self.final[f"{name}_loss"] = loss
            self.final[f"{name}_accuracy"] = accuracy
        if self.probes:
            self.probes.finish()

    def results(self) -> list[TrialResult]:
        """Turn the record into one result for each member."""
        losses = self.losses[: self.done].double().cpu().numpy()
        return [
            result(
                trial,
                Run(
                    losses=losses[:, member],
                    finite=self.finite[member],
                    evaluations=[e.of(member) for e in self.evaluations],
                    final={name: values[member] for name, values in self.final.items()},
                    seconds=self.seconds / len(self.trials),
                    train_images=self.train.shape[1],
                    stack_size=len(self.trials),
                    probed=self.probes.of(member) if self.probes else None,
                ),
                self.dataset.spec,
            )
            for member, trial in enumerate(self.trials)
        ]

    def _evaluate(self) -> None:
        if self.validation.shape[1]:
            self._validated()
        if self.probes:
            self.probes.point(self.done)

    def _validated(self) -> Evaluation:
        """Evaluate on validation images after this step; once, though the last is asked twice."""
        if not self.evaluations or self.evaluations[-1].step < self.done:
            data = self.dataset
            measured = self._measured(data.train_images, data.train_labels, self.validation)
            self.evaluations.append(Evaluation(self.done, self.seconds, *measured))
        return self.evaluations[-1]

    def _measured(
        self, images: torch.Tensor, labels: torch.Tensor, indices: torch.Tensor
    ) -> tuple[list[float], list[float]]:
        loss, accuracy = loss_and_accuracy(self.model, images, labels, indices)
        return loss.tolist(), accuracy.tolist()

    def _start(self) -> None:
        self._synchronize()
        self._started = time.perf_counter()

    def _pause(self) -> None:
        self._synchronize()
        self.seconds += time.perf_counter() - self._started

    def _synchronize(self) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)
