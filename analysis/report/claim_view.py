"""A verdict → what its section says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.conditions import where_it_holds
from analysis.figures.evidence import unit_of
from analysis.report.claim_tables import pairs_frame, results_frame
from analysis.report.render import claim_figures
from analysis.report.scorecard import WORDS, effect_words, tested
from analysis.report.shares import runs_of_arms
from analysis.report.tables import csv_download, table
from analysis.report.view import ClaimView, LiteratureView
from analysis.units import displayed, margin_text
from analysis.wording import NOTHING, count, listed, number, p_phrase, p_value, sentence

if TYPE_CHECKING:
    from analysis.claims import Literature
    from analysis.contrasts import Contrast, ContrastResult, LostPair, Verdict
    from analysis.report.studio import Studio
    from analysis.report.view import Facts
    from analysis.samples import Samples

_STANCES: Final = {
    "for": "for the claim",
    "against": "against the claim",
    "conditional": "for it under conditions",
}
# Labels of contrasts that are no place "at" which something holds.
_NOT_PLACES: Final = ("mean ", "norm ", "all ", "each ")


def claim_view(samples: Samples, verdict: Verdict, studio: Studio) -> ClaimView:
    """Make the claim's section."""
    claim = verdict.claim
    frame = results_frame(verdict)
    pairs = pairs_frame(verdict)
    flips = verdict.flips
    sensitivity = pd.DataFrame(
        [
            {
                "analysis": s.what,
                "verdict": s.word,
                "agrees": "no" if s.flips else "yes",
                "figures": s.detail,
            }
            for s in verdict.sensitivity
        ]
    )
    summary = (
        f"{count(len(flips), 'other analysis', 'other analyses')} of {len(verdict.sensitivity)} "
        "would give another word"
        if flips
        else f"{count(len(verdict.sensitivity), 'other analysis', 'other analyses')}, the same word"
    )
    return ClaimView(
        id=claim.id,
        group=claim.group.capitalize(),
        title=claim.title,
        sentence=claim.sentence,
        source=f"Teaching notebook: {claim.source}",
        verdict=WORDS[verdict.word],
        finding=finding(verdict),
        why=sentence(verdict.why),
        warnings=tuple(_warnings(verdict)),
        facts=(*_deciding_device(samples, verdict.primary), *_facts(verdict.primary)),
        figures=claim_figures(samples, verdict, studio),
        conditions=tuple(sentence(text) for text in where_it_holds(verdict)),
        results=table(frame, f"All comparisons of {claim.id}", searchable=True)
        if not frame.empty
        else None,
        change=_change(verdict),
        sensitivity_summary=summary,
        sensitivity=table(sensitivity, "The same data, analysed in other ways")
        if not sensitivity.empty
        else None,
        literature=tuple(_literature(item, verdict) for item in claim.literature),
        csv=tuple(
            csv_download(data, f"{claim.id}-{name}.csv", label)
            for data, name, label in (
                (frame, "comparisons", "All comparisons as CSV"),
                (pairs, "pairs", f"Every pair as CSV ({len(pairs):,} rows)"),
            )
            if not data.empty
        ),
    )


def finding(verdict: Verdict) -> str:
    """Say the result in one sentence, with its condition, n and p."""
    result = verdict.primary
    if result is None or result.n == 0:
        return "This store holds no finished pair for the condition that decides this claim."
    estimate, interval = effect_words(result)
    label = result.contrast.label
    at = "" if not label or label.startswith(_NOT_PLACES) else "at "
    where = f" {at}{label}" if at else f", {label}" if label else ""
    bounds = f", 95 % interval {interval}" if interval else ""
    tail = [
        count(result.n, unit_of(result.contrast.comparison)),
        p_phrase(result.p_adjusted) if tested(result) else "",
    ]
    return sentence(f"{estimate}{where}{bounds} ({', '.join(t for t in tail if t)})")


def size_words(value: float, contrast: Contrast) -> str:
    """Write a size on the comparison's scale in natural units: ``10 % fewer steps``."""
    if not math.isfinite(value):
        return NOTHING
    shown, word = displayed(contrast.comparison, abs(value))
    unit = contrast.comparison.unit
    joint = "" if unit == "×" else " "
    return f"{number(shown, 2)}{joint}{unit} {word}".strip()


