"""Stores whose every number is written by the test that makes them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from suite.records import AXES, Budget, Condition, Curve, Outcome, Protocol, Trial, TrialResult
from suite.store import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from suite.records import Status

Curves = dict[str, tuple["Sequence[int]", "Sequence[float]"]]
# Outcomes by ``quantity`` or ``quantity@facet``, curves by quantity, or a status.
Made = tuple[dict[str, float], Curves] | dict[str, float] | str

USUAL = {"dataset": "mnist", "model": "mlp", "norm": "batch", "batch_size": 64}


def write_trials(
    path: Path,
    make: Callable[[Condition, int], Made],
    *,
    study: str = "study",
    seeds: int = 8,
    budget: Budget | None = None,
    **axes: Any,
) -> Path:
    """Write a store of one study, the product of the axes, and return its path.

    Parameters
    ----------
    make
        Condition and seed → what the trial gave: outcomes, or outcomes and curves, or a status
        (``missing`` for none).
    axes
        Axis → a value or a list of them; ``USUAL`` and a learning rate of 0.001 for others.
    """
    values = {"learning_rate": 1e-3, **USUAL, **axes}
    listed = {a: v if isinstance(v, (list, tuple)) else [v] for a, v in values.items()}
    assert set(listed) <= set(AXES)
    protocol = Protocol(budget=budget or Budget(steps=100))
    trials = [
        Trial(
            condition=Condition(**dict(zip(listed, chosen, strict=True))),
            seed=seed,
            protocol=protocol,
            device="cpu",
            data_fingerprint=f"data-{chosen[list(listed).index('dataset')]}",
            code_version="code",
        )
        for chosen in itertools.product(*listed.values())
        for seed in range(seeds)
    ]
    results = [_result(trial, make(trial.condition, trial.seed)) for trial in trials]
    with StoreWriter(path) as store:
        run = store.begin_run(
            "2025-01-01T00:00:00+00:00",
            {"grid": {"name": "handmade", "title": "handmade"}, "datasets": {}},
            [(study, "handmade")],
            [(study, trial) for trial in trials],
        )
        store.add(run, [r for r in results if r is not None])
        store.finish_run(run, "2025-01-01T01:00:00+00:00")
    return path


def _result(trial: Trial, made: Made) -> TrialResult | None:
    if made == "missing":
        return None
    if isinstance(made, str):
        status: Status = made  # type: ignore[assignment]
        diverged = status == "diverged"
        return TrialResult(
            trial=trial,
            status=status,
            reason="" if diverged else f"made {status}",
            diverged_step=1 if diverged else None,
        )
    outcomes, curves = made if isinstance(made, tuple) else (made, {})
    return TrialResult(
        trial=trial,
        status="ok",
        outcomes=tuple(
            Outcome(name, value, facet)
            for (name, _, facet), value in ((k.partition("@"), v) for k, v in outcomes.items())
        ),
        curves=tuple(
            Curve(name, tuple(steps), tuple(values)) for name, (steps, values) in curves.items()
        ),
    )
