"""From a store of known truth to the words: each is reachable, and right."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.claims import Registry, load_registry
from analysis.contrasts import WORDS, Contrast, LostPair
from analysis.samples import load_samples
from analysis.stats.equivalence import equivalence
from analysis.stats.multiplicity import holm
from analysis.stats.paired import paired
from analysis.stats.planning import detectable_effect, seeds_needed
from analysis.stats.tuned import seeds_in_all
from analysis.verdicts import Questions, judge, judge_measured, judge_samples
from tests.synthetic import Truth, none_fails_at_the_largest_rate, write_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.claims import Claim
    from analysis.contrasts import Role, Verdict
    from suite.records import Condition, Trial
    from tests.synthetic import Fate

REGISTRY = load_registry()
SMALL = {"batch_sizes": (16, 64), "learning_rates": (1e-4, 1e-3), "curves": False}


def only(*ids: str) -> Registry:
    """The registry with a few claims, so that Holm's family is known."""
    return REGISTRY.model_copy(update={"claims": tuple(REGISTRY[i] for i in ids)})


def verdict(path: Path, claim: str, truth: Truth, **changes: object) -> Verdict:
    write_store(path, truth, **{**SMALL, "seeds": 10, **changes})
    return judge_samples(load_samples(path), only(claim))[claim]


def test_every_question_needs_what_was_found() -> None:
    questions = Questions.of(only("A1", "A2"))
    nothing = [[] for _ in questions.items]
    assert {v.word for v in judge_measured(questions, nothing)} == {"no verdict"}
    for found in (nothing[1:], [*nothing, []]):
        with pytest.raises(ValueError, match="argument 2 is"):
            judge_measured(questions, found)


def by_batch_size(small: float, large: float) -> Callable[[Condition], float]:
    return lambda condition: small if condition.batch_size == 16 else large


@pytest.mark.parametrize(("steps", "word"), [
    (0.6, "supported"),
    (-0.6, "contradicted"),
    (0.0, "no practical difference"),
    (by_batch_size(-0.6, 0.6), "depends"),
    (by_batch_size(0.6, -0.6), "depends"),
])  # fmt: skip
def test_steps_to_target(tmp_path: Path, steps: float, word: str) -> None:
    found = verdict(tmp_path, "A1", Truth(steps=steps, noise=0.04, seed_noise=0.3))
    assert found.word == word, found
    assert found.word in WORDS


@pytest.mark.parametrize(("accuracy", "word"), [
    (0.01, "supported"),
    (-0.01, "contradicted"),
    (0.0, "no practical difference"),
    (by_batch_size(0.01, -0.01), "depends"),
])  # fmt: skip
def test_accuracy(tmp_path: Path, accuracy: float, word: str) -> None:
    assert verdict(tmp_path, "A2", Truth(accuracy=accuracy, noise=0.04)).word == word


def test_a_large_noise_is_inconclusive_and_says_how_many_seeds_settle_it(tmp_path: Path) -> None:
    found = verdict(tmp_path, "A1", Truth(steps=0.2, noise=0.5))
    assert found.word == "inconclusive"
    assert found.primary is not None
    assert found.primary.seeds_needed is not None
    assert found.primary.seeds_needed > found.primary.n
    assert f"{found.primary.seeds_needed} seeds (now 10)" in found.change


def test_robust_to_the_learning_rate(tmp_path: Path) -> None:
    rates = {"learning_rates": (1e-3, 1e-1)}
    found = verdict(tmp_path, "A7", Truth(fate=none_fails_at_the_largest_rate), **rates)
    assert found.word == "supported"
    assert found.primary is not None
    assert found.primary.text.split(" [")[0].endswith("points less spread")
    largest = [r for r in found.evidence if "largest" in r.contrast.comparison.name]
    assert {r.word for r in largest} == {"supported"}
    assert largest[0].text == "100× larger [100, 100]"


def test_limits_beyond_the_range_tried_are_not_called_equal(tmp_path: Path) -> None:
    found = verdict(tmp_path, "A7", Truth(noise=0.01))
    largest = [r for r in found.evidence if "largest" in r.contrast.comparison.name]
    assert {r.word for r in largest} == {"inconclusive"}
    assert "range tried" in largest[0].why