def _deciding_device(samples: Samples, result: ContrastResult | None) -> Facts:
    """Name the device that decides where there are several: the first by name, others are shown."""
    several = {*samples.trials["device"], *samples.costs.rows["device"]}
    if result is None or len(several) < 2 or "device" not in result.contrast.condition:
        return ()
    return (("Device that decides", str(result.contrast.condition["device"])),)


def _facts(result: ContrastResult | None) -> Facts:
    if result is None or result.n == 0:
        return ()
    contrast = result.contrast
    facts = [("Complete pairs", f"{result.n} of {contrast.planned}")]
    if tested(result):
        facts += [
            ("p adjusted for all claims", p_value(result.p_adjusted)),
            ("p alone, t test", p_value(result.p)),
            ("p alone, permutation", p_value(result.p_permutation)),
        ]
    if contrast.comparison.decision == "superiority" and not tested(result):
        facts.append(("Smallest effect worth knowing", margin_text(contrast.comparison)))
    elif contrast.comparison.decision == "superiority":
        low, high = result.effect_size_low, result.effect_size_high
        size = number(result.effect_size) if math.isfinite(result.effect_size) else NOTHING
        if math.isfinite(low) and math.isfinite(high):
            size += f" [{number(low)}, {number(high)}]"
        facts += [
            ("Smallest effect worth knowing", margin_text(contrast.comparison)),
            ("Smallest effect likely found", size_words(result.minimum_detectable, contrast)),
            ("Standardized effect, d", size),
        ]
    if result.seeds_needed is not None and result.word == "inconclusive":
        facts.append(
            (
                f"{unit_of(contrast.comparison).capitalize()}s that would settle it",
                f"{result.seeds_needed:,}",
            )
        )
    for name, lost in (
        ("Runs that diverged", contrast.diverged),
        ("Runs short of the target", contrast.censored),
    ):
        if any(lost.values()):
            facts.append((name, runs_of_arms(contrast, lost)))
    return tuple(facts)


def _change(verdict: Verdict) -> tuple[str, ...]:
    comparison = verdict.claim.primary
    found = [sentence(verdict.change)] if verdict.change else []
    found.append(f"Why this margin: {comparison.margin_why}")
    return tuple(found)


def _warnings(verdict: Verdict) -> list[str]:
    found = []
    if verdict.flips:
        found.append(
            sentence(
                "This verdict hangs on the analysis: it would be "
                + listed([f"“{s.word}” {_how(s.what)}" for s in verdict.flips[:4]])
                + (f"; {len(verdict.flips) - 4} more differ" if len(verdict.flips) > 4 else "")
            )
        )
    if verdict.primary is not None and verdict.primary.tests_disagree:
        found.append(
            "The t test and the exact permutation test disagree about p < .05 here; read the "
            "interval with care."
        )
    for lost, words in (
        (verdict.missing, "missing"),
        (verdict.undefined, "undefined, since the condition has no meaning there"),
    ):
        if lost:
            found.append(_lost(lost, verdict.planned, words))
    if verdict.primary is not None:
        found.extend(sentence(n) for n in verdict.primary.contrast.notes)
    return found


def _how(what: str) -> str:
    """Make an adverb of the name of another analysis."""
    return what if what.startswith(("with", "at ", "without")) else f"with the {what}"


def _lost(pairs: tuple[LostPair, ...], planned: int, words: str) -> str:
    named = "; ".join(str(pair) for pair in pairs[:3])
    more = f"; and {len(pairs) - 3:,} more" if len(pairs) > 3 else ""
    return f"{len(pairs):,} of {planned:,} pairs are {words}: {named}{more}."


def _literature(item: Literature, verdict: Verdict) -> LiteratureView:
    estimate, interval = effect_words(verdict.primary)
    return LiteratureView(
        reference=item.reference,
        url=f"https://arxiv.org/abs/{item.arxiv}" if item.arxiv else "",
        place=item.place,
        figure=item.figure,
        stance=_STANCES[item.stance],
        same_regime=f"{'yes' if item.same_regime else 'no'}: {item.regime}",
        ours=f"{verdict.word}: {estimate} {interval}".strip(),
    )
