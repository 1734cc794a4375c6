"""Stores whose every number is written by the test that makes them."""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.claims import Claim
from analysis.comparison import Comparison
from analysis.measures import MEASURES
from analysis.samples import load_samples
from analysis.verdicts import judge
from suite.records import AXES, Budget, Condition, Curve, Outcome, Protocol, Trial, TrialResult
from suite.store import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from analysis.contrasts import Contrast, Verdict
    from suite.records import Status

Curves = dict[str, tuple["Sequence[int]", "Sequence[float]"]]
# Outcomes by ``quantity`` or ``quantity@facet``, curves by quantity, or a status.
Made = tuple[dict[str, float], Curves] | dict[str, float] | str

CHANCE = {"mnist": 0.1, "fashion_mnist": 0.1}
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


def comparison(measure: str, metric: str, **fields: Any) -> Comparison:
    """Make a comparison of the handmade study."""
    return Comparison.model_validate(
        {
            **{"name": "n", "measure": measure, "metric": metric, "study": "study"},
            **{"direction": "higher", "scale": "difference", "margin": 0.002},
            **{"margin_why": "a size that tests can work with", "reads": ("a", "b")},
            **fields,
        }
    )


def measured(path: Path, wanted: Comparison) -> list[Contrast]:
    """Make the contrasts of a comparison on a store."""
    return MEASURES[wanted.measure](load_samples(path), wanted, CHANCE)


def verdict(path: Path, *wanted: Comparison) -> Verdict:
    """Judge a claim of these comparisons on a store."""
    claim = Claim(
        id="A1", group="advantages", title="t", sentence="s", source="q", comparisons=wanted
    )
    return judge([(claim, [c for w in wanted for c in measured(path, w)])])[0]


def noise(*parts: object) -> float:
    """Draw one standard normal number that depends on the parts and nothing else."""
    return float(np.random.default_rng(zlib.crc32(repr(parts).encode())).normal())