@pytest.mark.parametrize(("means", "word"), [
    ({"none": 0.9667, "batch": 0.9751}, "supported"),
    ({"none": 0.9667, "batch": 0.9851}, "contradicted"),
    ({"none": 0.9567, "batch": 0.9751}, "contradicted"),
    ({"none": 0.9667 + 0.0030, "batch": 0.9751}, "inconclusive"),
])  # fmt: skip
def test_the_notebooks_single_runs(tmp_path: Path, means: dict[str, float], word: str) -> None:
    found = verdict(tmp_path, "N1", Truth(notebook_means=means), seeds=20)
    assert found.word == word
    assert len(found.results) == 3
    assert {r.contrast.role for r in found.results} == {"primary", "context"}


def test_fewer_than_six_seeds_give_estimates_only(tmp_path: Path) -> None:
    found = verdict(tmp_path, "A1", Truth(), seeds=5)
    assert found.word == "no verdict"
    assert "6" in found.why
    assert found.primary is not None
    assert math.isfinite(found.primary.estimate)
    assert math.isinf(found.primary.high)
    assert "[−∞" in found.primary.text
    assert found.sensitivity == ()
    assert verdict(tmp_path / "more", "A1", Truth(noise=0.02), seeds=6).word == "supported"


def losing(seeds: int, *, norm: str = "batch") -> Callable[[Trial], Fate]:
    """Lose the first seeds of one arm at every condition."""
    return lambda t: "missing" if t.condition.norm == norm and t.seed < seeds else "ok"


def test_missing_pairs(tmp_path: Path) -> None:
    few = verdict(tmp_path / "few", "A2", Truth(fate=losing(1)), seeds=10)
    assert few.word == "supported"
    assert few.missing
    many = verdict(tmp_path / "many", "A2", Truth(fate=losing(2)), seeds=10)
    assert many.word == "inconclusive"
    assert "missing" in many.why
    assert "seed 0 (treatment: missing" in many.change
    assert f"and {len(many.missing) - 3} more" in many.change


def test_gaps_away_from_the_primary_condition_count_too(tmp_path: Path) -> None:
    def fate(trial: Trial) -> Fate:
        return "missing" if trial.condition.batch_size == 16 and trial.seed < 4 else "ok"

    found = verdict(tmp_path, "A2", Truth(fate=fate))
    assert found.primary is not None
    assert found.primary.word == "supported"
    assert found.word == "inconclusive"
    assert "over all conditions" in found.why


def test_neither_arm_reaches_the_target(tmp_path: Path) -> None:
    found = verdict(tmp_path, "A1", Truth(fate=lambda _: "diverged"))
    assert found.word == "inconclusive"  # never "no practical difference"
    assert found.primary is not None
    assert "cut off" in found.why


def test_one_arm_never_reaches_the_target(tmp_path: Path) -> None:
    def fate(trial: Trial) -> Fate:
        return "diverged" if trial.condition.norm == "none" else "ok"

    found = verdict(tmp_path, "A1", Truth(fate=fate, noise=0.02))
    assert found.word == "supported"


def test_an_undefined_condition_has_no_verdict_and_disturbs_no_other(tmp_path: Path) -> None:
    def fate(trial: Trial) -> Fate:
        small = trial.condition.batch_size == 16 and trial.condition.norm == "batch"
        return "undefined" if small else "ok"

    found = verdict(tmp_path, "A2", Truth(fate=fate))
    assert found.word == "supported"
    undefined = [r for r in found.results if r.contrast.undefined and not r.n]
    assert undefined
    assert {r.word for r in undefined} == {"no verdict"}
    assert "no variance" in undefined[0].why


def test_a_grid_without_the_primary_condition(tmp_path: Path) -> None:
    found = verdict(tmp_path, "A2", Truth(), batch_sizes=(16,), learning_rates=(1e-4,))
    assert found.word == "no verdict"
    assert found.primary is None
    assert "batch size 64, learning rate 0.001" in found.why
    assert found.evidence[0].word == "supported"


def test_a_grid_without_the_study(tmp_path: Path) -> None:
    found = verdict(tmp_path, "N1", Truth(), notebook=False)
    assert found.word == "no verdict"
    assert "study notebook" in found.why
    assert found.results == ()


# --- the pure function ----------------------------------------------------------------------------


