"""The verdict rule at every boundary."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.rule import Figures, claim_word, contrast_word, equality_word, typical_word

CLEAR = Figures(
    n=12, missing=0, estimate=1.0, low=0.5, high=1.5, p=0.001, p_equivalence=1.0, margin=0.5
)
JUST_BELOW = math.nextafter(0.05, 0)


def word(**changes: float) -> str:
    return contrast_word(dataclasses.replace(CLEAR, **changes))[0]


def test_clear_cases() -> None:
    assert word() == "supported"
    assert word(estimate=-1.0, low=-1.5, high=-0.5) == "contradicted"
    assert word(estimate=0.1, low=-0.1, high=0.3, p=0.4, p_equivalence=0.001) == (
        "no practical difference"
    )
    assert word(estimate=0.1, low=-0.5, high=0.7, p=0.7, p_equivalence=0.2) == "inconclusive"


def test_p_of_exactly_the_level_is_not_significant() -> None:
    assert word(p=0.05) == "inconclusive"
    assert word(p=JUST_BELOW) == "supported"
    assert word(p=0.05, estimate=-1.0, low=-1.5, high=-0.5) == "inconclusive"
    assert word(p=JUST_BELOW, estimate=-1.0, low=-1.5, high=-0.5) == "contradicted"


def test_an_interval_that_touches_zero_does_not_exclude_it() -> None:
    assert word(low=0.0) == "inconclusive"
    assert word(low=math.nextafter(0.0, 1)) == "supported"
    assert word(estimate=-1.0, low=-1.5, high=0.0) == "inconclusive"
    assert word(estimate=-1.0, low=-1.5, high=math.nextafter(0.0, -1)) == "contradicted"


def test_an_estimate_of_exactly_the_margin_counts() -> None:
    assert word(estimate=0.5, low=0.1, high=0.9) == "supported"
    assert word(estimate=math.nextafter(0.5, 0), low=0.1, high=0.9) == "inconclusive"
    assert word(estimate=-0.5, low=-0.9, high=-0.1) == "contradicted"
    assert word(estimate=-math.nextafter(0.5, 0), low=-0.9, high=-0.1) == "inconclusive"


def test_a_real_difference_below_the_margin_is_no_practical_one() -> None:
    small = {"estimate": 0.2, "low": 0.1, "high": 0.3, "p": 0.001}
    assert word(**small, p_equivalence=JUST_BELOW) == "no practical difference"
    assert word(**small, p_equivalence=0.05) == "inconclusive"


def test_not_significant_is_not_no_difference() -> None:
    assert word(estimate=0.0, low=-2.0, high=2.0, p=1.0, p_equivalence=0.3) == "inconclusive"


@pytest.mark.parametrize(
    ("n", "missing", "expected"),
    [
        (5, 0, "no verdict"),
        (0, 0, "no verdict"),
        (0, 5, "no verdict"),
        (6, 0, "supported"),
        (5, 1, "inconclusive"),
        (18, 2, "supported"),  # exactly 10 % is not more
        (17, 2, "inconclusive"),
        (9, 1, "supported"),
        (8, 1, "inconclusive"),
        (0, 12, "inconclusive"),
    ],
)
def test_seeds_and_missing_pairs(n: int, missing: int, expected: str) -> None:
    assert word(n=n, missing=missing) == expected


def test_times_cut_off_show_no_equivalence_but_do_show_a_difference() -> None:
    same = {"estimate": 0.0, "low": 0.0, "high": 0.0, "p": 1.0, "p_equivalence": 0.001}
    assert word(**same, n=20, censored=2) == "no practical difference"
    assert word(**same, n=20, censored=3) == "inconclusive"
    assert word(censored=12) == "supported"


def test_constant_samples_follow_the_same_rule() -> None:
    assert word(estimate=1.0, low=1.0, high=1.0, p=2**-11) == "supported"
    assert word(estimate=0.1, low=0.1, high=0.1, p=2**-11, p_equivalence=2**-12) == (
        "no practical difference"
    )


def test_typical() -> None:
    assert typical_word(dataclasses.replace(CLEAR, p=1.0, p_equivalence=0.01))[0] == "supported"
    assert typical_word(dataclasses.replace(CLEAR, p=0.01, p_equivalence=1.0))[0] == "contradicted"
    assert typical_word(dataclasses.replace(CLEAR, p=0.3, p_equivalence=0.7))[0] == "inconclusive"
    assert typical_word(dataclasses.replace(CLEAR, n=5))[0] == "no verdict"


def test_a_claim_that_nothing_is_there() -> None:
    """A deviation other than 0 does not contradict it; one beyond the margin does."""
    tiny = dataclasses.replace(CLEAR, margin=1.0, estimate=0.1, low=0.09, high=0.11, p=1e-9)
    assert equality_word(dataclasses.replace(tiny, p_equivalence=0.01))[0] == "supported"
    unclear = dataclasses.replace(tiny, estimate=1.02, low=0.98, high=1.06, p_equivalence=0.8)
    assert equality_word(unclear)[0] == "inconclusive"
    beyond = dataclasses.replace(unclear, estimate=1.2, low=1.0, high=1.4)
    assert equality_word(beyond)[0] == "contradicted"
    below = dataclasses.replace(unclear, estimate=-1.2, low=-1.4, high=-1.0)
    assert equality_word(below)[0] == "contradicted"
    assert equality_word(dataclasses.replace(beyond, p=0.06))[0] == "inconclusive"
    assert equality_word(dataclasses.replace(tiny, n=5, p_equivalence=0.01))[0] == "no verdict"
    cut = dataclasses.replace(tiny, n=20, p_equivalence=0.01)
    assert equality_word(dataclasses.replace(cut, censored=2))[0] == "supported"
    assert equality_word(dataclasses.replace(cut, censored=3))[0] == "inconclusive"


WORDS = ("supported", "contradicted", "no practical difference", "inconclusive", "no verdict")


@pytest.mark.parametrize(("primary", "evidence"), list(itertools.product(WORDS[:4], repeat=2)))
def test_conditions_that_disagree_beyond_the_margin_make_it_depend(
    primary: str, evidence: str
) -> None:
    found, _ = claim_word([primary], [evidence, "inconclusive"], pairs=36, missing=0)
    both = {primary, evidence} >= {"supported", "contradicted"}
    assert found == ("depends" if both else primary)


def test_evidence_alone_can_make_it_depend() -> None:
    found, why = claim_word(
        ["inconclusive"], ["supported", "contradicted", "supported"], pairs=48, missing=0
    )
    assert found == "depends"
    assert "2 of 4" in why


def test_a_claim_with_too_many_missing_pairs_anywhere_is_inconclusive() -> None:
    assert claim_word(["supported"], ["supported"], pairs=100, missing=10)[0] == "supported"
    found, why = claim_word(["supported"], ["supported"], pairs=100, missing=11)
    assert found == "inconclusive"
    assert "11 of 100" in why


def test_no_primary_contrast_is_no_verdict() -> None:
    assert claim_word([], ["supported"], pairs=12, missing=0)[0] == "no verdict"
    assert claim_word(["no verdict"], ["contradicted"], pairs=12, missing=0)[0] == "no verdict"


def test_several_primary_contrasts_must_all_hold() -> None:
    def both(*words: str) -> str:
        return claim_word(list(words), [], pairs=24, missing=0)[0]

    assert both("supported", "supported") == "supported"
    assert both("supported", "inconclusive") == "inconclusive"
    assert both("supported", "contradicted") == "contradicted"


numbers = st.floats(-10, 10)
probabilities = st.floats(0, 1)


@given(numbers, st.floats(0, 10), probabilities, probabilities, st.integers(0, 30))
def test_mirroring_the_arms_mirrors_the_word(
    estimate: float, half: float, p: float, p_equivalence: float, n: int
) -> None:
    f = dataclasses.replace(
        CLEAR,
        n=n,
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        p=p,
        p_equivalence=p_equivalence,
    )
    mirrored = dataclasses.replace(f, estimate=-estimate, low=-f.high, high=-f.low)
    swap = {"supported": "contradicted", "contradicted": "supported"}
    given_word = contrast_word(f)[0]
    assert contrast_word(mirrored)[0] == swap.get(given_word, given_word)
