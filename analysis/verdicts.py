"""Claims and contrasts → verdicts with everything that a report prints.

The mathematics is that of :mod:`analysis.stats`, the rule that of :mod:`analysis.rule`, and the
families of tests are formed in :mod:`analysis.decision`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.change import what_would_change
from analysis.claims import load_registry
from analysis.contrasts import ContrastResult, Verdict, Verdicts
from analysis.decision import decide, is_counted, judged
from analysis.measures import CHOOSING, claim_contrasts
from analysis.measures.grouping import deciding
from analysis.measures.labels import label_of
from analysis.rule import LEVEL, MOST_MISSING
from analysis.sensitivity import other_targets, sensitivities
from analysis.stats.planning import detectable_effect, seeds_needed
from analysis.stats.tuned import seeds_in_all
from analysis.units import natural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.claims import Claim, Registry
    from analysis.contrasts import Contrast
    from analysis.decision import Decision, Judged
    from analysis.samples import Samples

    Item = tuple[Claim, Mapping[str, float]]


@dataclass(frozen=True)
class Questions:
    """What a registry asks of samples.

    Parameters
    ----------
    registry
        Its claims are judged.
    others
        For each claim, the same claim at the dataset's other targets by the name of the target:
        they show how much hangs on it.
    """

    registry: Registry
    others: tuple[tuple[tuple[str, Claim], ...], ...]

    @classmethod
    def of(cls, registry: Registry) -> Questions:
        """Ask about every claim."""
        return cls(registry, tuple(tuple(other_targets(claim)) for claim in registry))

    @property
    def items(self) -> list[Item]:
        """What is to be measured, each by itself: the claims, then those at other targets."""
        asked = [*self.registry, *(claim for row in self.others for _, claim in row)]
        return [(claim, self.registry.chance) for claim in asked]


def judge_samples(samples: Samples, registry: Registry | None = None) -> Verdicts:
    """Judge every claim of a registry on what the stores hold; None for the package's own."""
    questions = Questions.of(registry or load_registry())
    return judge_measured(questions, [measured(samples, item) for item in questions.items])


def measured(samples: Samples, item: Item) -> list[Judged]:
    """Measure one claim and test each of its contrasts."""
    claim, chance = item
    return [judged(contrast) for contrast in claim_contrasts(samples, claim, chance)]


def judge_measured(questions: Questions, found: Sequence[list[Judged]]) -> Verdicts:
    """Judge all claims together, for Holm runs over them.

    Parameters
    ----------
    questions
        What was asked.
    found
        What :func:`measured` gave for each of its items, in order.
    """
    claims = list(questions.registry)
    measurements = iter([one for one, _ in zip(found, questions.items, strict=True)])
    rows = [next(measurements) for _ in claims]
    at_others = [[(facet, next(measurements)) for facet, _ in row] for row in questions.others]
    verdicts = _verdicts(list(zip(claims, rows, strict=True)))
    lines = sensitivities(claims, rows, [verdict.word for verdict in verdicts], at_others)
    return Verdicts(
        tuple(
            dataclasses.replace(verdict, sensitivity=its_lines)
            for verdict, its_lines in zip(verdicts, lines, strict=True)
        ),
        questions.registry.hash,
    )


def judge(cases: Sequence[tuple[Claim, Sequence[Contrast]]]) -> list[Verdict]:
    """Judge claims together, for Holm runs over all of them. A pure function.

    Parameters
    ----------
    cases
        Each claim with its contrasts; a claim without any gets "no verdict".
    """
    return _verdicts([(claim, [judged(c) for c in contrasts]) for claim, contrasts in cases])


def _verdicts(cases: Sequence[tuple[Claim, Sequence[Judged]]]) -> list[Verdict]:
    decisions = decide(cases)
    return [
        _verdict(claim, row, decision)
        for (claim, row), decision in zip(cases, decisions, strict=True)
    ]


def _verdict(claim: Claim, row: Sequence[Judged], decision: Decision) -> Verdict:
    results = tuple(_result(one, decision, position) for position, one in enumerate(row))
    counted = [r.contrast for r in results if is_counted(r.contrast)]
    verdict = Verdict(
        claim=claim,
        word=decision.word,
        why=decision.why or _absent(claim, results),
        primary=next((r for r in results if r.contrast.role == "primary"), None),
        results=results,
        planned=sum(c.planned for c in counted),
        missing=tuple(pair for c in counted for pair in c.missing),
        undefined=tuple(pair for c in counted for pair in c.undefined),
    )
    return dataclasses.replace(verdict, change=what_would_change(verdict))


def _result(one: Judged, decision: Decision, position: int) -> ContrastResult:
    contrast, test, raw = one.contrast, one.test, one.figures
    figures = decision.figures[position]
    word, comparison = decision.words[position], contrast.comparison
    why = decision.reasons[position]
    if contrast.undefined and not contrast.n:
        why = f"Undefined: {contrast.undefined[0].reason}."
    plain, level = comparison.decision == "superiority", LEVEL / decision.families[position]
    needed = None
    if word == "inconclusive" and contrast.missing_share <= MOST_MISSING:
        needed = _seeds_needed(one, level)
    return ContrastResult(
        contrast=contrast,
        word=word,
        why=why,
        estimate=figures.estimate,
        low=figures.low,
        high=figures.high,
        p=raw.p,
        p_adjusted=figures.p,
        p_permutation=test.p_permutation if plain else math.nan,
        tests_disagree=plain and test.disagree,
        p_equivalence=figures.p_equivalence,
        effect_size=test.effect_size,
        effect_size_low=test.effect_low,
        effect_size_high=test.effect_high,
        minimum_detectable=_minimum_detectable(one, level),
        seeds_needed=needed,
        text=natural(comparison, figures.estimate, figures.low, figures.high),
    )


def _seeds_needed(one: Judged, level: float) -> int | None:
    """Say how many seeds a run needs, those that only choose a setting included."""
    comparison, test, n = one.contrast.comparison, one.test, one.contrast.n
    size, margin = abs(test.estimate), one.figures.margin
    if comparison.decision == "typical":
        return None
    if comparison.decision == "equality" and size > margin:  # what lies beyond it must be shown
        size, margin = size - margin, 0.0
    needed = seeds_needed(size, test.sd, margin=margin, alpha=level)
    if needed is None:
        return None
    needed = max(needed, n + 1)
    return seeds_in_all(needed) if comparison.measure in CHOOSING else needed


def _minimum_detectable(one: Judged, level: float) -> float:
    """Smallest true difference found with 80 % power at the level that Holm may ask for."""
    test = one.test
    return test.sd * detectable_effect(test.n, alpha=level) if test.enough else math.inf


def _absent(claim: Claim, results: Sequence[ContrastResult]) -> str:
    """Say why there is nothing to judge."""
    comparison = claim.primary
    arms = comparison.arms
    candidates = [r.contrast for r in results if r.contrast.comparison.role == "primary"]
    several = deciding([c.condition for c in candidates], comparison)
    if len(several) > 1:
        which = "; ".join(candidates[i].label for i in several)
        return f"Several conditions could decide the claim, and the registry prefers none: {which}."
    if results:
        where = label_of(comparison.primary, list(comparison.primary))
        return f"This run holds no trials at the condition that decides the claim: {where}."
    limits = "".join(
        f", {axis} {' or '.join(map(str, values))}" for axis, values in comparison.where.items()
    )
    return (
        f"This run holds no trials for it: study {comparison.study}{limits}, {arms.axis} "
        f"{arms.treatment} against {arms.control}."
    )