def contrast(
    differences: object, claim: str = "A2", role: Role = "primary", missing: int = 0, **more: object
) -> Contrast:
    x = np.asarray(differences, dtype=np.float64)
    return Contrast(
        comparison=REGISTRY[claim].primary,
        label=f"{role}",
        role=role,
        seeds=tuple(range(len(x))),
        differences=x,
        planned=len(x) + missing,
        missing=tuple(LostPair(100 + i, "here", "batch: missing") for i in range(missing)),
        **more,  # type: ignore[arg-type]
    )


def sample(mean: float, sd: float, n: int = 12, seed: int = 0) -> np.ndarray:
    """n numbers with exactly this mean and standard deviation."""
    x = np.random.default_rng(seed).normal(size=n)
    return mean + sd * (x - x.mean()) / x.std(ddof=1)


def test_every_figure_of_a_verdict_is_that_of_the_statistics() -> None:
    x = sample(0.004, 0.002)
    (found,) = judge([(REGISTRY["A2"], [contrast(x)])])
    test = paired(x, margin=0.002)
    result = found.primary
    assert result is not None
    assert (result.estimate, result.low, result.high, result.p) == (
        test.estimate, test.low, test.high, test.p,
    )  # fmt: skip
    assert result.p_adjusted == result.p  # a family of one
    assert result.p_permutation == test.p_permutation
    assert result.p_equivalence == equivalence(x, 0.002).p
    assert result.effect_size == test.effect_size
    assert result.minimum_detectable == test.minimum_detectable
    assert result.n == 12
    assert result.margin == 0.002


def test_holm_runs_over_the_primary_contrasts_of_all_claims() -> None:
    data = {"A1": sample(0.3, 0.44), "A2": sample(0.0034, 0.005), "A7": sample(0.03, 0.035)}
    verdicts = judge([(REGISTRY[i], [contrast(x, i)]) for i, x in data.items()])
    raw = [v.primary.p for v in verdicts if v.primary]
    assert [v.primary.p_adjusted for v in verdicts if v.primary] == pytest.approx(list(holm(raw)))
    assert max(raw) < 0.05 <= max(holm(raw))
    alone = [judge([(REGISTRY[i], [contrast(x, i)])])[0].word for i, x in data.items()]
    assert "supported" in alone
    assert [v.word for v in verdicts].count("supported") < alone.count("supported")


def test_a_claim_without_enough_seeds_is_in_no_family() -> None:
    strong = contrast(sample(0.3, 0.4), "A1")
    few = contrast([0.1, 0.2, 0.3], "A2")
    first, second = judge([(REGISTRY["A1"], [strong]), (REGISTRY["A2"], [few])])
    assert first.primary is not None
    assert first.primary.p_adjusted == first.primary.p
    assert second.word == "no verdict"


def test_holm_within_a_claim_runs_over_its_conditions() -> None:
    arms = [contrast(sample(0.004, 0.002, seed=1))] + [
        contrast(sample(0.0004 * (i + 1), 0.002, seed=i), role="evidence") for i in range(4)
    ]
    context = contrast(sample(0.0, 0.002), role="context")
    (found,) = judge([(REGISTRY["A2"], [*arms, context])])
    raw = [r.p for r in found.results if r.contrast.role != "context"]
    assert [r.p_adjusted for r in found.evidence] == pytest.approx(list(holm(raw)[1:]))
    assert found.context[0].p_adjusted == found.context[0].p


def test_context_decides_nothing() -> None:
    for_it, against = sample(0.01, 0.002), sample(-0.01, 0.002)
    (found,) = judge(
        [(REGISTRY["A2"], [contrast(for_it), contrast(against, role="context", missing=9)])]
    )
    assert found.word == "supported"
    assert found.missing == ()
    (found,) = judge([(REGISTRY["A2"], [contrast(for_it), contrast(against, role="evidence")])])
    assert found.word == "depends"
    assert "against it most: matched setting, evidence" in found.change


def test_identical_pairs_are_judged_by_the_constant_rule() -> None:
    (found,) = judge([(REGISTRY["A2"], [contrast(np.full(8, 0.005))])])
    assert found.word == "supported"
    (found,) = judge([(REGISTRY["A2"], [contrast(np.zeros(8))])])
    assert found.word == "no practical difference"
    (found,) = judge([(REGISTRY["A2"], [contrast(np.zeros(8), censored_pairs=8)])])
    assert found.word == "inconclusive"


