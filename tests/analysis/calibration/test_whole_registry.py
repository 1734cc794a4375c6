"""Reports on null data: many in one pass give what each gives alone."""

from __future__ import annotations

from analysis.calibration.whole_registry import (
    _deciding,
    _judged_reports,
    _simulated,
    _trials,
    judge_null_reports,
)
from analysis.claims import load_registry
from analysis.measures import claim_contrasts
from analysis.verdicts import judge

REGISTRY = load_registry()
CLAIMS = [_deciding(claim) for claim in REGISTRY]


def words(numbers: list[int], spread: float) -> list[dict[str, str]]:
    samples = _simulated(REGISTRY, 12, numbers, 1, spread)
    return [dict(found) for found in _judged_reports(CLAIMS, samples, REGISTRY.chance)]


def test_reports_in_one_pass_give_what_each_gives_alone() -> None:
    """With little noise, so that words differ between claims and reports."""
    together = words([3, 4], 1.5)
    assert together == words([3], 1.5) + words([4], 1.5)
    assert together[0] != together[1]
    assert len(set(together[0].values())) >= 2


def test_a_report_alone_is_what_a_reader_would_get() -> None:
    samples = _simulated(REGISTRY, 12, [3], 1, 1.5)
    verdicts = judge([(c, claim_contrasts(samples, c, REGISTRY.chance)) for c in CLAIMS])
    assert words([3], 1.5) == [{v.claim.id: v.word for v in verdicts}]


def test_every_claim_is_judged_and_counted() -> None:
    count = judge_null_reports(REGISTRY, 12, [0, 1], 1, spread=5.0)
    assert count.claims == {claim.id for claim in REGISTRY}
    assert count.simulations == 2


def test_the_design_has_every_seed_at_every_condition() -> None:
    frame, _ = _trials(REGISTRY, 12)
    assert set(frame["seed"]) == set(range(12))
    assert not frame.duplicated().any()
