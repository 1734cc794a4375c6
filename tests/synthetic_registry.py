"""A store with every study of a real grid, probes and costs too; nothing is trained.

Numbers follow simple rules with seed noise: batch normalization converges in fewer steps, bears
larger learning rates, loses in tiny batches, has gradients that grow with depth at initialisation,
and costs time and memory. They look like the real ones and mean nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suite.cost.plan import plan_costs
from suite.cost_records import CostResult, Timing
from suite.grid import load_grid
from suite.planning import make_plan
from suite.records import Curve, Outcome, Trial, TrialResult
from suite.store import StoreWriter
from tests.synthetic import hash_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from suite.cost_records import CostTask

TARGETS: Final = {"mnist": (0.90, 0.95, 0.97), "fashion_mnist": (0.75, 0.80, 0.85)}
_BINS: Final = ("-inf", *(f"{k / 2:g}" for k in range(-12, 13)))
_IMAGES: Final = 55_000


def write_registry_store(
    path: Path,
    *,
    grid: str = "full",
    seeds: int | None = None,
    fate: Callable[[Trial], str] = lambda trial: "",
) -> Path:
    """Write a finished store of a grid and return its path.

    Parameters
    ----------
    fate
        Trial → ``failed`` or ``missing``; anything else is left to the rules.

    ``seeds=25`` of the full grid are more than 5,000 trials.
    """
    loaded = load_grid(grid, seeds=seeds)
    plan = make_plan(loaded, ["cpu"], lambda d: f"data-{d}", lambda c, p: "code-1")
    with StoreWriter(path) as store:
        run = store.begin_run(
            "2025-01-01T00:00:00+00:00",
            {
                "command": ["python", "-m", "suite.run", "--grid", grid],
                "grid": {"name": grid, "title": loaded.title},
                "datasets": {name: name for name in loaded.datasets},
                "notices": [],
                "environment": {"python": "3.11", "torch": "none", "platform": "synthetic"},
            },
            plan.studies,
            plan.planned,
        )
        trials = [t for t in plan.trials.values() if fate(t) != "missing"]
        for start in range(0, len(trials), 200):
            store.add(
                run,
                [
                    TrialResult(trial=t, status="failed", reason="Traceback:\n  synthetic")
                    if fate(t) == "failed"
                    else _result(t)
                    for t in trials[start : start + 200]
                ],
            )
        if loaded.cost is not None:
            replicates = plan_costs(loaded.cost, ["cpu"], lambda c: "v1")
            store.plan_costs(task for replicate in replicates for task in replicate.tasks)
            for replicate in replicates:
                store.add_costs(run, [_cost(task) for task in replicate.tasks])
        store.finish_run(run, "2025-01-01T01:00:00+00:00")
    return path


def _result(trial: Trial) -> TrialResult:
    c = trial.condition
    family = c.norm.partition(":")[0]
    if family == "batch" and c.batch_size == 1:
        return TrialResult(trial=trial, status="undefined", reason="one image has no variance")
    source = np.random.default_rng(
        [hash_word(repr(c)), trial.seed, hash_word(trial.protocol.split)]
    )
    level = float(np.random.default_rng([trial.seed, 1]).standard_normal())
    normal = family not in ("none", "affine_only")
    total = trial.protocol.budget.steps_for(c.train_size or _IMAGES, c.batch_size)
    best = {"adam": -3.0, "sgd": -1.0}[c.optimizer] + 0.4 * normal
    off = math.log10(c.learning_rate) - best
    if not normal and off > 0.9 and source.random() < 0.7:
        steps = _ints(_schedule(max(1, total // 10)))
        curve = Curve("validation_accuracy", steps, (0.1,) * len(steps))
        return TrialResult(
            trial=trial,
            status="diverged",
            diverged_step=steps[-1],
            outcomes=(
                Outcome("steps", steps[-1]),
                Outcome("samples", steps[-1] * c.batch_size),
                *(Outcome("steps_to_target", math.inf, f"{t:.2f}") for t in TARGETS[c.dataset]),
                *(Outcome("samples_to_target", math.inf, f"{t:.2f}") for t in TARGETS[c.dataset]),
            ),
            curves=(curve,) if trial.protocol.split == "holdout" else (),
        )
    top = {"mnist": 0.974, "fashion_mnist": 0.872}[c.dataset] + 0.012 * (c.model == "cnn")
    virtual = int(c.norm.partition(":")[2]) if family == "ghost" else c.batch_size
    tiny = 0.02 / virtual if family in ("batch", "ghost", "batch_no_affine") else 0.0
    scale = {"small": 0.05, "large": 0.1}.get(c.init, 0.0) * (0.1 if normal else 1.0)
    final = top + 0.004 * normal - tiny - scale - (0.004 if normal else 0.012) * off**2
    final += 0.001 * level + 0.0015 * float(source.standard_normal())
    final -= 0.003 * math.log10(c.batch_size / 16)
    final = min(max(final, 0.12), 0.998)
    tau = 0.08 * total * math.exp(0.3 * off**2 - 0.6 * normal + 0.1 * level)
    tau *= math.exp(0.1 * float(source.standard_normal()))
    steps = _schedule(total, trial.protocol.evaluations_per_decade)
    accuracy = final - (final - 0.1) * np.exp(-np.sqrt(3 * steps / tau))
    validation = np.clip(accuracy + 0.001 * source.standard_normal(len(steps)), 0.05, 1)
    loss = 3.2 * (1.003 - accuracy)
    trained = loss * np.exp(-(1.2 + 0.5 * normal) * steps / total)
    holdout = trial.protocol.split == "holdout"
    curves = [Curve("trace_loss", _ints(steps[1:]), _floats(loss[1:]))]
    outcomes = [
        Outcome("steps", total),
        Outcome("samples", total * c.batch_size),
        Outcome("test_accuracy", final),
        Outcome("test_loss", 3.2 * (1.003 - final)),
        Outcome("train_accuracy", min(1.0, final + 0.012)),
        Outcome("train_loss", float(trained[-1])),
        Outcome("loss_roughness", 0.5 / math.sqrt(c.batch_size) * math.exp(0.1 * level)),
    ]
    if holdout:
        curves += [
            Curve("validation_accuracy", _ints(steps), _floats(validation)),
            Curve("validation_loss", _ints(steps), _floats(loss)),
        ]
        outcomes += [
            Outcome("validation_accuracy", float(validation[-1])),
            Outcome("validation_loss", float(loss[-1])),
        ]
        for target in TARGETS[c.dataset]:
            reached = np.flatnonzero(validation >= target)
            at = float(steps[reached[0]]) if len(reached) else math.inf
            outcomes += [
                Outcome("steps_to_target", max(at, 1.0), f"{target:.2f}"),
                Outcome("samples_to_target", max(at, 1.0) * c.batch_size, f"{target:.2f}"),
            ]
    for probe in trial.protocol.probes:
        for name, facet, values in _probe(probe, trial, steps, loss, trained, normal, source):
            curves.append(Curve(name, _ints(steps), _floats(values), facet))
            if facet == "" and name not in ("gamma_mean",):
                outcomes += [
                    Outcome(name, float(values[0]), "initial"),
                    Outcome(name, float(values[-1]), "final"),
                    Outcome(name, float(np.mean(values[1:])), "mean"),
                ]
    if "train_eval" in trial.protocol.probes:
        outcomes += list(_modes(final, source))
    return TrialResult(
        trial=trial,
        status="ok",
        stack_size=4,
        seconds=total * 1e-3,
        outcomes=tuple(outcomes),
        curves=tuple(curves),
    )


def _probe(
    probe: str,
    trial: Trial,
    steps: np.ndarray[Any, Any],
    loss: np.ndarray[Any, Any],
    trained: np.ndarray[Any, Any],
    normal: bool,
    source: np.random.Generator,
) -> Iterator[tuple[str, str, np.ndarray[Any, Any]]]:
    """Give each curve of a probe: quantity, facet, values."""
    noise = np.exp(0.15 * source.standard_normal(len(steps)))
    progress = steps / steps[-1]
    depth = trial.condition.depth or 2
    batch = trial.condition.batch_size
    if probe == "train_loss":
        yield "train_loss", "", trained
        yield "train_accuracy", "", np.clip(1 - trained / 3, 0, 1)
    elif probe == "landscape":
        width = (0.25 if normal else 0.6) * loss * noise
        for share, size in zip(
            (0, 0.3, 0.6, 0.8, 1), ("0", "0.05", "0.1", "0.2", "0.4"), strict=True
        ):
            yield "landscape_loss", size, loss - share * width * 0.8
        yield "landscape_loss_range", "", width
        yield "gradient_predictiveness", "", 2 * width
        yield "effective_smoothness", "", (8 if normal else 4) * noise
    elif probe == "gradient_norm":
        spread = 0.12 if normal else -0.1
        ratio = 10 ** (spread * (depth - 2) * (1 - 0.8 * progress)) * noise
        yield "gradient_norm", "1", 0.3 * ratio
        yield "gradient_ratio", "", ratio
        yield "gradient_imbalance", "", np.abs(np.log10(ratio))
        yield "gradient_ratio_variation", "", 0.05 * noise
    elif probe == "gradient_shift":
        yield "gradient_shift", "", (0.5 if normal else 0.3) * noise
        yield "gradient_shift_cosine", "", np.clip(0.8 * noise, 0, 1)
    elif probe == "input_drift":
        for name, part in (
            ("input_drift", 1.0),
            ("input_drift_mean", 0.7),
            ("input_drift_std", 0.4),
        ):
            yield (
                name,
                "",
                part * (0.08 if normal else 0.11) * noise * np.sqrt(1 / (1 + steps / 50)),
            )
    elif probe == "preactivation":
        error = 1e-3 if normal else 0.9
        yield "normalized_variance_error", "", error * noise
        yield "normalized_mean_error", "", (1e-6 if normal else 0.5) * noise
        for layer in ("norm1", "norm2"):
            yield "preactivation_mean", layer, -0.3 * progress
            yield "preactivation_std", layer, (1.0 if normal else 0.4) + progress
    elif probe == "histogram":
        for layer in ("norm1", "norm2"):
            spread = (1.0 if normal else 0.4) + progress
            edges = np.r_[-np.inf, np.arange(-12, 13) / 2, np.inf]
            below = np.array(
                [[0.5 * math.erfc(-e / s / math.sqrt(2)) for e in edges] for s in spread]
            )
            for i, name in enumerate(_BINS):
                yield "preactivation_histogram", f"{layer} {name}", below[:, i + 1] - below[:, i]
    elif probe == "affine" and normal:
        for layer, size in (("norm1", 0.1), ("norm2", 0.2)):
            yield "gamma_mean", layer, 1 + size * progress
            yield "gamma_std", layer, 0.1 * progress
            yield "beta_mean", layer, -size * progress
            yield "beta_std", layer, 0.1 * progress
    elif probe == "running_statistics" and normal:
        yield "running_mean_gap", "", noise * (0.05 + np.exp(-steps / 20))
        yield "running_variance_gap", "", noise * (0.05 + np.exp(-steps / 30))
    elif probe == "dead_relu":
        yield "dead_relu", "", 0.05 * progress * noise
    elif probe == "gradient_noise":
        share = 1 / (1 + batch / 200 * (1 - 0.8 * progress))
        yield "gradient_noise_share", "", np.clip(share * noise**0.2, 0, 1)
    elif probe == "train_eval" and normal:
        lag = 0.3 * np.exp(-steps / 25) + 0.001 * source.standard_normal(len(steps))
        yield "running_statistics_lag", "", lag


def _modes(final: float, source: np.random.Generator) -> Iterator[Outcome]:
    for facet, lost in (("2", 0.25), ("8", 0.03), ("64", 0.004), ("1000", 0.0), ("sorted", 0.5)):
        there = final - lost + 0.002 * float(source.standard_normal())
        yield Outcome("test_accuracy_train_mode", min(there, 1.0), facet)
        yield Outcome("test_accuracy_eval_mode", final, facet)
        if facet not in ("1000", "sorted"):
            yield Outcome("prediction_flips", 1.2 * lost, facet)
    yield Outcome("test_accuracy_population", final + 0.0005 * float(source.standard_normal()))


def _cost(task: CostTask) -> CostResult:
    c = task.condition
    source = np.random.default_rng([hash_word(repr(c)), task.replicate])
    level = float(np.random.default_rng([task.replicate, 2]).normal(0, 0.2))
    batch, rows = c.norm == "batch", c.batch_size
    if batch and rows == 1:
        return CostResult(
            task=task,
            status="undefined",
            reason="one image has no variance",
            hardware="simulated",
            outcomes=(Outcome("pass_seconds", 1e-4, "inference"),),
        )
    step = (4e-4 + 2e-6 * rows) * math.exp(0.15 * batch + level + 0.02 * source.standard_normal())
    kinds = {"parameters": 437e3, "buffers": 2e3 * batch, "gradients": 437e3}
    kinds |= {"optimizer_state": 875e3, "batch": 3136.0 * rows}
    kinds |= {"saved_activations": (3900.0 + 1600 * batch) * rows}
    return CostResult(
        task=task,
        status="ok",
        hardware="simulated",
        outcomes=(
            Outcome("pass_seconds", step, "train_step"),
            Outcome("pass_seconds", step / 4, "inference"),
            *([Outcome("pass_seconds", step / 4.4, "inference_folded")] * batch),
            Outcome("images_per_second", rows / step, "train_step"),
            Outcome("matmul_peak_share", min(0.9, 6e-10 * rows / step * 1e3), "train_step"),
            Outcome("training_bytes", sum(kinds.values())),
            *(Outcome("memory_bytes", size, kind) for kind, size in kinds.items()),
        ),
        timings=(Timing("train_step", 4, (step, 1.02 * step, 1.04 * step), ()),),
    )


def _schedule(total: int, per_decade: int = 12) -> np.ndarray[Any, Any]:
    points = 2 + int(per_decade * math.log10(max(total, 2)))
    return np.unique(np.r_[0, np.geomspace(1, total, points).round()]).astype(int)


def _ints(values: np.ndarray[Any, Any]) -> tuple[int, ...]:
    return tuple(int(v) for v in values)


def _floats(values: np.ndarray[Any, Any]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
