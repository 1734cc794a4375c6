"""Every claim of the registry has its evidence in the full grid: the two files are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.claims import load_registry
from analysis.comparison import OUTCOME
from analysis.costs import STUDY as COST_STUDY
from analysis.measures.labels import same_value
from analysis.measures.matched import TRAINED_ON
from suite.grid import load_grid
from suite.norms import parse_norm
from suite.probes import PROBES
from suite.quantities import QUANTITIES

if TYPE_CHECKING:
    from analysis.claims import Claim
    from analysis.comparison import AxisValue, Comparison
    from suite.grid import Grid, Study
    from suite.records import Condition

REGISTRY = load_registry()
FULL, QUICK = load_grid("full"), load_grid("quick")
# What the trainer itself stores of every trial with validation images.
BY_TRAINER = {
    "steps_to_target", "samples_to_target", "train_loss", "train_accuracy", "validation_loss",
    "validation_accuracy", "test_loss", "test_accuracy", "loss_roughness",
}  # fmt: skip
NOT_FOR_CLAIMS = {"aa": "the check of the analysis on real runs of one arm"}

CASES = [(c, t) for c in REGISTRY for t in c.comparisons]
IDS = [f"{c.id}: {t.name}" for c, t in CASES]


def study_of(grid: Grid, name: str) -> Study:
    found = [s for s in grid.studies if s.name == name]
    assert found, f"no study {name!r}"
    return found[0]


def conditions_of(grid: Grid, comparison: Comparison) -> tuple[Condition, ...]:
    """Conditions of the comparison's study within its limits."""
    if comparison.study == COST_STUDY:
        assert grid.cost is not None
        found = grid.cost.conditions
    else:
        found = study_of(grid, comparison.study).conditions
    return tuple(
        c
        for c in found
        if all(one_of(getattr(c, axis), values) for axis, values in comparison.where.items())
    )


def one_of(value: object, allowed: tuple[AxisValue, ...]) -> bool:
    return any(same_value(value, v) for v in allowed)


def pairs_of(grid: Grid, comparison: Comparison) -> list[tuple[Condition, Condition]]:
    """Conditions of both arms that differ in the arms' axis alone; an arm of its own is paired
    with itself.
    """
    conditions, arms = conditions_of(grid, comparison), comparison.arms
    if comparison.measure == "best" or arms.axis == OUTCOME:
        return [(c, c) for c in conditions]
    treated = [c for c in conditions if same_value(getattr(c, arms.axis), arms.treatment)]
    if comparison.measure == "exact":
        return [(c, c) for c in treated]
    control = [c for c in conditions if same_value(getattr(c, arms.axis), arms.control)]

    def rest(condition: Condition) -> dict[str, object]:
        return {a: v for a, v in vars(condition).items() if a != arms.axis}

    return [(a, b) for a in treated for b in control if rest(a) == rest(b)]


def deciding(grid: Grid, comparison: Comparison) -> list[tuple[Condition, Condition]]:
    """Pairs at the primary condition."""
    fixed = comparison.primary.items()
    return [
        (a, b)
        for a, b in pairs_of(grid, comparison)
        if all(same_value(getattr(a, axis), v) for axis, v in fixed)
    ]


@pytest.mark.parametrize(("claim", "comparison"), CASES, ids=IDS)
def test_the_full_grid_holds_the_conditions(claim: Claim, comparison: Comparison) -> None:
    pairs = pairs_of(FULL, comparison)
    assert pairs, f"{claim.id}: no pair of its arms in study {comparison.study}"
    assert deciding(FULL, comparison), f"{claim.id}: the grid lacks {comparison.primary}"
    for axis, values in comparison.where.items():
        there = {getattr(c, axis) for pair in pairs for c in pair}
        for value in values:
            assert any(same_value(t, value) for t in there), f"{claim.id}: no {axis} {value}"


@pytest.mark.parametrize(("claim", "comparison"), CASES, ids=IDS)
def test_axes_that_are_reduced_over_vary(claim: Claim, comparison: Comparison) -> None:
    pairs = pairs_of(FULL, comparison)
    for axis in filter(None, (comparison.over, *comparison.mean_over)):
        values = {getattr(a, axis) for a, _ in pairs}
        assert len(values) > 1, f"{claim.id}: {axis} does not vary in study {comparison.study}"
        if comparison.baseline is not None and axis == comparison.over:
            assert any(same_value(v, comparison.baseline) for v in values)


@pytest.mark.parametrize(("claim", "comparison"), CASES, ids=IDS)
def test_the_study_measures_what_is_read(claim: Claim, comparison: Comparison) -> None:
    if comparison.study == COST_STUDY:
        return
    study = study_of(FULL, comparison.study)
    probed = {q for name in study.protocol.probes for q in PROBES[name].quantities}
    outcomes = [comparison.metric, comparison.select_by, comparison.minus]
    if comparison.arms.axis == OUTCOME:
        outcomes += [str(comparison.arms.treatment), str(comparison.arms.control)]
    for outcome in filter(None, outcomes):
        name = outcome.partition("@")[0]
        assert name in BY_TRAINER | probed, f"{claim.id}: {study.name} does not measure {name}"
        if name.startswith("validation") or name.endswith("to_target"):
            assert study.protocol.split == "holdout", f"{claim.id}: {study.name}"
    if comparison.measure == "matched":
        assert TRAINED_ON in probed, f"{claim.id}: {study.name} has no {TRAINED_ON} along the way"
    if comparison.after is not None:
        images = study.protocol.budget
        assert QUANTITIES[comparison.metric].kind != "outcome"
        assert images.samples is None or images.samples >= comparison.after


@pytest.mark.parametrize("claim", REGISTRY.claims, ids=lambda c: c.id)
def test_both_large_grids_have_seeds_enough_for_a_verdict(claim: Claim) -> None:
    comparison = claim.primary
    for grid, least in ((FULL, 12), (QUICK, 6)):
        if comparison.study == COST_STUDY:
            continue
        assert len(study_of(grid, comparison.study).seeds) >= least
        assert deciding(grid, comparison), f"{claim.id}: {grid.name} lacks {comparison.primary}"


def test_every_study_serves_a_claim() -> None:
    read = {t.study for _, t in CASES}
    for grid in (FULL, QUICK):
        for study in grid.studies:
            assert study.name in read | NOT_FOR_CLAIMS.keys(), study.name


def test_the_check_on_one_arm_has_other_seeds_at_the_grids_own_condition() -> None:
    other, main = study_of(FULL, "aa"), study_of(FULL, "grid")
    assert set(other.conditions) <= set(main.conditions)
    assert other.protocol == main.protocol
    assert not set(other.seeds) & set(main.seeds)


def test_batch_norm_is_asked_where_it_is_undefined() -> None:
    (alone,) = {c.batch_size for c in study_of(FULL, "batch_of_one").conditions}
    assert alone == 1
    assert any(
        parse_norm(c.norm).spec.batch_statistics for c in study_of(FULL, "batch_of_one").conditions
    )
