"""From contrasts to words: families of tests, Holm, the rule.

Split from the reporting of it (:mod:`analysis.verdicts`) so that the same decision can be made many
times over: without each seed, with another test, on simulated data.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.rule import Figures, claim_word, contrast_word, equality_word, typical_word
from analysis.stats.equivalence import equivalence
from analysis.stats.inputs import MINIMUM_SEEDS
from analysis.stats.multiplicity import holm
from analysis.stats.paired import paired
from analysis.stats.typicality import typicality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.claims import Claim
    from analysis.contrasts import Contrast, Values, Word
    from analysis.stats.paired import PairedResult

_RULES: Final[dict[str, Callable[[Figures], tuple[Word, str]]]] = {
    "superiority": contrast_word,
    "typical": typical_word,
    "equality": equality_word,
}


@dataclass(frozen=True)
class Judged:
    """A contrast with its test and, before Holm, what the rule looks at."""

    contrast: Contrast
    test: PairedResult
    figures: Figures


@dataclass(frozen=True)
class Decision:
    """What the rule says about a claim.

    Parameters
    ----------
    word, why
        Of the claim.
    figures, words, reasons
        Of each contrast, in the order given, after Holm.
    families
        How many tests the family of each contrast holds; 1 for a contrast outside of any.
    """

    word: Word
    why: str
    figures: tuple[Figures, ...]
    words: tuple[Word, ...]
    reasons: tuple[str, ...]
    families: tuple[int, ...]


def judged(contrast: Contrast) -> Judged:
    """Test one contrast."""
    margin, x = contrast.comparison.scaled_margin, contrast.differences
    kind = contrast.comparison.decision
    test = paired(x, margin=margin)
    place = typicality(x, margin) if kind == "typical" else None
    p = place.p_outside if place else beyond(x, margin) if kind == "equality" else test.p
    return Judged(
        contrast,
        test,
        Figures(
            n=contrast.n,
            missing=len(contrast.missing),
            censored=contrast.censored_pairs,
            margin=margin,
            estimate=place.z if place else test.estimate,
            low=place.low if place else test.low,
            high=place.high if place else test.high,
            p=p,
            p_equivalence=place.p_inside if place else equivalence(x, margin).p,
        ),
    )


def beyond(differences: Values, margin: float) -> float:
    """Test that the mean lies beyond ±margin, against "it lies within"; p is two-sided.

    The paired t test of the distance to the nearer margin; 1 where the mean lies within. At the
    margin itself half of its rejections are on the wrong side and don't count, so the level is 2.5
    %, that of the 95 % interval.
    """
    test = paired(differences)
    if not abs(test.estimate) > margin:
        return 1.0
    return paired(differences - math.copysign(margin, test.estimate)).p


def decide(cases: Sequence[tuple[Claim, Sequence[Judged]]]) -> list[Decision]:
    """Decide all claims together.

    Parameters
    ----------
    cases
        Claims with their contrasts; the figures' p values are raw.

    Returns
    -------
    list of Decision
        In the order given.
    """
    family = [
        (i, j)
        for i, (_, row) in enumerate(cases)
        for j, one in enumerate(row)
        if one.contrast.role == "primary" and _tested(one)
    ]
    across = dict(zip(family, _adjust([cases[i][1][j].figures for i, j in family]), strict=True))
    decisions = []
    for i, (_, row) in enumerate(cases):
        within = [j for j, one in enumerate(row) if one.contrast.role != "context" and _tested(one)]
        adjusted = dict(zip(within, _adjust([row[j].figures for j in within]), strict=True))
        figures = [across.get((i, j), adjusted.get(j, one.figures)) for j, one in enumerate(row)]
        families = [
            len(family) if (i, j) in across else len(within) if j in adjusted else 1
            for j in range(len(row))
        ]
        decisions.append(_decide_one(row, figures, families))
    return decisions


def _decide_one(
    row: Sequence[Judged], figures: Sequence[Figures], families: Sequence[int]
) -> Decision:
    given = [
        _RULES[one.contrast.comparison.decision](f) for one, f in zip(row, figures, strict=True)
    ]
    roles = [one.contrast.role for one in row]
    words = tuple(word for word, _ in given)
    reasons = tuple(why for _, why in given)
    counted = [f for one, f in zip(row, figures, strict=True) if is_counted(one.contrast)]
    word, why = claim_word(
        [w for w, role in zip(words, roles, strict=True) if role == "primary"],
        [w for w, role in zip(words, roles, strict=True) if role == "evidence"],
        pairs=sum(f.n + f.missing for f in counted),
        missing=sum(f.missing for f in counted),
    )
    if not why and "primary" in roles:
        why = reasons[roles.index("primary")]
    return Decision(word, why, tuple(figures), words, reasons, tuple(families))


def is_counted(contrast: Contrast) -> bool:
    """Say whether a contrast's pairs count for the claim's share of missing ones.

    Those of the comparison that decides do; further comparisons look at the same trials again.
    """
    return contrast.role != "context" and contrast.comparison.role == "primary"


def _tested(one: Judged) -> bool:
    return one.figures.n >= MINIMUM_SEEDS


def _adjust(figures: Sequence[Figures]) -> list[Figures]:
    """Adjust both kinds of p over a family."""
    p = holm([f.p for f in figures])
    p_equivalence = holm([f.p_equivalence for f in figures])
    return [
        dataclasses.replace(f, p=float(a), p_equivalence=float(b))
        for f, a, b in zip(figures, p, p_equivalence, strict=True)
    ]
