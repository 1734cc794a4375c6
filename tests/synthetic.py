"""Stores with a known truth, written through the real writer; nothing is trained.

Each seed has its own level, which both arms share, and each trial its own noise. Steps to the
targets .90, .95 and .97 are ``tau``, ``2 tau`` and ``4 tau``; the log ratio of ``tau`` between the
arms is ``Truth.steps`` exactly, but for noise. The same goes for ``Truth.accuracy`` in final test
accuracy.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from suite.records import (
    Budget,
    Condition,
    Curve,
    Outcome,
    Protocol,
    Status,
    Trial,
    TrialResult,
)
from suite.store import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BATCH_SIZES: Final = (16, 64, 256, 1024)
LEARNING_RATES: Final = (1e-4, 3e-4, 1e-3, 1e-2, 1e-1)
TARGETS: Final = (0.90, 0.95, 0.97)
TRAIN_IMAGES: Final = 55_000
CHANCE: Final = 0.1

Fate = Status | Literal["missing"]


def fine(trial: Trial) -> Fate:
    """Let every trial end well."""
    return "ok"


def none_fails_at_the_largest_rate(trial: Trial) -> Fate:
    """Let the arm without normalization diverge at learning rate 0.1."""
    bad = trial.condition.norm == "none" and trial.condition.learning_rate >= 0.1
    return "diverged" if bad else "ok"


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a synthetic store should show.

    Parameters
    ----------
    steps
        log(steps without / steps with batch normalization): above 0, batch normalization is faster.
        A number, or a function of the condition.
    accuracy
        Test accuracy with minus without, as a fraction; a number or a function of the condition.
    noise
        Standard deviation of each trial's log steps; accuracy gets a hundredth of it.
    seed_noise
        The same for the level that both arms of a seed share.
    fate
        Trial → status, or ``missing``.
    notebook_means, notebook_sd
        Distribution of the notebook study's test accuracy.
    """

    steps: float | Callable[[Condition], float] = 0.5
    accuracy: float | Callable[[Condition], float] = 0.005
    noise: float = 0.1
    seed_noise: float = 0.1
    fate: Callable[[Trial], Fate] = fine
    notebook_means: dict[str, float] = field(
        default_factory=lambda: {"none": 0.9660, "batch": 0.9745}
    )
    notebook_sd: float = 0.002

    def effect(self, what: Literal["steps", "accuracy"], condition: Condition) -> float:
        """Return the true effect at a condition."""
        value = getattr(self, what)
        return float(value(condition)) if callable(value) else float(value)


def write_store(
    path: Path,
    truth: Truth | None = None,
    *,
    seeds: int = 12,
    first_seed: int = 0,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    learning_rates: Sequence[float] = LEARNING_RATES,
    datasets: Sequence[str] = ("mnist",),
    norms: Sequence[str] = ("none", "batch"),
    epochs: float = 5,
    notebook: bool = True,
    curves: bool = True,
    device: str = "cpu",
    code_version: str = "code-1",
    data_version: str = "data-1",
    entropy: int = 0,
    finished: bool = True,
) -> Path:
    """Write a store and return its path.

    5,000 trials with curves are ``seeds=125, notebook=False``.
    """
    truth = truth or Truth()
    chosen = range(first_seed, first_seed + seeds)
    grid = Protocol(budget=Budget(epochs=epochs))
    identity = {"device": device, "code_version": code_version}
    planned = [
        (
            "grid",
            Trial(
                condition=Condition(
                    dataset=dataset, model="mlp", norm=norm, batch_size=batch, learning_rate=rate
                ),
                seed=seed,
                protocol=grid,
                data_fingerprint=f"{data_version}-{dataset}",
                **identity,
            ),
        )
        for dataset, batch, rate, norm, seed in itertools.product(
            datasets, batch_sizes, learning_rates, norms, chosen
        )
    ]
    if notebook:
        planned += [
            (
                "notebook",
                Trial(
                    condition=Condition(
                        dataset=datasets[0],
                        model="mlp",
                        norm=norm,
                        batch_size=64,
                        learning_rate=1e-3,
                    ),
                    seed=seed,
                    protocol=dataclasses.replace(grid, split="all"),
                    data_fingerprint=f"{data_version}-{datasets[0]}",
                    **identity,
                ),
            )
            for norm, seed in itertools.product(("none", "batch"), chosen)
        ]
    results = [
        _result(trial, truth, fate, with_curves=curves, entropy=entropy)
        for _, trial in planned
        if (fate := truth.fate(trial)) != "missing"
    ]
    with StoreWriter(path) as store:
        run = store.begin_run(
            "2025-01-01T00:00:00+00:00",
            {
                "command": ["python", "-m", "suite.run", "--grid", "synthetic"],
                "grid": {"name": "synthetic", "title": "Synthetic data, no training"},
                "datasets": {name: name for name in datasets},
                "notices": [],
                "environment": {"python": "3.11", "torch": "none", "platform": "synthetic"},
            },
            [
                ("grid", "Matched arms over batch size and learning rate."),
                *([("notebook", "The notebook's own protocol.")] if notebook else []),
            ],
            planned,
        )
        for start in range(0, len(results), 200):
            store.add(run, results[start : start + 200])
        if finished:
            store.finish_run(run, "2025-01-01T01:00:00+00:00")
    return path


