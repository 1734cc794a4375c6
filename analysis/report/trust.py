"""How far the verdicts can be trusted: the calibration, and one arm against itself."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.calibration.same_arm import same_arm_study, same_arm_verdicts
from analysis.calibration.summary import summarize
from analysis.calibration.table import REFERENCE, reference_table
from analysis.claims import load_registry
from analysis.report.tables import csv_download, table
from analysis.report.view import TrustView
from analysis.wording import NOTHING, count, p_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.calibration.summary import Summary
    from analysis.calibration.table import CalibrationTable
    from analysis.contrasts import Verdict
    from analysis.samples import Samples

ARM: Final = "batch"
_FALSE: Final = ("supported", "contradicted", "depends")
_TUNED: Final = "fair-tuned arms"  # in the name of a test
_QUESTIONS: Final = {
    "type-I error": "A difference is found where there is none",
    "coverage": "The 95 % interval holds the truth",
    "equivalence at the margin": "“No practical difference” where it is exactly the margin",
    "power": "Seeds needed: by simulation, over what the report says",
    "registry": "A report on data without any effect holds a false verdict",
}


def trust_view(samples: Samples) -> TrustView:
    """Say what the calibration found, and what one arm against itself gives on this run."""
    calibration = reference_table()
    registry = load_registry()
    study = same_arm_study(samples, registry)
    halves = same_arm_verdicts(samples, registry, ARM)
    rows = [_row(v, "study aa") for v in study] + [_row(v, "halves of the seeds") for v in halves]
    return TrustView(
        calibration=_calibration_words(calibration),
        calibration_table=table(
            pd.DataFrame([_question(s) for s in summarize(calibration)]),
            "What the statistics promise, and the worst that simulation found",
        ),
        same_arm=_same_arm_words(study, halves),
        same_arm_table=table(
            pd.DataFrame(rows), "Batch normalization against itself, with other seeds", most=100
        )
        if rows
        else None,
        csv=(
            csv_download(_frame(calibration), "calibration.csv", "All figures of the calibration"),
        ),
    )


def _calibration_words(calibration: CalibrationTable) -> tuple[str, ...]:
    promised = [r for r in calibration.rows if r.holds is not None]
    kept = sum(r.holds is True for r in promised)
    words = [
        "Data with a known truth were drawn many times and judged by the code that judged this "
        "run: normal, skewed, heavy-tailed, tied, censored, with unequal spread. "
        f"{kept} of {len(promised)} promises hold within Monte Carlo error; each row of the table "
        "says how often it was tried.",
        *_not_promised(calibration),
    ]
    if not calibration.current or not calibration.reports_current:
        changed = (
            "The registry or its measures have changed since whole reports were judged; "
            "python -m analysis.calibrate judges them anew"
            if calibration.current
            else "The judging code has changed since these figures were made; "
            "python -m analysis.calibrate makes them anew"
        )
        words.append(
            f"{changed}, and reports show its calibration.json once that is copied to "
            f"analysis/calibration/{REFERENCE}."
        )
    return tuple(words)


def _not_promised(calibration: CalibrationTable) -> Iterator[str]:
    """Say where a true null is rejected more often than promised, and how often at most."""
    errors = [
        r
        for r in calibration.rows
        if r.question == "type-I error" and r.holds is None and r.test.startswith("verdict")
    ]
    for words, tuned in (
        (
            "the two arms have equal means but noise of unlike shape, such as rare failures in one "
            "of them",
            False,
        ),
        (
            "each arm is taken at its best learning rate and they are equal at their true best "
            "only: an arm with several nearly equal rates is sometimes taken at a lesser one",
            True,
        ),
    ):
        found = [r for r in errors if (_TUNED in r.test) == tuned]
        if found:
            worst = max(found, key=lambda r: r.value)
            yield (
                f"Nothing is promised where {words}. At worst {100 * worst.value:.1f} % of such "
                f"comparisons got a false verdict ({worst.scenario}, n = {worst.n})."
            )


def _question(s: Summary) -> dict[str, object]:
    worst = s.worst
    limits = [f"{limit:g}" for limit in (s.least, s.most) if limit is not None]
    where = f"{worst.test}, {worst.scenario}" + (f", n = {worst.n}" if worst.n else "")
    return {
        "question": _QUESTIONS.get(s.question, s.question),
        "promised": " to ".join(limits)
        if len(limits) == 2
        else f"≤ {limits[0]}"
        if limits
        else "nothing, only shown",
        "figures": s.rows,
        "promise kept": f"{s.kept} of {s.rows}" if s.promised else NOTHING,
        "worst figure": f"{worst.value:.3f} [{worst.low:.3f}, {worst.high:.3f}]",
        "found for": where,
        "simulations": worst.simulations,
    }


def _same_arm_words(study: Sequence[Verdict], halves: Sequence[Verdict]) -> tuple[str, ...]:
    if not study and not halves:
        return (
            "One arm against itself, with other seeds, should give no verdict of a difference. "
            "This run can't show it: that takes a study of its own, or 12 seeds a condition.",
        )
    words = [
        "Batch normalization against itself, with other seeds: any verdict of a difference is "
        "false. Simulated noise may be kinder than that of training; this noise is real."
    ]
    for verdicts, what in (
        (study, "The study aa trains the main condition again with other seeds"),
        (halves, "The first half of each study's seeds against the second half"),
    ):
        if verdicts:
            false = [v.claim.id for v in verdicts if v.word in _FALSE]
            found = f"false in {', '.join(false)}" if false else "none is false"
            words.append(f"{what}: {count(len(verdicts), 'verdict')}, {found}.")
    return tuple(words)


def _row(verdict: Verdict, what: str) -> dict[str, object]:
    result = verdict.primary
    return {
        "claim": verdict.claim.id,
        "what it says": verdict.claim.title,
        "compared": what,
        "verdict": verdict.word,
        "effect": result.text if result else NOTHING,
        "n": result.n if result else 0,
        "adjusted p": p_value(result.p_adjusted) if result else NOTHING,
        "false": "yes" if verdict.word in _FALSE else "no",
    }


def _frame(calibration: CalibrationTable) -> pd.DataFrame:
    return pd.DataFrame([{**dataclasses.asdict(r), "holds": r.holds} for r in calibration.rows])
