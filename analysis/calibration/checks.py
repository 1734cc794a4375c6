"""Error rates, coverage and power of single tests, through the code that gives verdicts."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from analysis.calibration.table import Row, rate_row
from analysis.claims import Claim
from analysis.comparison import Comparison
from analysis.contrasts import Contrast
from analysis.decision import decide, judged
from analysis.rule import LEVEL
from analysis.stats.permutation import sign_flip_p
from analysis.stats.planning import seeds_needed, settles
from analysis.stats.survival import paired_log_rank
from analysis.stats.trend import interaction, page_trend, slopes
from analysis.stats.tuned import tuned_contrast
from analysis.stats.wilcoxon import wilcoxon_p

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analysis.calibration.scenarios import Scenario
    from analysis.contrasts import Word
    from analysis.decision import Decision
    from analysis.stats.inputs import FloatArray

Kind = Literal["superiority", "typical", "equality"]  # as in the registry

MOST_ERRORS: Final = 0.055
COVERAGE: Final = (0.94, 0.96)
_ERROR: Final = "type-I error"
_AT_MARGIN: Final = "equivalence at the margin"
_TINY: Final = 1e-9  # a margin that decides nothing, so that the test alone does
_WIDE: Final = 2.0  # standard deviations: a margin that the test can reach with 6 seeds
_FOUND: Final[tuple[Word, ...]] = ("supported", "contradicted")


def decision_on(differences: FloatArray, margin: float, kind: Kind = "superiority") -> Decision:
    """Judge one sample of differences as a claim with one contrast."""
    claim = _claim(margin, kind)
    contrast = Contrast(
        comparison=claim.primary,
        label="simulated",
        role="primary",
        seeds=tuple(range(differences.size)),
        differences=differences,
        planned=differences.size,
    )
    return decide([(claim, [judged(contrast)])])[0]


def error_rates(scenario: Scenario, n: int, simulations: int, seed: int) -> list[Row]:
    """Count what the verdict rule and the tests beside it find where there is nothing.

    Four questions share the draws: type-I error of the t test under the rule, of the two tests
    beside it, coverage of the interval, and "no practical difference" exactly at the margin. There
    a symmetric scenario needs one side only.
    """
    own = zlib.crc32(scenario.name.encode())  # rows of other scenarios are other draws
    draws = scenario.differences(np.random.default_rng([seed, n, own]), (simulations, n))
    sides = {"upper": _WIDE} if scenario.symmetric else {"upper": _WIDE, "lower": -_WIDE}
    found = covered = flips = ranks = 0
    inside = dict.fromkeys(sides, 0)
    for x in draws:
        decision = decision_on(x, _TINY)
        figures = decision.figures[0]
        found += decision.word in _FOUND
        covered += figures.low <= 0 <= figures.high
        flips += sign_flip_p(x) < LEVEL
        ranks += wilcoxon_p(x) < LEVEL
        for side, truth in sides.items():
            inside[side] += decision_on(x + truth, _WIDE).word == "no practical difference"
    most = MOST_ERRORS if scenario.symmetric else None
    least_cover, most_cover = COVERAGE if scenario.normal else (None, None)
    counts = [
        (_ERROR, "verdict (paired t)", found, None, most),
        (_ERROR, "sign-flip permutation", flips, None, most),
        (_ERROR, "Wilcoxon signed rank", ranks, None, most),
        ("coverage", "95 % t interval", covered, least_cover, most_cover),
        *(
            (_AT_MARGIN, f"verdict (two one-sided tests), {side} margin", hits, None, most)
            for side, hits in inside.items()
        ),
    ]
    return [
        rate_row(
            *(question, test, scenario.name, n),
            hits=hits,
            simulations=simulations,
            least=least,
            most=limit,
        )
        for question, test, hits, least, limit in counts
    ]


def other_tests(n: int, simulations: int, seed: int) -> list[Row]:
    """Type-I error of the tests that take more than one number a seed."""
    generator = np.random.default_rng([seed, n, 1])
    tests: dict[tuple[str, str], Callable[[], bool]] = {
        ("verdict on slopes", "4 conditions, level for each seed"): lambda: _found(
            slopes(_table(generator, n, 4), np.arange(4))
        ),
        ("Page's L", "4 conditions, level for each seed"): lambda: (
            page_trend(_table(generator, n, 4)).p < LEVEL
        ),
        ("Page's L", "4 conditions, ties"): lambda: (
            page_trend(np.round(_table(generator, n, 4))).p < LEVEL
        ),
        ("verdict on interactions", "2 × 2, the arms differ everywhere"): lambda: _found(
            interaction(*(_table(generator, n, 4) + np.array([1.0, 0.0, 1.0, 0.0])).T)
        ),
        ("verdict on restricted times", "three in ten censored"): lambda: _found(
            np.subtract(*(np.log(np.minimum(t, 1.3)) for t in _times(generator, n)))
        ),
        ("paired log-rank", "three in ten censored"): lambda: (
            paired_log_rank(*_times(generator, n), 1.3).p < LEVEL
        ),
        ("verdict on a published run: typical", "at the edge of the central 95 %"): lambda: (
            decision_on(generator.normal(1.96, 1, n), 1.96, "typical").word == "supported"
        ),
        ("verdict on a published run: not typical", "at the edge of the central 95 %"): lambda: (
            decision_on(generator.normal(1.96, 1, n), 1.96, "typical").word == "contradicted"
        ),
        ("verdict on an equality: holds", "exactly at the margin"): lambda: (
            decision_on(generator.normal(_WIDE, 1, n), _WIDE, "equality").word == "supported"
        ),
        ("verdict on an equality: does not hold", "exactly at the margin"): lambda: (
            decision_on(generator.normal(_WIDE, 1, n), _WIDE, "equality").word == "contradicted"
        ),
    }
    return [
        rate_row(
            *(_ERROR, test, scenario, n),
            hits=sum(run() for _ in range(simulations)),
            simulations=simulations,
            most=MOST_ERRORS,
        )
        for (test, scenario), run in tests.items()
    ]


# Mean outcome at five settings, for the first and the second arm; in standard deviations of a run.
_PROFILES: Final = {
    "one clear best": ((-2.0, 0.0, 3.0, 0.0, -2.0), (-2.0, 0.0, 3.0, 0.0, -2.0)),
    "five equally good": ((0.0,) * 5, (0.0,) * 5),
    "one clear best against five equal": ((-9.0, -9.0, 0.0, -9.0, -9.0), (0.0,) * 5),
    "several nearly equal": ((-1.0, -0.3, 0.0, -0.3, -1.0), (-1.0, -0.3, 0.0, -0.3, -1.0)),
}


def tuned_rows(n: int, simulations: int, seed: int) -> list[Row]:
    """Type-I error of fair-tuned contrasts, of two hypotheses.

    Equal at the settings chosen is what a split of the seeds promises. Equal at the truly best
    settings is what a reader may think of; the choice by few seeds may miss the best, so its rate
    is shown and nothing is promised.
    """
    generator = np.random.default_rng([seed, n, 2])
    rows = []
    for name, (first_mean, second_mean) in _PROFILES.items():
        at_chosen = at_best = 0
        for _ in range(simulations):
            level = generator.normal(0, 1, (n, 1))
            outcomes, validations = [], []
            for mean in (first_mean, second_mean):
                own = generator.normal(size=(n, 5))
                outcomes.append(np.array(mean) + level + own)
                # validation accuracy of the same run: mostly the same luck
                other = generator.normal(size=(n, 5))
                validations.append(np.array(mean) + level + 0.8 * own + 0.6 * other)
            contrast = tuned_contrast(*validations, *outcomes)
            first, second = contrast.first_choice, contrast.second_choice
            assert first is not None
            assert second is not None
            truth = first_mean[first] - second_mean[second]
            at_chosen += _found(contrast.differences - truth)
            at_best += _found(contrast.differences)
        rows += [
            rate_row(
                *(_ERROR, f"verdict on fair-tuned arms, equal at the {where}", name, n),
                hits=hits,
                simulations=simulations,
                most=most,
            )
            for where, hits, most in (
                ("settings chosen", at_chosen, MOST_ERRORS),
                ("true best", at_best, None),
            )
        ]
    return rows


def power_rows(effect: float, margin: float, simulations: int, seed: int) -> list[Row]:
    """Compare the seeds that the tool asks for with those that simulation finds.

    Verdicts are simulated at nine numbers of seeds around the tool's, with a fifth of the
    simulations at each; where a straight line through the powers crosses 80 % is the number by
    simulation.
    """
    asked = seeds_needed(effect, 1.0, margin=margin)
    assert asked is not None
    generator = np.random.default_rng([seed, asked])
    wanted = "supported" if settles(effect, margin) == "difference" else "no practical difference"
    span, simulations = max(2, round(0.2 * asked)), max(1, simulations // 5)
    numbers = np.unique(np.linspace(max(6, asked - span), asked + span, 9).round().astype(int))
    powers = [
        np.mean(
            [
                decision_on(x, margin or _TINY).word == wanted
                for x in generator.normal(effect, 1, (simulations, n))
            ]
        )
        for n in numbers
    ]
    slope, level = np.polyfit(numbers, powers, 1)
    found = (0.8 - level) / slope
    # Error of the line at its centre; the line is nearly straight over so short a piece.
    error = 1.96 * np.sqrt(0.16 / (simulations * numbers.size)) / slope
    row = Row(
        question="power",
        test="seeds needed, simulated over asked",
        scenario=f"effect {effect:g}, margin {margin:g} standard deviations: {wanted}",
        n=asked,
        simulations=simulations * numbers.size,
        value=float(found / asked),
        low=float((found - error) / asked),
        high=float((found + error) / asked),
        # A number of seeds is whole: the tool rounds up.
        least=min(0.9, 1 - 1 / asked),
        most=1.1,
    )
    return [row]


POWER_CASES: Final = ((0.5, 0.0), (0.8, 0.25), (1.0, 0.5), (0.6, 0.5), (0.0, 0.5), (0.2, 1.0))


def _found(differences: Iterable[float]) -> bool:
    return decision_on(np.asarray(differences), _TINY).word in _FOUND


def _table(generator: np.random.Generator, n: int, conditions: int) -> FloatArray:
    return generator.normal(size=(n, 1)) + generator.normal(size=(n, conditions))


def _times(generator: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
    level = generator.normal(0, 0.3, n)
    first, second = (np.exp(level + generator.normal(0, 0.4, n)) for _ in range(2))
    return np.where(first > 1.3, np.inf, first), np.where(second > 1.3, np.inf, second)


def _claim(margin: float, kind: Kind) -> Claim:
    key = (margin, kind)
    if key not in _CLAIMS:
        comparison = Comparison(
            name="simulated",
            measure="paired",
            metric="test_accuracy",
            study="simulated",
            direction="higher",
            decision=kind,
            scale="difference",
            margin=margin,
            margin_why="Given by the simulation that asks.",
            reads=("higher", "lower"),
            reference={"batch": 1.0} if kind == "typical" else {},
        )
        _CLAIMS[key] = Claim(
            id="S1",
            group="mechanics",
            title="Simulated",
            sentence="Simulated data show an effect.",
            source="calibration",
            comparisons=(comparison,),
        )
    return _CLAIMS[key]


_CLAIMS: Final[dict[tuple[float, Kind], Claim]] = {}