def _normal(entropy: int, *parts: object) -> float:
    """Draw one standard normal number that depends on the parts and nothing else."""
    words = [entropy, *(hash_word(str(p)) for p in parts)]
    return float(np.random.default_rng(words).standard_normal())


def hash_word(text: str) -> int:
    """Make a stable number of a string."""
    value = 0
    for byte in text.encode():
        value = (value * 257 + byte) % 2**61
    return value


def _result(
    trial: Trial, truth: Truth, status: Status, *, with_curves: bool, entropy: int
) -> TrialResult:
    if status in ("undefined", "oom", "failed"):
        reason = {
            "undefined": "a batch of one image has no variance",
            "oom": "out of memory",
            "failed": "Traceback (most recent call last):\n  synthetic",
        }[status]
        return TrialResult(trial=trial, status=status, reason=reason)
    condition = trial.condition
    total = trial.protocol.budget.steps_for(TRAIN_IMAGES, condition.batch_size)
    where = dataclasses.replace(condition, norm="-")
    level = truth.seed_noise * _normal(entropy, "seed", where, trial.seed)
    own = truth.noise * _normal(entropy, "own", condition, trial.seed, trial.protocol.split)
    treated = condition.norm == "batch"
    tau = 0.1 * total * math.exp(level + own - treated * truth.effect("steps", condition))
    accuracy = 0.97 + (level + own) / 100 + treated * truth.effect("accuracy", condition)
    if trial.protocol.split == "all":
        spread = _normal(entropy, "notebook", condition.norm, trial.seed)
        mean = truth.notebook_means[condition.norm]
        accuracy = mean + truth.notebook_sd * spread
    accuracy = min(max(accuracy, 0.0), 1.0)

    times = dict(zip(TARGETS, (tau, 2 * tau, 4 * tau), strict=True))
    if status == "diverged":
        at = max(1, total // 10)
        return TrialResult(
            trial=trial,
            status=status,
            diverged_step=at,
            outcomes=(
                Outcome("steps", at),
                *(Outcome("steps_to_target", math.inf, f"{t:.2f}") for t in TARGETS),
            ),
            curves=_curves(trial, at, accuracy, {}) if with_curves else (),
        )
    reached = {t: (s if s <= total else math.inf) for t, s in times.items()}
    holdout = trial.protocol.split == "holdout"
    return TrialResult(
        trial=trial,
        status="ok",
        stack_size=4,
        seconds=total * 1e-3,
        outcomes=(
            Outcome("steps", total),
            Outcome("test_accuracy", accuracy),
            Outcome("test_loss", 4 * (1 - accuracy)),
            Outcome("train_accuracy", min(1.0, accuracy + 0.01)),
            *(
                (
                    Outcome("validation_accuracy", accuracy),
                    *(Outcome("steps_to_target", s, f"{t:.2f}") for t, s in reached.items()),
                )
                if holdout
                else ()
            ),
        ),
        curves=_curves(trial, total, accuracy, reached) if with_curves else (),
    )


def _curves(
    trial: Trial, total: int, final: float, reached: dict[float, float]
) -> tuple[Curve, ...]:
    schedule = np.unique(np.r_[0, np.geomspace(1, total, 1 + int(12 * math.log10(total)))].round())
    schedule = schedule.astype(int)
    windows = np.arange(100, total + 1, 100) if total >= 100 else np.array([total])
    known = {t: s for t, s in reached.items() if math.isfinite(s) and t < final}
    xs, ys = [0.0, *known.values(), float(total)], [CHANCE, *known, final]
    accuracy = np.interp(schedule, xs, ys)
    trace = 4 * (1 - np.interp(windows, xs, ys))
    curves = [Curve("trace_loss", tuple(windows.tolist()), tuple(trace.tolist()))]
    if trial.protocol.split == "holdout":
        steps = tuple(schedule.tolist())
        curves += [
            Curve("validation_accuracy", steps, tuple(accuracy.tolist())),
            Curve("validation_loss", steps, tuple((4 * (1 - accuracy)).tolist())),
        ]
    return tuple(curves)
