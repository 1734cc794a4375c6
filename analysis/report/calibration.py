"""How often the tests themselves are wrong: the calibration in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.calibration.summary import Summary, summarize
from analysis.calibration.table import reference_table
from analysis.report.tables import csv_download, table
from analysis.report.view import CalibrationView
from analysis.wording import number

if TYPE_CHECKING:
    from analysis.calibration.table import CalibrationTable, Row

_QUESTIONS: Final = {
    "type-I error": "How often is a difference claimed where there is none?",
    "coverage": "How often does a 95 % interval hold the true value?",
    "equivalence at the margin": (
        "How often is “no practical difference” given where the true effect is just as large as "
        "the margin?"
    ),
    "power": "Do as many seeds as the report asks for settle a claim? (seeds needed over asked)",
    "registry": "How often does a whole report on data without any effect hold a false verdict?",
}
_SHOWN_ONLY: Final = (
    "Rows that promise nothing are noise for which no test is exact, such as rare failures in one "
    "arm only; they show how far from the promise the tests then are."
)


def calibration_view() -> CalibrationView:
    """Show the reference calibration of this version, and whether it is of this version's code."""
    reference = reference_table()
    rows = [_row(s) for s in summarize(reference)]
    every = pd.DataFrame([_full(r) for r in reference.rows])
    return CalibrationView(
        summary=(
            "Before any real data is judged, the code that gives verdicts judges simulated data "
            "whose truth is known, thousands of times for each row; each share has a Monte Carlo "
            f"error, and each row says how many simulations it has. {_SHOWN_ONLY}"
        ),
        warning="" if reference.current else _warning(reference),
        table=table(pd.DataFrame(rows), "The tests on data whose truth is known", most=100),
        every=table(every, f"All {len(every)} figures of the calibration", most=400),
        csv=csv_download(every, "calibration.csv", f"Calibration as CSV ({len(every)} rows)"),
    )


def _warning(reference: CalibrationTable) -> str:
    return (
        "These figures were made by an earlier version of the code that gives verdicts "
        f"({reference.judging_hash}). python -m analysis.calibrate makes them again."
    )


def _row(summary: Summary) -> dict[str, str]:
    worst = summary.worst
    return {
        "question": _QUESTIONS.get(summary.question, summary.question),
        "promised": _promise(summary) if summary.promised else "nothing: shown only",
        "worst that was found": f"{_value(worst)} ({_case(worst)})",
        "kept, up to Monte Carlo error": f"{summary.kept} of {summary.rows} cases"
        if summary.promised
        else f"{summary.rows} cases shown",
    }


def _promise(summary: Summary) -> str:
    share = summary.question != "power"
    least, most = (_share(v, share=share) for v in (summary.least, summary.most))
    if summary.least is None:
        return f"at most {most}"
    return f"at least {least}" if summary.most is None else f"{least} to {most}"


def _value(row: Row) -> str:
    return _share(row.value, share=row.question != "power")


def _share(value: float | None, *, share: bool) -> str:
    if value is None:
        return ""
    return f"{number(100 * value)} %" if share else number(value)


def _case(row: Row) -> str:
    seeds = f", {row.n} seeds" if row.n else ""
    return f"{row.test}; {row.scenario}{seeds}"


def _full(row: Row) -> dict[str, object]:
    holds = {True: "yes", False: "no", None: "nothing promised"}[row.holds]
    return {
        "question": row.question,
        "test": row.test,
        "data": row.scenario,
        "seeds": row.n,
        "simulations": row.simulations,
        "found": row.value,
        "from": row.low,
        "to": row.high,
        "at least": row.least,
        "at most": row.most,
        "kept": holds,
    }
