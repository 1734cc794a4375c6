"""The answer in two or three sentences, composed from the verdicts and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.claim_view import effect_words
from analysis.wording import count, listed, sentence, small_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdict, Word

_MOST_NAMED: Final = 4


def answer(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Say what was found, what was not, and what is open.

    Parameters
    ----------
    verdicts
        All verdicts in the registry's order.

    Returns
    -------
    tuple of str
        One to four sentences; the first is the main finding.
    """
    by_word: dict[Word, list[Verdict]] = {}
    for verdict in verdicts:
        by_word.setdefault(verdict.word, []).append(verdict)
    decided = [v for w in ("supported", "contradicted") for v in by_word.get(w, [])]  # type: ignore[index]
    found = [
        _effects(by_word.get("supported", []), "Batch normalization brought"),
        _typical(by_word),
        _against(by_word.get("contradicted", [])),
        _named(by_word.get("no practical difference", []), "It made no practical difference to"),
        _named(by_word.get("depends", []), "It depends on the conditions for"),
        _open(by_word.get("inconclusive", [])),
        _silent(by_word.get("no verdict", []), len(verdicts)),
    ]
    sentences = tuple(s for s in found if s)
    if not decided and sentences:
        return (
            f"None of the {small_count(len(verdicts))} claims is settled by this data.",
            *sentences,
        )
    return sentences


def _effects(verdicts: list[Verdict], opening: str) -> str:
    comparing = [v for v in verdicts if v.claim.primary.decision == "superiority"]
    if not comparing:
        return ""
    parts = [f"{effect_words(v.primary)[0]} ({_metric(v)})" for v in comparing[:_MOST_NAMED]]
    more = len(comparing) - _MOST_NAMED
    if more > 0:
        parts.append(f"{count(more, 'further effect')} as claimed")
    return sentence(f"{opening} {listed(parts)}{_where(comparing)}")


def _metric(verdict: Verdict) -> str:
    comparison = verdict.claim.primary
    name = comparison.metric.replace("_", " ")
    if comparison.measure == "spread" and comparison.over:
        return f"{name} over {comparison.over.replace('_', ' ')}s"
    return name


def _where(verdicts: list[Verdict]) -> str:
    """Name the condition where all share it."""
    labels = {v.primary.contrast.label for v in verdicts if v.primary and v.claim.primary.primary}
    label = labels.pop() if len(labels) == 1 else ""
    return f", at {label}" if label else ""


def _against(verdicts: list[Verdict]) -> str:
    comparing = [v for v in verdicts if v.claim.primary.decision == "superiority"]
    if not comparing:
        return ""
    parts = [
        f"“{v.claim.title[0].lower()}{v.claim.title[1:]}” ({effect_words(v.primary)[0]})"
        for v in comparing
    ]
    return sentence(f"The data contradicts {listed(parts)}")


def _typical(by_word: dict[Word, list[Verdict]]) -> str:
    for word, phrase in (
        ("supported", "are typical of their protocol"),
        ("contradicted", "are not typical of their protocol"),
    ):
        for verdict in by_word.get(word, []):  # type: ignore[call-overload]
            if verdict.claim.primary.decision == "typical":
                return f"The notebook's two single runs {phrase}."
    return ""


def _named(verdicts: list[Verdict], opening: str) -> str:
    if not verdicts:
        return ""
    return sentence(f"{opening} {listed([_metric(v) for v in verdicts])}")


def _open(verdicts: list[Verdict]) -> str:
    if not verdicts:
        return ""
    parts = []
    for verdict in verdicts:
        need = verdict.primary.seeds_needed if verdict.primary else None
        title = f"{verdict.claim.title[0].lower()}{verdict.claim.title[1:]}"
        parts.append(f"“{title}”" + (f" (about {count(need, 'seed')} would)" if need else ""))
    return sentence(f"This data does not settle {listed(parts)}")


def _silent(verdicts: list[Verdict], total: int) -> str:
    if not verdicts:
        return ""
    if len(verdicts) == total:
        return "There are too few seeds for any verdict; what follows are estimates only."
    names = listed([v.claim.id for v in verdicts])
    return f"For {names} there is too little data for a verdict."
