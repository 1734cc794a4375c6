"""The verdict rule, in one place: from figures to a word, with no data and no side effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.stats.inputs import MINIMUM_SEEDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Word

LEVEL: Final = 0.05
# More of the pairs than this missing (or, for "no practical difference", cut off by the budget)
# and the figures speak for the rest only.
MOST_MISSING: Final = 0.10


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the rule looks at.

    Parameters
    ----------
    n, missing
        Complete pairs, and pairs that are missing.
    estimate, low, high
        Oriented so that the claim predicts an estimate above 0; the 95 % interval.
    p, p_equivalence
        After Holm; of a difference (for ``equality``: of one beyond the margin), and of none.
    margin
        Smallest effect worth knowing, same scale.
    censored
        Pairs with a value that the budget, or the range tried, cut off.
    """

    n: int
    missing: int
    estimate: float
    low: float
    high: float
    p: float
    p_equivalence: float
    margin: float
    censored: int = 0


def contrast_word(f: Figures) -> tuple[Word, str]:  # noqa: PLR0911
    """Give the word for one contrast, and why.

    In this order: fewer than 6 seeds, no verdict; more than 10 % of pairs missing, inconclusive;
    p < .05, the interval beyond 0 and the estimate at least the margin, supported or contradicted;
    equivalence shown, no practical difference; else inconclusive.
    """
    early = _too_little(f)
    if early is not None:
        return early
    if f.p < LEVEL and f.low > 0 and f.estimate >= f.margin:
        return "supported", "The effect is there, and at least the margin."
    if f.p < LEVEL and f.high < 0 and f.estimate <= -f.margin:
        return "contradicted", "The effect is there, at least the margin, and the other way."
    if f.p_equivalence < LEVEL:
        if _cut_off(f):
            return "inconclusive", _why_cut_off(f)
        return "no practical difference", "Any difference is smaller than the margin."
    if f.p < LEVEL and (f.low > 0 or f.high < 0):
        return (
            "inconclusive",
            "There is a difference, but it may lie on either side of the margin.",
        )
    if abs(f.estimate) >= f.margin:
        return "inconclusive", "The estimate is beyond the margin, but it may be chance."
    return "inconclusive", "Neither a difference nor its absence is shown."


def typical_word(f: Figures) -> tuple[Word, str]:
    """Give the word for a published single run: within the central part of ours, or outside."""
    early = _too_little(f)
    if early is not None:
        return early
    if f.p_equivalence < LEVEL:
        return "supported", "The published run lies within the central 95 % of ours."
    if f.p < LEVEL:
        return "contradicted", "The published run lies outside the central 95 % of ours."
    return "inconclusive", "The published run lies near the edge of the central 95 % of ours."


def equality_word(f: Figures) -> tuple[Word, str]:
    """Give the word for a claim that nothing is there.

    Supported where equivalence is shown; contradicted where a deviation beyond the margin is shown,
    by its test and by its interval: one other than 0 is not enough, for rounding alone makes one.
    """
    early = _too_little(f)
    if early is not None:
        return early
    if f.p_equivalence < LEVEL:
        if _cut_off(f):
            return "inconclusive", _why_cut_off(f)
        return "supported", "Any deviation is smaller than the margin, as the claim says."
    if f.p < LEVEL and (f.low >= f.margin or f.high <= -f.margin):
        return "contradicted", "There is a deviation, and it is larger than the margin."
    return "inconclusive", "The deviation may lie on either side of the margin."


def claim_word(
    primary: Sequence[Word], evidence: Sequence[Word], *, pairs: int, missing: int
) -> tuple[Word, str]:
    """Give the word for a claim from the words of its contrasts.

    Parameters
    ----------
    primary
        Words of the contrasts that decide: one, or several that must all hold.
    evidence
        Words of the other pre-registered conditions.
    pairs, missing
        Over all of these contrasts.

    Returns
    -------
    tuple
        The word, and why; an empty reason says that the primary contrast's own holds.
    """
    if not primary or "no verdict" in primary:
        return "no verdict", ""
    if missing > MOST_MISSING * pairs:
        return "inconclusive", f"{missing} of {pairs} pairs are missing over all conditions."
    words = [*primary, *evidence]
    if len(primary) == 1 and "supported" in words and "contradicted" in words:
        return (
            "depends",
            f"The conditions disagree: {words.count('supported')} of {len(words)} support the "
            f"claim and {words.count('contradicted')} contradict it, each beyond the margin.",
        )
    if "contradicted" in primary:
        return "contradicted", ""
    if len(set(primary)) == 1:
        return primary[0], ""
    return "inconclusive", "The contrasts that decide the claim do not all hold."


def _cut_off(f: Figures) -> bool:
    return f.censored > MOST_MISSING * f.n


def _why_cut_off(f: Figures) -> str:
    return (
        f"{f.censored} of {f.n} pairs were cut off by the budget or the range tried, so a "
        "difference may lie beyond it."
    )


def _too_little(f: Figures) -> tuple[Word, str] | None:
    possible = f.n + f.missing
    if possible < MINIMUM_SEEDS:
        seeds = f"{possible} seed{'' if possible == 1 else 's'}"
        return "no verdict", f"{seeds}; a verdict needs at least {MINIMUM_SEEDS}."
    if f.missing > MOST_MISSING * possible:
        return "inconclusive", f"{f.missing} of {possible} pairs are missing."
    if f.n < MINIMUM_SEEDS:
        return "inconclusive", f"Only {f.n} of {possible} pairs are complete."
    return None