def test_swapping_the_arms_mirrors_the_verdict() -> None:
    for x in (sample(0.004, 0.002), sample(0.0, 0.001), sample(0.001, 0.004)):
        (one,), (other,) = (judge([(REGISTRY["A2"], [contrast(s * x)])]) for s in (1, -1))
        assert one.primary is not None
        assert other.primary is not None
        assert one.primary.estimate == pytest.approx(-other.primary.estimate)
        swap = {"supported": "contradicted"}
        assert other.word == swap.get(one.word, one.word)


def test_tests_that_disagree_are_flagged() -> None:
    x = np.array([0.0002] * 11 + [0.02])
    (found,) = judge([(REGISTRY["A2"], [contrast(x)])])
    assert found.primary is not None
    assert found.primary.p > 0.05 > found.primary.p_permutation
    assert found.primary.tests_disagree


def test_the_claims_own_margin_is_used() -> None:
    claim: Claim = REGISTRY["A2"]
    x = sample(0.004, 0.002)
    strict = claim.primary.model_copy(update={"margin": 0.005})
    one = dataclasses.replace(contrast(x), comparison=strict)
    assert judge([(claim, [one])])[0].word == "inconclusive"


def test_planning_is_at_the_level_that_holm_asks_for_at_worst() -> None:
    x = sample(0.001, 0.004)
    others = [contrast(sample(0.3, 0.44), "A1"), contrast(sample(0.03, 0.035), "A7")]
    (alone,) = judge([(REGISTRY["A2"], [contrast(x)])])
    found = judge([(REGISTRY["A2"], [contrast(x)])] + [(REGISTRY["A1"], [c]) for c in others])[0]
    assert alone.primary is not None
    assert found.primary is not None
    assert alone.primary.minimum_detectable == pytest.approx(0.004 * detectable_effect(12))
    assert found.primary.minimum_detectable == pytest.approx(
        0.004 * detectable_effect(12, alpha=0.05 / 3)
    )
    assert alone.primary.seeds_needed == seeds_needed(0.001, 0.004, margin=0.002)
    assert found.primary.seeds_needed == seeds_needed(0.001, 0.004, margin=0.002, alpha=0.05 / 3)
    assert found.primary.seeds_needed > alone.primary.seeds_needed


def test_seeds_that_only_choose_a_setting_are_planned_too() -> None:
    tuned = next(c for c in REGISTRY["A2"].comparisons if c.measure == "tuned")
    x = sample(0.001, 0.004, n=8)
    one = dataclasses.replace(contrast(x), comparison=tuned)
    (found,) = judge([(REGISTRY["A2"], [one])])
    assert found.primary is not None
    tested = seeds_needed(0.001, 0.004, margin=tuned.margin)
    assert tested is not None
    assert found.primary.seeds_needed == seeds_in_all(tested) > tested
    assert "now 8, without those that choose" in found.change


def equality(differences: np.ndarray) -> Verdict:
    claim = REGISTRY["M1"]
    assert claim.primary.decision == "equality"
    assert claim.primary.margin == 0.05
    return judge([(claim, [contrast(differences, "M1")])])[0]


def test_a_claim_of_equality_is_tested_against_its_margin() -> None:
    small = equality(sample(0.001, 0.0001))  # far from 0, but far inside the margin
    assert small.word == "supported"
    assert small.primary is not None
    assert small.primary.p == 1
    assert math.isnan(small.primary.p_permutation)
    assert not small.primary.tests_disagree
    x = sample(0.06, 0.01)
    large = equality(x)
    assert large.word == "contradicted"
    assert large.primary is not None
    assert large.primary.p == pytest.approx(paired(x - 0.05).p)
    assert equality(sample(0.0501, 0.01)).word == "inconclusive"  # beyond it, but not shown to be
    near = equality(sample(0.052, 0.01))
    assert near.primary is not None
    assert near.primary.seeds_needed == seeds_needed(0.002, 0.01)
    assert equality(sample(-0.06, 0.01)).word == "contradicted"


def test_holm_holds_for_a_claim_of_equality() -> None:
    x = sample(0.06, 0.0125)
    alone = equality(x)
    assert alone.word == "contradicted"
    assert alone.primary is not None
    assert 0.01 < alone.primary.p < 0.05
    noise = [(REGISTRY[i], [contrast(sample(0.0, 1.0), i)]) for i in ("A1", "A2", "A3", "A4")]
    found = judge([(REGISTRY["M1"], [contrast(x, "M1")]), *noise])[0]
    assert found.word == "inconclusive"
