"""From what was recorded of one member to its stored result: pure functions of plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suite.records import Curve, Outcome, TrialResult
from suite.training.schedule import first_crossing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from suite.datasets import DatasetSpec
    from suite.probes.readings import MemberReadings
    from suite.records import Trial

BLOW_UP: Final = 10.0
GUESS: Final = 0.95
CHANCE: Final = 2.0


@dataclass(frozen=True)
class Evaluation:
    """Validation loss and accuracy after ``step`` updates; of one member or of all S."""

    step: int
    seconds: float
    loss: Any
    accuracy: Any

    def of(self, member: int) -> Evaluation:
        """Take one member's part."""
        return Evaluation(self.step, self.seconds, self.loss[member], self.accuracy[member])


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was recorded of one member.

    Parameters
    ----------
    losses
        (steps,) mean minibatch loss of each step, taken before its update.
    finite
        Whether every parameter is finite at the end.
    evaluations
        Along the schedule; empty without validation.
    final
        Outcomes measured at the end, by quantity.
    seconds
        Training time of the stack over its size, without evaluation.
    train_images
        Size of the training part.
    stack_size
        S.
    probed
        What the probes of the study measured; None without any.
    """

    losses: NDArray[np.float64]
    finite: bool
    evaluations: Sequence[Evaluation]
    final: dict[str, float]
    seconds: float
    train_images: int
    stack_size: int
    probed: MemberReadings | None = None


def result(trial: Trial, run: Run, spec: DatasetSpec) -> TrialResult:
    """Make the stored result of one member.

    A diverged member keeps its curves as far as they are finite, the targets that it reached
    before, and its final figures where they are finite; a network of NaN still predicts (the first
    class), so its accuracy is a number.
    """
    window = trial.protocol.trace_every
    usable = finite_prefix(run.losses)
    diverged = diverged_step(
        run.losses, run.finite, run.final["train_accuracy"], spec.classes, window
    )
    steps = len(run.losses) if diverged is None else max(usable, diverged)
    steps = min(steps, len(run.losses))
    size = trial.condition.batch_size
    outcomes = [
        Outcome("steps", steps),
        Outcome("samples", samples_after(steps, run.train_images, size)),
    ]
    kept = [
        e
        for e in run.evaluations
        if e.step <= usable and math.isfinite(e.loss) and math.isfinite(e.accuracy)
    ]
    if run.evaluations:
        outcomes += _targets(kept, spec.targets, run, size)
    outcomes += [Outcome(name, value) for name, value in run.final.items() if math.isfinite(value)]
    if diverged is None:
        outcomes += [Outcome("loss_roughness", roughness(run.losses))] if steps > 2 else []
    curves = _curves(run.losses[:usable], kept, window)
    if run.probed:
        outcomes += run.probed.outcomes(usable, whole=run.finite and usable == len(run.losses))
        curves += run.probed.curves(usable)
    return TrialResult(
        trial=trial,
        status="ok" if diverged is None else "diverged",
        diverged_step=diverged,
        stack_size=run.stack_size,
        seconds=run.seconds,
        outcomes=tuple(outcomes),
        curves=curves,
    )


def finite_prefix(losses: NDArray[np.float64]) -> int:
    """Count the steps before the first loss that is not finite."""
    bad = np.flatnonzero(~np.isfinite(losses))
    return int(bad[0]) if len(bad) else len(losses)


def diverged_step(
    losses: NDArray[np.float64], finite: bool, accuracy: float, classes: int, window: int
) -> int | None:
    """Say at which step a training diverged, if it did.

    It diverged where, whichever is first,

    - a minibatch loss is not finite, or a parameter is not finite at the end (the last step); or
    - the loss blew up and the network never came back: a minibatch loss exceeds ten times the
      larger of the first loss and a uniform guess's, log(classes); and at the end the median loss
      is no better than 95 % of that guess and the accuracy on training images less than twice
      chance. Adam at a learning rate of 10 is like this: the loss leaps to 10⁶, every ReLU dies,
      and what is left jitters about a constant guess, always finite.

    A network that never blew up but learns nothing did not diverge, nor did one that recovered.

    Parameters
    ----------
    losses
        (steps,) minibatch losses.
    finite
        Whether every parameter is finite at the end.
    accuracy
        Final accuracy on training images.
    classes
        Number of classes.
    window
        The end is this many steps, or the second half of a shorter training.

    Returns
    -------
    int or None
        The first such step, counted from 1.
    """
    usable = finite_prefix(losses)
    if usable < len(losses):
        return usable + 1
    if not finite:
        return len(losses)
    guess = math.log(classes)
    leaps = np.flatnonzero(losses > BLOW_UP * max(guess, losses[0]))
    end = losses[-min(window, math.ceil(len(losses) / 2)) :]
    lost = np.median(end) >= GUESS * guess and accuracy < CHANCE / classes
    if len(leaps) and lost:
        return int(leaps[0]) + 1
    return None


def roughness(losses: NDArray[np.float64]) -> float:
    """Root mean square of the differences of successive losses over the second half of training."""
    return float(np.sqrt(np.mean(np.diff(losses[len(losses) // 2 :]) ** 2)))


def samples_after(steps: float, train_images: int, batch_size: int) -> float:
    """Count the images seen after so many updates; the last batch of an epoch is smaller.

    Between two whole steps the count is linear, so an interpolated step has its images.
    """
    per_epoch = math.ceil(train_images / batch_size)
    epochs, rest = divmod(steps, per_epoch)
    return epochs * train_images + min(rest * batch_size, train_images)


def _windows(losses: NDArray[np.float64], window: int) -> list[NDArray[np.float64]]:
    return [losses[start : start + window] for start in range(0, len(losses), window)]


def _targets(
    kept: Sequence[Evaluation], targets: Sequence[float], run: Run, batch_size: int
) -> list[Outcome]:
    steps = [e.step for e in kept]
    seconds = [e.seconds / run.stack_size for e in kept]
    accuracy = [e.accuracy for e in kept]
    found = []
    for target in targets:
        step = first_crossing(steps, accuracy, target)
        samples = samples_after(step, run.train_images, batch_size) if math.isfinite(step) else step
        facet = f"{target:g}"
        found += [
            Outcome("steps_to_target", step, facet),
            Outcome("samples_to_target", samples, facet),
            Outcome("seconds_to_target", first_crossing(seconds, accuracy, target), facet),
        ]
    return found


def _curves(
    losses: NDArray[np.float64], kept: Sequence[Evaluation], window: int
) -> tuple[Curve, ...]:
    curves = []
    if len(losses):
        ends = tuple(min(start + window, len(losses)) for start in range(0, len(losses), window))
        means = tuple(float(chunk.mean()) for chunk in _windows(losses, window))
        curves.append(Curve("trace_loss", ends, means))
    if kept:
        steps = tuple(e.step for e in kept)
        curves.append(Curve("validation_loss", steps, tuple(e.loss for e in kept)))
        curves.append(Curve("validation_accuracy", steps, tuple(e.accuracy for e in kept)))
    return tuple(curves)
