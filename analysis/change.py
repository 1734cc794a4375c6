"""What would change a verdict, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.measures import CHOOSING
from analysis.rule import MOST_MISSING
from analysis.stats.inputs import MINIMUM_SEEDS
from analysis.units import bare_size, plural

if TYPE_CHECKING:
    from analysis.contrasts import ContrastResult, Verdict

_NAMED = 3  # missing pairs that the sentence names


def what_would_change(verdict: Verdict) -> str:
    """Say what would change a verdict: seeds, missing trials, another margin or condition."""
    if len(verdict.missing) > MOST_MISSING * verdict.planned:
        lost = "; ".join(str(pair) for pair in verdict.missing[:_NAMED])
        more = len(verdict.missing) - _NAMED
        return f"Running what is missing: {lost}{f'; and {more} more' if more > 0 else ''}."
    result = verdict.primary
    if result is None:
        return "A run that holds these trials."
    if verdict.word == "no verdict":
        return _more_seeds(result)
    if verdict.word == "depends":
        return _narrower(verdict, result)
    if verdict.word in ("supported", "contradicted", "no practical difference"):
        return _other_margin(verdict, result)
    return _what_settles(result)


def _more_seeds(result: ContrastResult) -> str:
    have = result.n + len(result.contrast.missing)
    if have and have < MINIMUM_SEEDS:
        return f"At least {MINIMUM_SEEDS} seeds; there are {have}."
    return result.why


def _narrower(verdict: Verdict, primary: ContrastResult) -> str:
    judged = [primary, *verdict.evidence]
    best = max((r for r in judged if r.word == "supported"), key=_in_margins)
    worst = min((r for r in judged if r.word == "contradicted"), key=_in_margins)
    return (
        "Limiting the claim to a part of the conditions. For it most: "
        f"{_place(best)} ({best.text}); against it most: {_place(worst)} ({worst.text})."
    )


def _other_margin(verdict: Verdict, result: ContrastResult) -> str:
    comparison = result.contrast.comparison
    if comparison.decision == "typical":
        return f"Another range than the central 95 % of single runs: {result.text}."
    if verdict.word == "no practical difference" or (
        comparison.decision == "equality" and verdict.word == "supported"
    ):
        margin = bare_size(comparison, result.margin)
        return f"A margin well below {margin}: the estimate is {result.text}."
    return (
        f"A margin above {bare_size(comparison, result.estimate)} (it is "
        f"{bare_size(comparison, comparison.scaled_margin)}), or other conditions than these."
    )


def _what_settles(result: ContrastResult) -> str:
    if result.contrast.comparison.decision == "typical":
        return "More seeds place the published runs more exactly."
    if result.seeds_needed is None:
        return "No number of seeds would settle it, were the estimate the truth."
    choosing = result.contrast.comparison.measure in CHOOSING
    now = f"now {result.n}{', without those that choose a setting' if choosing else ''}"
    return (
        f"About {plural(result.seeds_needed, 'seed')} ({now}) would settle it, were the estimate "
        "the truth."
    )


def _in_margins(result: ContrastResult) -> float:
    return result.estimate / result.margin


def _place(result: ContrastResult) -> str:
    return f"{result.contrast.comparison.name}, {result.contrast.label}"
