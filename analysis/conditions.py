"""Under which measured conditions a claim holds, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.contrasts import ContrastResult, Verdict, Word

# In this order, and in these words.
_PHRASES: Final[dict[Word, str]] = {
    "supported": "holds",
    "contradicted": "the opposite holds",
    "no practical difference": "no difference that matters",
    "inconclusive": "undecided",
}
_NAMED: Final = 6  # conditions that a sentence names before it counts
# What these measures find out stands in their first note: a limit of each arm, a best setting.
_TOLD_BY_NOTES: Final = ("largest", "best")


def where_it_holds(verdict: Verdict) -> tuple[str, ...]:
    """Say for each comparison of a claim where it holds, where its opposite does, where neither.

    Words are those after Holm's correction within the claim. What is shown as context only is left
    out; so is a claim that was tested at one condition, for there the verdict says it.
    """
    judged = [r for r in verdict.results if r.contrast.role != "context"]
    if len(judged) < 2 or verdict.word == "no verdict":
        return ()
    found: list[str] = []
    for comparison in verdict.claim.comparisons:
        results = [r for r in judged if r.contrast.comparison.name == comparison.name]
        parts = list(_parts(results))
        if parts:
            found.append(f"{_capital(comparison.name)}: {'; '.join(parts)}.")
        if comparison.measure in _TOLD_BY_NOTES:
            found += [
                f"For {'the ' * label.startswith('mean ')}{label}: {r.contrast.notes[0]}"
                for r in results
                if r.contrast.notes and (label := r.contrast.label)
            ]
            found += results[0].contrast.notes[1:] if results else ()
    return tuple(found)


def _parts(results: Sequence[ContrastResult]) -> Iterator[str]:
    for word, phrase in _PHRASES.items():
        here = [r for r in results if r.word == word]
        if not here:
            continue
        if len(results) == 1:
            yield f"{phrase} ({here[0].text})"
            continue
        count = f" in {len(here)} of {len(results)} conditions" if len(results) > 2 else ""
        named = "; ".join(r.contrast.label for r in here[:_NAMED])
        more = f"; and {len(here) - _NAMED} more" if len(here) > _NAMED else ""
        yield f"{phrase}{count} ({named}{more})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
