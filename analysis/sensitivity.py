"""What each verdict would have been, analysed another way.

The whole decision is made again, Holm included: with the sign-flip permutation and the Wilcoxon
test in place of the t test, at the dataset's other targets, and with each seed left out.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from analysis.contrasts import Sensitivity
from analysis.decision import Judged, decide, judged
from analysis.measures.pairs import FACET_WORDS
from analysis.stats.inputs import MINIMUM_SEEDS, is_constant
from analysis.stats.wilcoxon import wilcoxon_p
from analysis.units import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from analysis.claims import Claim
    from analysis.contrasts import Contrast, Values, Word

_TESTS: Final[tuple[tuple[str, Callable[[Judged], float]], ...]] = (
    ("with the sign-flip permutation test", lambda one: one.test.p_permutation),
    ("with the Wilcoxon signed-rank test", lambda one: wilcoxon_p(one.contrast.differences)),
)


def sensitivities(
    claims: Sequence[Claim],
    rows: Sequence[Sequence[Judged]],
    words: Sequence[Word],
    at_others: Sequence[Sequence[tuple[str, Sequence[Judged]]]],
) -> list[tuple[Sensitivity, ...]]:
    """Judge every claim again in other ways.

    Parameters
    ----------
    claims, rows, words
        Each claim, its contrasts, and the word that it got.
    at_others
        For each claim, its contrasts at the targets of :func:`other_targets`.

    Returns
    -------
    list of tuple
        For each claim, in the order given; empty where there was no verdict.
    """
    found: list[list[Sensitivity]] = [[] for _ in claims]

    def again(other: Sequence[Sequence[Judged]]) -> list[Word]:
        return [d.word for d in decide(list(zip(claims, other, strict=True)))]

    for name, p_of in _TESTS:
        for i, word in enumerate(again([[_with_test(one, p_of) for one in row] for row in rows])):
            if claims[i].primary.decision == "superiority":
                found[i].append(Sensitivity(name, word, word != words[i]))
    for i, others in enumerate(at_others):
        for facet, row in others:
            word = again([*rows[:i], row, *rows[i + 1 :]])[i]
            found[i].append(Sensitivity(f"at the {facet} target", word, word != words[i]))
    left_out = {seed: again(other) for seed, other in _each_seed_left_out(rows)}
    for i, claim_word in enumerate(words):
        found[i] += _one_line_a_word({s: w[i] for s, w in left_out.items()}, claim_word)
    return [
        () if word == "no verdict" else tuple(lines)
        for word, lines in zip(words, found, strict=True)
    ]


def _with_test(one: Judged, p_of: Callable[[Judged], float]) -> Judged:
    """Put another test's p in the t test's place; its interval goes with the t test."""
    f = one.figures
    if one.contrast.comparison.decision != "superiority" or f.n < MINIMUM_SEEDS:
        return one
    other = dataclasses.replace(f, p=p_of(one), low=f.estimate, high=f.estimate)
    return dataclasses.replace(one, figures=other)


def other_targets(claim: Claim) -> Iterator[tuple[str, Claim]]:
    """Give the claim at each other target, where its primary comparison is about one."""
    for facet in FACET_WORDS:
        if claim.primary.facet in FACET_WORDS and facet != claim.primary.facet:
            changed = tuple(
                c.model_copy(update={"facet": facet}) if c.facet in FACET_WORDS else c
                for c in claim.comparisons
            )
            yield facet, claim.model_copy(update={"comparisons": changed})


def _each_seed_left_out(
    rows: Sequence[Sequence[Judged]],
) -> Iterator[tuple[int, list[list[Judged]]]]:
    """Leave each seed out of all contrasts; one that is left with fewer than 6 stays whole."""
    seeds = sorted({seed for row in rows for one in row for seed in one.contrast.seeds})
    without = [[_without_each(one) for one in row] for row in rows]
    for seed in seeds:
        yield (
            seed,
            [
                [changed.get(seed, one) for one, changed in zip(row, changes, strict=True)]
                for row, changes in zip(rows, without, strict=True)
            ],
        )


def _without_each(one: Judged) -> dict[int, Judged]:
    """Judge a contrast without each of its seeds; all t tests at once."""
    contrast, f = one.contrast, one.figures
    n = contrast.n - 1
    if n < MINIMUM_SEEDS:
        return {}
    x = contrast.differences
    rest = np.broadcast_to(x, (n + 1, n + 1))[~np.eye(n + 1, dtype=bool)].reshape(n + 1, n)
    if is_constant(x):
        return dict.fromkeys(contrast.seeds, judged(_kept(contrast, 0, rest[0])))
    if contrast.comparison.decision != "superiority" or any(map(is_constant, rest)):
        return {seed: judged(_kept(contrast, i, rest[i])) for i, seed in enumerate(contrast.seeds)}
    # As ``stats.paired`` and ``stats.equivalence``, for all rows at once: there are hundreds of
    # contrasts, and scipy's own test takes milliseconds.
    means = rest.mean(axis=1)
    errors = rest.std(axis=1, ddof=1) / np.sqrt(n)
    half = special.stdtrit(n - 1, 0.975) * errors
    p = 2 * special.stdtr(n - 1, -np.abs(means / errors))
    within = special.stdtr(n - 1, (np.abs(means) - f.margin) / errors)
    return {
        seed: dataclasses.replace(
            one,
            figures=dataclasses.replace(
                f,
                n=n,
                estimate=float(means[i]),
                low=float(means[i] - half[i]),
                high=float(means[i] + half[i]),
                p=float(p[i]),
                p_equivalence=float(within[i]),
            ),
        )
        for i, seed in enumerate(contrast.seeds)
    }


def _kept(contrast: Contrast, left_out: int, differences: Values) -> Contrast:
    def without(values: Values) -> Values:
        return np.delete(values, left_out)

    return dataclasses.replace(
        contrast,
        seeds=tuple(s for i, s in enumerate(contrast.seeds) if i != left_out),
        differences=differences,
        arms={name: without(values) for name, values in contrast.arms.items()},
    )


def _one_line_a_word(words: Mapping[int, Word], expected: Word) -> list[Sensitivity]:
    """Say which seeds change the word by their absence; one line where none does."""
    lines = []
    for word in dict.fromkeys(w for w in words.values() if w != expected):
        seeds = [str(seed) for seed, w in words.items() if w == word]
        name = (
            f"without seed {seeds[0]}"
            if len(seeds) == 1
            else (f"without any one of the seeds {', '.join(seeds)}")
        )
        lines.append(Sensitivity(name, word, flips=True))
    if words and not lines:
        return [Sensitivity(f"with each of {plural(len(words), 'seed')} left out", expected, False)]
    return lines
