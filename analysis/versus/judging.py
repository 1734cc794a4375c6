"""How one result differs from another, quantity by quantity and condition by condition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.comparison import Arms, Comparison
from analysis.costs import STUDY as COST_STUDY
from analysis.measures.grouping import seed_contrast, with_differences
from analysis.measures.labels import condition_of, label_of
from analysis.measures.pairs import join_arms, trial_values
from analysis.rule import Figures, contrast_word
from analysis.stats.equivalence import equivalence
from analysis.stats.inputs import MINIMUM_SEEDS
from analysis.stats.multiplicity import holm
from analysis.stats.paired import paired
from analysis.units import natural
from analysis.versus.matching import FINISHED, require_comparable, shared_trials, varying_axes
from analysis.versus.records import RESULTS, Broken, Change, Compared
from suite.errors import UnknownNameError, UsageError
from suite.quantities import QUANTITIES
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from analysis.claims import Registry
    from analysis.contrasts import Contrast, Word
    from analysis.samples import Samples
    from analysis.versus.matching import SharedTrials

# What is compared unless other quantities are asked for: what a user of the network notices.
USUAL: Final = (
    *("test_accuracy", "test_loss", "steps_to_target"),
    *("pass_seconds", "training_bytes", "peak_memory_bytes"),
)
_RATIOS: Final = ("steps", "images", "s", "1/s", "B", "FLOP", "FLOP/s")  # units compared by ratio
_USUAL_MARGIN: Final = {"log_ratio": 1.05, "difference": 0.002}
_WORDS: Final[dict[Word, str]] = {
    "supported": "worse",
    "contradicted": "better",
    "no practical difference": "same",
    "inconclusive": "unclear",
    "no verdict": "no verdict",
}


def compare(
    a: Samples,
    b: Samples,
    registry: Registry,
    *,
    allow: Collection[str] = (),
    quantities: Sequence[str] = (),
    studies: Sequence[str] = (),
) -> Compared:
    """Compare two results pair by pair.

    Parameters
    ----------
    a, b
        The result to compare with, and the other one.
    registry
        For the margins: the strictest that a claim has on a quantity, else 5 % or 0.002.
    allow
        Keys of ``INCOMPARABLE`` that may differ.
    quantities
        Names of ``suite.quantities`` that say which way is better; empty: the usual ones.
    studies
        Limit it to these; empty: all that both have. The costs are the study ``cost``.

    Raises
    ------
    IncomparableError
        The two differ in data, code or protocol; all differences are named.
    UsageError
        They have no pair in common, or a name is not known.
    """
    quantities = _known_quantities(quantities)
    pairs = [shared_trials(a, b, name) for name in _known_studies(a, b, studies)]
    allowed = require_comparable(pairs, allow)
    found: list[tuple[str, str, Contrast]] = []
    broken: list[Broken] = []
    for shared in pairs:
        found += _contrasts(shared, registry, quantities)
        broken += shared.broken()
    if not found:
        raise UsageError(
            "nothing to compare: the two results have no quantity of a study, condition and seed "
            "in common"
        )
    return Compared(
        changes=tuple(_judge(found)),
        broken=tuple(broken),
        only={name: sum(s.only[i] for s in pairs) for i, name in enumerate(RESULTS)},
        lost=sum(s.lost for s in pairs) + _in_other_studies(a, pairs, studies),
        allowed=tuple(allowed),
        devices={
            name: tuple(sorted({d for s in pairs for d in s.devices[i]}))
            for i, name in enumerate(RESULTS)
        },
    )


def _known_quantities(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if name not in QUANTITIES:
            raise UnknownNameError("quantity", name, QUANTITIES)
        if QUANTITIES[name].better == "neither":
            raise UsageError(f"{name} has no better or worse, so it can't regress")
    return names or USUAL


def _known_studies(a: Samples, b: Samples, names: Sequence[str]) -> list[str]:
    both = [s for s in (*a.studies, COST_STUDY) if len(a.study(s)) and len(b.study(s))]
    for name in names:
        if name not in both:
            raise UnknownNameError("study of both results", name, both)
    return [s for s in both if not names or s in names]


def _in_other_studies(a: Samples, pairs: Sequence[SharedTrials], names: Sequence[str]) -> int:
    """Count what A has finished of studies that B does not have."""
    shared = {pair.study for pair in pairs}
    others = [s for s in (*a.studies, COST_STUDY) if s not in shared and not names]
    return sum(int(a.study(s)["status"].isin(FINISHED).sum()) for s in others if len(a.study(s)))


def _contrasts(
    shared: SharedTrials, registry: Registry, quantities: Sequence[str]
) -> Iterator[tuple[str, str, Contrast]]:
    """Give study, quantity and contrast for every quantity and condition."""
    named = varying_axes(shared.rows[0])
    for name in quantities:
        for facet in _facets(shared, name):
            comparison = _comparison(registry, shared.study, name, facet)
            tables = [
                trial_values(samples, rows, name, facet, registry.chance)
                for samples, rows in zip(shared.samples, shared.rows, strict=True)
            ]
            if any(t["value"].notna().sum() == 0 for t in tables):
                continue
            table = with_differences(join_arms((tables[1], tables[0]), AXES), comparison)
            match = [*AXES, "device"]
            for key, group in table.groupby(match, dropna=False, sort=False):
                condition = condition_of(match, key)
                label = label_of(condition, named)
                contrast = seed_contrast(group, condition, comparison, label)
                if contrast.n or contrast.missing:
                    yield shared.study, f"{name}@{facet}" if facet else name, contrast


def _facets(shared: SharedTrials, quantity: str) -> list[str]:
    """Facets that both results have; the empty one where the quantity has none."""
    columns = [set(rows.columns) for rows in shared.rows]
    both = columns[0] & columns[1]
    ordered = [f for f in shared.samples[0].facets(quantity) if f"{quantity}@{f}" in both]
    return ([""] if quantity in both else []) + ordered


def _comparison(registry: Registry, study: str, quantity: str, facet: str) -> Comparison:
    """Describe the comparison, oriented so that B is worse above 0."""
    about = QUANTITIES[quantity]
    lower_is_better = about.better == "lower"
    registered = [
        (c.scale, c.margin)
        for claim in registry
        for c in claim.comparisons
        if c.metric == quantity and c.decision == "superiority"
    ]
    ratio = about.unit in _RATIOS or any(scale == "log_ratio" for scale, _ in registered)
    scale = "log_ratio" if ratio and about.unit != "fraction" else "difference"
    points = about.unit == "fraction"
    return Comparison.model_validate(
        {
            "name": f"{quantity} {facet}".strip(),
            "measure": "paired",
            "metric": quantity,
            "facet": facet,
            "study": study,
            "arms": Arms(treatment="B", control="A"),
            "direction": "higher" if lower_is_better else "lower",
            "scale": scale,
            "margin": min((m for s, m in registered if s == scale), default=_USUAL_MARGIN[scale]),
            "margin_why": "The strictest margin of the registry, or the usual one.",
            "factor": 100.0 if points else 1.0,
            "unit": "points" if points else "%" if scale == "log_ratio" else about.unit,
            "reads": ("more", "less") if lower_is_better else ("less", "more"),
        }
    )


def _judge(found: Sequence[tuple[str, str, Contrast]]) -> Iterator[Change]:
    """Test every contrast, adjust over all that are tested, and give the word of the rule."""
    tests = [paired(c.differences) for _, _, c in found]
    margins = [c.comparison.scaled_margin for _, _, c in found]
    inside = [equivalence(t.differences, m).p for t, m in zip(tests, margins, strict=True)]
    family = [i for i, t in enumerate(tests) if t.n >= MINIMUM_SEEDS]
    adjusted = dict(zip(family, holm([tests[i].p for i in family]), strict=True))
    adjusted_inside = dict(zip(family, holm([inside[i] for i in family]), strict=True))
    for i, ((study, quantity, contrast), test) in enumerate(zip(found, tests, strict=True)):
        figures = Figures(
            n=contrast.n,
            missing=len(contrast.missing),
            censored=contrast.censored_pairs,
            margin=margins[i],
            estimate=test.estimate,
            low=test.low,
            high=test.high,
            p=float(adjusted.get(i, 1.0)),
            p_equivalence=float(adjusted_inside.get(i, 1.0)),
        )
        word, why = contrast_word(figures)
        shown = _WORDS[word]
        if contrast.n and not contrast.missing and not contrast.differences.any():
            shown, why = "identical", "Every pair holds the same number."
        b, a = (_mean(contrast, name) for name in contrast.arms)
        yield Change(
            study=study,
            condition=contrast.label,
            quantity=quantity,
            contrast=contrast,
            word=shown,
            why=why,
            a=a,
            b=b,
            estimate=test.estimate,
            low=test.low,
            high=test.high,
            p=test.p,
            p_adjusted=figures.p,
            p_equivalence=figures.p_equivalence,
            text=natural(contrast.comparison, test.estimate, test.low, test.high),
        )


def _mean(contrast: Contrast, arm: str) -> float:
    values = contrast.arms[arm]
    if not values.size:
        return math.nan
    ratio = contrast.comparison.scale == "log_ratio"
    return float(np.exp(np.log(values).mean()) if ratio else values.mean())
