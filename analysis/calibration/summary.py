"""The calibration in a few lines: for each question the figure that is hardest to accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.calibration.table import CalibrationTable, Row


@dataclass(frozen=True)
class Summary:
    """All rows of one question that promise the same, or that promise nothing.

    Parameters
    ----------
    question
        As in the table.
    least, most
        What is promised; None and None where the rate is only shown.
    rows
        How many figures.
    kept
        How many keep the promise up to Monte Carlo error; all where nothing is promised.
    worst
        The row furthest from where it should be: the largest rate, the coverage or ratio furthest
        from the middle of its promise.
    """

    question: str
    least: float | None
    most: float | None
    rows: int
    kept: int
    worst: Row

    @property
    def promised(self) -> bool:
        """Whether anything is promised."""
        return self.least is not None or self.most is not None


def summarize(table: CalibrationTable) -> list[Summary]:
    """Group a table by question and promise, in its order.

    The promises about seeds needed differ by rounding to whole seeds; they are one group.
    """
    groups: dict[tuple[str, bool], list[Row]] = {}
    for row in table.rows:
        groups.setdefault((row.question, row.holds is not None), []).append(row)
    return [
        Summary(
            question,
            min((r.least for r in rows if r.least is not None), default=None),
            max((r.most for r in rows if r.most is not None), default=None),
            len(rows),
            sum(r.holds is not False for r in rows),
            max(rows, key=_badness),
        )
        for (question, _), rows in groups.items()
    ]


def _badness(row: Row) -> float:
    if row.question == "coverage":
        return abs(row.value - 0.95)
    if row.question == "power":
        return abs(row.value - 1)
    return row.value
