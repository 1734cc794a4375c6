"""How often a whole registry of claims, on data without any effect, gives a false verdict.

Trials of every study that the registry names are simulated with outcomes that depend on the
learning rate, the seed and luck, and on nothing else, so that no arm differs from another. They
take the whole way of real data: samples, measures, Holm, rule.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from analysis.calibration.table import Row, rate_row
from analysis.comparison import OUTCOME
from analysis.costs import STUDY as COST_STUDY
from analysis.costs import Costs
from analysis.decision import decide, judged
from analysis.measures import claim_contrasts
from analysis.measures.matched import TRAINED_ON
from analysis.measures.pairs import FACET_WORDS
from analysis.samples import Samples
from suite.records import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.claims import Claim, Registry
    from analysis.comparison import Comparison
    from analysis.contrasts import Contrast, Word
    from analysis.decision import Decision

MOST_REPORTS: Final = 0.05
# A small design for each axis that a measure reduces over; others take what the claims name. More
# conditions would be more evidence, of which the primary contrasts need none; it can add `depends`,
# which is counted apart.
_LEVELS: Final[dict[str, tuple[Any, ...]]] = {
    "batch_size": (16, 64),
    "learning_rate": (1e-4, 1e-3, 1e-1),
    "depth": (2, 5, 10, 20),
    "init": ("default", "he", "xavier"),
    "train_size": (500, 2000),
    "dataset": ("mnist", "fashion_mnist"),
    "model": ("mlp", "cnn"),
}
_USUAL: Final[dict[str, Any]] = {
    **{"dataset": "mnist", "model": "mlp", "norm": "batch", "batch_size": 64},
    **{"learning_rate": 1e-3, "optimizer": "adam", "init": "default", "weight_decay": 0.0},
    **{"depth": None, "train_size": None},
}
_TARGETS: Final = ("0.90", "0.95", "0.97")  # facets of a time-to-target
_BUDGET: Final = 4000.0
_LUCK: Final = 0.7  # correlation of one run's outcomes with each other


class _Simulated(Samples):
    """Samples that have no store behind them: the costs are among the trials.

    A curve stays at the trial's own outcome; the training loss falls alike in all trials.
    """

    @cached_property
    def costs(self) -> Costs:
        return Costs(self.trials[self.trials["study"] == COST_STUDY], pd.DataFrame())

    def curves(self, quantity: str, study: str | None = None) -> pd.DataFrame:
        del study
        where = ["study", "key", "device"]
        start, end = (
            self.trials[where].assign(
                facet="",
                step=step,
                value=loss if quantity == TRAINED_ON else self.trials[quantity],
            )
            for step, loss in ((0, 1.0), (int(_BUDGET), 0.01))
        )
        return pd.concat([start, end], ignore_index=True)


@dataclass(frozen=True)
class RegistryCount:
    """What a number of reports on null data said.

    Parameters
    ----------
    simulations
        Reports.
    false
        Reports with at least one false ``supported`` or ``contradicted``.
    depends
        Reports with at least one ``depends``.
    claims
        Identifiers of the claims that got a verdict in any of them.
    """

    simulations: int = 0
    false: int = 0
    depends: int = 0
    claims: frozenset[str] = frozenset()

    def __add__(self, other: RegistryCount) -> RegistryCount:
        return RegistryCount(
            self.simulations + other.simulations,
            self.false + other.false,
            self.depends + other.depends,
            self.claims | other.claims,
        )


def judge_null_reports(
    registry: Registry, n: int, numbers: Sequence[int], seed: int, *, spread: float
) -> RegistryCount:
    """Judge the registry on null data, once for each number.

    Parameters
    ----------
    n
        Seeds of a report.
    numbers
        Which reports: the same number and seed give the same report.
    spread
        Standard deviation of a difference, in margins of the strictest claim on that outcome. With
        less than one the equivalence tests pass; with several, any chance finding also exceeds its
        margin, and the promise is hardest to keep.
    """
    deciding = [_deciding(claim) for claim in registry]
    samples = _simulated(registry, n, numbers, seed, spread)
    reports = _judged_reports(deciding, samples, registry.chance)
    assert len(reports) == len(numbers)
    return RegistryCount(
        simulations=len(reports),
        false=sum(any(_is_false(c, words[c.id]) for c in deciding) for words in reports),
        depends=sum("depends" in words.values() for words in reports),
        claims=frozenset(
            c for words in reports for c, word in words.items() if word != "no verdict"
        ),
    )


def _judged_reports(
    claims: Sequence[Claim], samples: Samples, chance: Mapping[str, float]
) -> list[dict[str, Word]]:
    """Measure all reports in one pass, and judge each by itself.

    Each report is a device, for the measures never pool devices, and most of their time is spent
    once for all rows. Which contrast decides is settled for the first device and copied to the
    others, since in a real report they would only be shown.
    """
    measured = [claim_contrasts(samples, claim, chance) for claim in claims]
    first = min(str(c.condition["device"]) for row in measured for c in row)
    roles = {_place(c): c.role for row in measured for c in row if c.condition["device"] == first}
    reports: dict[str, list[list[Contrast]]] = {}
    for i, row in enumerate(measured):
        for contrast in row:
            own = reports.setdefault(str(contrast.condition["device"]), [[] for _ in claims])
            own[i].append(dataclasses.replace(contrast, role=roles[_place(contrast)]))
    return [
        {
            claim.id: decision.word
            for claim, decision in zip(claims, _decisions(claims, own), strict=True)
        }
        for _, own in sorted(reports.items())
    ]


def _decisions(claims: Sequence[Claim], rows: Sequence[Sequence[Contrast]]) -> list[Decision]:
    return decide([(c, list(map(judged, row))) for c, row in zip(claims, rows, strict=True)])


def _place(contrast: Contrast) -> tuple[object, ...]:
    where = sorted((k, str(v)) for k, v in contrast.condition.items() if k != "device")
    # A comparison stands in one claim, and names are unique there; its hash would cost more.
    return id(contrast.comparison), *where


def registry_rows(count: RegistryCount, claims: int, n: int, spread: float) -> list[Row]:
    """Turn a count into the rows that the report shows; ``claims`` are in the registry."""
    scenario = f"{len(count.claims)} of {claims} claims judged, spread {spread:g} margins"
    return [
        rate_row(
            *("registry", "at least one false supported or contradicted", scenario, n),
            hits=count.false,
            simulations=count.simulations,
            most=MOST_REPORTS,
        ),
        rate_row(
            *("registry", "at least one depends", scenario, n),
            hits=count.depends,
            simulations=count.simulations,
        ),
    ]


def _deciding(claim: Claim) -> Claim:
    """Leave out the comparisons that are only shown: they take time and decide nothing."""
    deciding = tuple(c for c in claim.comparisons if c.role != "context")
    return claim.model_copy(update={"comparisons": deciding})


def _is_false(claim: Claim, word: Word) -> bool:
    """Say whether a verdict is false.

    No arm has an effect here, published runs are typical, and what should be 0 is.
    """
    if claim.primary.decision != "superiority":
        return word == "contradicted"
    return word in ("supported", "contradicted")


def _trials(registry: Registry, n: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """Plan the smallest design in which every comparison finds its arms."""
    by_study: dict[str, list[Comparison]] = {}
    for claim in map(_deciding, registry):
        for comparison in claim.comparisons:
            by_study.setdefault(comparison.study, []).append(comparison)
    rows: list[dict[str, Any]] = []
    for study, comparisons in by_study.items():
        conditions = {c for comparison in comparisons for c in _conditions(comparison)}
        # Every comparison of a study reads all of its trials, so the axes are crossed.
        axes = {a: sorted({c[i] for c in conditions}, key=str) for i, a in enumerate(_USUAL)}
        for values in itertools.product(*axes.values()):
            condition = Condition(**dict(zip(axes, values, strict=True)))
            rows += [
                {
                    **{axis: getattr(condition, axis) for axis in _USUAL},
                    **{"study": study, "seed": seed},
                }
                for seed in range(n)
            ]
    frame = pd.DataFrame(rows).assign(
        store="simulated",
        status="ok",
        reason="",
        budget_steps=_BUDGET,
        budget_samples=64 * _BUDGET,
        key=np.arange(len(rows)).astype(str),
    )
    return frame.astype({"depth": "Int64", "train_size": "Int64"}), dict.fromkeys(by_study, "")


def _conditions(comparison: Comparison) -> list[tuple[Any, ...]]:
    axes: dict[str, tuple[Any, ...]] = {axis: (value,) for axis, value in _USUAL.items()}
    axes |= {axis: (value,) for axis, value in comparison.primary.items()}
    axes |= dict(comparison.where)
    for axis in (comparison.over, *comparison.mean_over):
        if axis is not None:
            axes[axis] = comparison.where.get(axis, _LEVELS[axis])
    arms = comparison.arms
    if arms.axis != comparison.over:  # else the measure makes the arms of its settings
        both = comparison.measure != "exact"  # which has no second arm
        axes[arms.axis] = (arms.treatment, arms.control) if both else (arms.treatment,)
    return list(itertools.product(*(axes[axis] for axis in _USUAL)))


def _simulated(
    registry: Registry, n: int, numbers: Sequence[int], seed: int, spread: float
) -> Samples:
    """Simulate reports, each on a device of its own; a report does not depend on the others."""
    frame, studies = _trials(registry, n)
    reports = [
        _outcomes(registry, frame, spread, [seed, n, number]).assign(
            device=f"report {number:09d}", key=f"{number}-" + frame["key"]
        )
        for number in numbers
    ]
    # A frame that is copied is one block for each type, which every later selection is faster for.
    return _Simulated(pd.concat(reports, ignore_index=True).copy(), studies, (), {})


def _outcomes(
    registry: Registry, frame: pd.DataFrame, spread: float, seed: Sequence[int]
) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    rate = np.log10(frame["learning_rate"].to_numpy(np.float64)) + 3
    # Best at 0.001, and at the largest rate near the lowest target, where luck decides what trains.
    curve = -np.where(rate > 0, rate**2 / 4, rate**2 / 8)
    seeds = frame["seed"].to_numpy()
    levels = generator.normal(size=(seeds.max() + 1, 2))[seeds]
    luck = generator.normal(size=len(frame))
    columns: dict[str, Any] = {"steps": _BUDGET, "samples": 64 * _BUDGET}
    zero = {
        c.metric: c.scaled_margin
        for claim in registry
        for c in claim.comparisons
        if c.decision == "equality"
    }
    for metric, facets in _wanted(registry).items():
        own = generator.normal(size=len(frame))
        noise = (_LUCK * luck + math.sqrt(1 - _LUCK**2) * own) / math.sqrt(2)
        for position, facet in enumerate(facets):
            width = spread * _margin(registry, metric)
            z = width * (noise + levels[:, 0]) + 0.05 * curve * (not _is_ratio(registry, metric))
            if _is_ratio(registry, metric):
                values = 500.0 * 2.0**position * np.exp(z - 0.5 * curve)
                if metric.endswith("_to_target"):
                    values = np.where(values > _BUDGET, np.inf, values)
            elif metric in zero:
                values = 0.3 * zero[metric] * np.abs(noise)
            else:
                values = 0.95 + z
            columns[f"{metric}@{facet}" if facet else metric] = values
    simulated = frame.assign(**columns)
    for comparison in (c for claim in registry for c in claim.comparisons):
        for arm, value in comparison.reference.items():
            here = (simulated["study"] == comparison.study) & (
                simulated[comparison.arms.axis] == arm
            )
            typical = value + 0.002 * generator.normal(size=int(here.sum()))
            simulated.loc[here, comparison.metric] = typical
    return simulated


def _wanted(registry: Registry) -> dict[str, list[str]]:
    """Find the outcomes that the registry reads: metric → facets."""
    wanted: dict[str, list[str]] = {"steps_to_target": list(_TARGETS)}
    for claim in registry:
        for c in claim.comparisons:
            plain = c.facet in FACET_WORDS or c.measure == "matched"
            outcomes = [c.metric if plain else f"{c.metric}@{c.facet}", c.select_by, c.minus]
            if c.arms.axis == OUTCOME:
                outcomes += [str(c.arms.treatment), str(c.arms.control)]
            for metric, _, facet in (name.partition("@") for name in filter(None, outcomes)):
                facets = wanted.setdefault(metric, [])
                if c.facet in FACET_WORDS and metric == c.metric:
                    facets += [t for t in _TARGETS if t not in facets]
                elif facet not in facets:
                    facets.append(facet)
    return wanted


def _margin(registry: Registry, metric: str) -> float:
    """Give the strictest margin on a metric, on its own scale."""
    found = [
        c.scaled_margin
        for claim in registry
        for c in claim.comparisons
        if metric in (c.metric, c.select_by) and c.decision == "superiority"
        if (c.scale == "log_ratio") == _is_ratio(registry, metric)
    ]
    return min(found, default=0.01)


def _is_ratio(registry: Registry, metric: str) -> bool:
    """Whether a metric is a positive size that is compared by ratios; accuracies never are."""
    scales = {c.scale for claim in registry for c in claim.comparisons if c.metric == metric}
    return "log_ratio" in scales and not metric.endswith("accuracy")
