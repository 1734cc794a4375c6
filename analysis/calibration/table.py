"""The figures of a calibration, written for the report and for reading."""

from __future__ import annotations

import ast
import csv
import dataclasses
import hashlib
import io
import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from analysis.claims import load_registry
from analysis.stats.proportions import wilson_interval
from suite.errors import UsageError
from suite.records import content_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REFERENCE: Final = "reference.json"  # the table of the long form, beside this module
JUDGING: Final = ("stats", "rule.py", "decision.py")  # what a table speaks for


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Parameters
    ----------
    question
        ``type-I error``, ``coverage``, ``equivalence at the margin``, ``power``, ``registry``.
    test, scenario
        What was tested, on which data.
    n
        Seeds; None where several are mixed.
    simulations
        How many.
    value
        The rate found (0…1), or for ``power`` seeds by simulation over seeds by the tool.
    low, high
        95 % Monte Carlo interval of the value.
    least, most
        What the value should lie between; None where nothing is promised.
    """

    question: str
    test: str
    scenario: str
    n: int | None
    simulations: int
    value: float
    low: float
    high: float
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the value keeps what is promised, up to Monte Carlo error."""
        if self.least is None and self.most is None:
            return None
        return (self.most is None or self.low <= self.most) and (
            self.least is None or self.high >= self.least
        )


@dataclass(frozen=True)
class CalibrationTable:
    """All figures with what they were made by.

    Parameters
    ----------
    rows
        In the order of the questions.
    simulations
        For each figure, at least; reports on null data are fewer.
    judging_hash
        Of the source that judges; see :func:`judging_hash`.
    reports_hash
        Of what whole reports depend on beside it; see :func:`reports_hash`.
    """

    rows: tuple[Row, ...]
    simulations: int
    judging_hash: str
    reports_hash: str

    @property
    def current(self) -> bool:
        """Whether it was made by the judging code of this version."""
        return self.judging_hash == judging_hash()

    @property
    def reports_current(self) -> bool:
        """Whether its whole reports were judged by the registry and measures of this version."""
        return self.reports_hash == reports_hash()

    def to_json(self) -> str:
        """Write as JSON; the same rows give the same bytes."""
        rows = [{**dataclasses.asdict(row), "holds": row.holds} for row in self.rows]
        head = {
            "judging_hash": self.judging_hash,
            "reports_hash": self.reports_hash,
            "simulations": self.simulations,
        }
        return json.dumps({**head, "rows": rows}, indent=1, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """Write as CSV, one row a figure."""
        names = [*(f.name for f in dataclasses.fields(Row)), "holds"]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**dataclasses.asdict(r), "holds": r.holds} for r in self.rows)
        return text.getvalue()


def rate_row(
    question: str,
    test: str,
    scenario: str,
    n: int | None,
    *,
    hits: int,
    simulations: int,
    least: float | None = None,
    most: float | None = None,
) -> Row:
    """Make a row of a rate, with Wilson's interval as its Monte Carlo error."""
    low, high = wilson_interval(hits, simulations)
    return Row(
        question=question,
        test=test,
        scenario=scenario,
        n=n,
        simulations=simulations,
        value=hits / simulations,
        low=low,
        high=high,
        least=least,
        most=most,
    )


def make_table(rows: Sequence[Row], simulations: int) -> CalibrationTable:
    """Put rows together as made by this version's code."""
    return CalibrationTable(tuple(rows), simulations, judging_hash(), reports_hash())


def reference_table() -> CalibrationTable:
    """Read the table that comes with this package; each row says how many simulations it has."""
    return parse_table(resources.files(__package__).joinpath(REFERENCE).read_text("utf-8"))


def load_table(path: Path) -> CalibrationTable:
    """Read a table that ``python -m analysis.calibrate`` wrote.

    Raises
    ------
    UsageError
        The file can't be read or is no such table.
    """
    try:
        return parse_table(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no calibration table: {error}") from error


def parse_table(text: str) -> CalibrationTable:
    """Read a table from its JSON."""
    raw = json.loads(text)
    names = {f.name for f in dataclasses.fields(Row)}
    rows = tuple(Row(**{k: v for k, v in row.items() if k in names}) for row in raw["rows"])
    return CalibrationTable(rows, raw["simulations"], raw["judging_hash"], raw["reports_hash"])


def judging_hash() -> str:
    """Hash the code that gives verdicts, so that a table can say whether it is out of date.

    Of syntax trees without docstrings: a better comment doesn't make the figures old.
    """
    return source_hash(JUDGING)


def reports_hash() -> str:
    """Hash the measures and what the registry decides by: whole reports depend on both."""
    return content_hash([source_hash(("measures",)), load_registry().deciding_hash])[:16]


def source_hash(names: Sequence[str]) -> str:
    """Hash modules and folders of this package by their syntax trees, docstrings left out."""
    digest = hashlib.sha256()
    for name in names:
        found = resources.files("analysis").joinpath(name)
        files = sorted(found.iterdir(), key=lambda f: f.name) if found.is_dir() else [found]
        for file in files:
            if file.name.endswith(".py"):
                tree = _without_docstrings(ast.parse(file.read_text("utf-8")))
                digest.update(f"{file.name}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()[:16]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return tree
