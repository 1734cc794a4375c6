"""The answer in a few sentences, composed from the verdicts and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.figures.evidence import unit_of
from analysis.report.scorecard import effect_words
from analysis.wording import count, inside, listed, sentence, small_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.contrasts import Verdict, Word

_MOST_NAMED: Final = 5
_FEW_SEEDS: Final = 100  # more would not settle anything for a reader
_BUYS: Final = "What it buys here:"
_COSTS: Final = "What it costs:"
_ASIDE: Final = (("batch size", "On batch size:"), ("mechanics", "How it works:"))


def answer(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Say what was found, what was not, and what is open.

    Parameters
    ----------
    verdicts
        All verdicts in the registry's order.

    Returns
    -------
    tuple of str
        At most three paragraphs: what it buys, what it costs and what is contradicted, the rest.
    """
    by_word: dict[Word, list[Verdict]] = {}
    for verdict in verdicts:
        by_word.setdefault(verdict.word, []).append(verdict)
    supported, contradicted = by_word.get("supported", []), by_word.get("contradicted", [])

    def of(group: str) -> list[Verdict]:
        return [v for v in supported if v.claim.group == group]

    opening = ""
    if not supported and not contradicted and by_word.keys() - {"no verdict"}:
        judged = sum(bool(v.results) for v in verdicts)
        opening = f"None of the {small_count(judged)} claims tested is supported or contradicted."
        if judged == 1:
            opening = "The one claim that was tested is neither supported nor contradicted."
    paragraphs = (
        (opening, _effects(of("advantages"), _BUYS)),
        (
            _effects(of("limitations"), _COSTS),
            _effects(contradicted, "Contradicted by this data:"),
        ),
        (
            *(_effects(of(group), words) for group, words in _ASIDE),
            _titles(by_word.get("no practical difference", []), "No practical difference:"),
            _depends(by_word.get("depends", [])),
            _open(by_word.get("inconclusive", [])),
            _typical((*supported, *contradicted)),
            _silent(by_word.get("no verdict", []), len(verdicts)),
        ),
    )
    joined = (" ".join(s for s in sentences if s) for sentences in paragraphs)
    return tuple(text for text in joined if text)


def _comparing(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [v for v in verdicts if v.claim.primary.decision == "superiority"]


def _effects(verdicts: list[Verdict], opening: str) -> str:
    comparing = _comparing(verdicts)
    if not comparing:
        return ""
    parts = [
        f"{inside(v.claim.title)} ({effect_words(v.primary)[0]})" for v in comparing[:_MOST_NAMED]
    ]
    more = len(comparing) - _MOST_NAMED
    if more > 0:
        parts.append(count(more, "more claim"))
    return sentence(f"{opening} {listed(parts)}")


def _titles(verdicts: list[Verdict], opening: str) -> str:
    if not verdicts:
        return ""
    return sentence(f"{opening} {listed([_quoted(v) for v in verdicts])}")


def _quoted(verdict: Verdict) -> str:
    return f"“{inside(verdict.claim.title)}”"


def _depends(verdicts: list[Verdict]) -> str:
    if not verdicts:
        return ""
    parts = []
    for verdict in verdicts:
        words = [r.word for r in verdict.results if r.contrast.role != "context"]
        parts.append(
            f"{_quoted(verdict)} (for it in {words.count('supported')}, against it in "
            f"{words.count('contradicted')} of {count(len(words), 'comparison')})"
        )
    return sentence(f"It depends on the conditions: {listed(parts)}")


def _typical(verdicts: Sequence[Verdict]) -> str:
    for verdict in verdicts:
        if verdict.claim.primary.decision == "typical":
            phrase = "are" if verdict.word == "supported" else "are not"
            return f"The notebook's two single runs {phrase} typical of their protocol."
    return ""


def _open(verdicts: list[Verdict]) -> str:
    if not verdicts:
        return ""
    parts = []
    for verdict in verdicts:
        need = verdict.primary.seeds_needed if verdict.primary else None
        words = (
            f" (about {count(need, unit_of(verdict.claim.primary))} would settle it)"
            if need and need <= _FEW_SEEDS
            else ""
        )
        parts.append(_quoted(verdict) + words)
    return sentence(f"Not settled: {listed(parts)}")


def _silent(verdicts: list[Verdict], total: int) -> str:
    if not verdicts:
        return ""
    if len(verdicts) == total:
        return "There is too little data for any verdict; what follows are estimates only."
    unmeasured = [v for v in verdicts if not v.results]
    few = [v for v in verdicts if v.results]
    parts = []
    if len(unmeasured) > _MOST_NAMED:
        parts.append(f"This run does not measure the other {count(len(unmeasured), 'claim')}.")
    else:
        parts.append(_titles(unmeasured, "Not measured in this run:"))
    parts.append(_titles(few, "Too little data for a verdict:"))
    return " ".join(part for part in parts if part)
