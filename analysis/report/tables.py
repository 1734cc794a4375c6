"""Frames → tables of ready strings and embedded CSV files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pandas as pd

from analysis.report.view import Cell, Column, Download, Table
from analysis.wording import absent, axis_value, number
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ROWS: Final = 60
_NAMES_OF_AXES: Final = frozenset((*AXES, "seed", "device", "study", "key", "step", "steps"))
# A cell that a spreadsheet would run as a formula (CWE-1236): names come from users.
_FORMULA: Final = re.compile(r"^[=+\-@\t\r]")


def table(
    frame: pd.DataFrame,
    caption: str,
    *,
    titles: Mapping[str, str] | None = None,
    most: int = MOST_ROWS,
    searchable: bool = False,
) -> Table:
    """Turn a frame into a table; long ones are cut, with a note that the CSV holds the rest.

    Parameters
    ----------
    titles
        Column → heading, where the column's own name does not read well.
    searchable
        Whether it gets a filter where JavaScript runs.
    """
    titles = titles or {}
    numeric = [
        pd.api.types.is_numeric_dtype(frame[c]) and not pd.api.types.is_bool_dtype(frame[c])
        for c in frame.columns
    ]
    columns = tuple(
        Column(titles.get(str(c), str(c).replace("_", " ")), numeric=n)
        for c, n in zip(frame.columns, numeric, strict=True)
    )
    shown = frame.head(most)
    rows = tuple(
        tuple(_cell(str(c), v) for c, v in zip(frame.columns, values, strict=True))
        for values in shown.itertuples(index=False, name=None)
    )
    left = len(frame) - len(shown)
    note = f"The first {len(shown)} of {len(frame):,} rows; the CSV holds all." if left else ""
    return Table(caption, columns, rows, note, searchable)


def _cell(column: str, value: Any) -> Cell:
    if isinstance(value, str):
        return Cell(value)
    missing = absent(value)
    if column in _NAMES_OF_AXES and not missing:
        return _sorted(axis_value(value), value)
    text = number(value, 4)
    return Cell(text) if missing or isinstance(value, bool) else _sorted(text, value)


def _sorted(text: str, value: float) -> Cell:
    """Give the key for sorting, but where the text is the number as a program reads it."""
    key = f"{float(value):.7g}"
    return Cell(text, "" if text == key else key)


def csv_text(frame: pd.DataFrame, float_format: str | None = None) -> str:
    """Write a frame as CSV: UTF-8, full precision unless told, no cell a spreadsheet would run."""
    safe = frame.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(_inert)
    return str(safe.to_csv(index=False, lineterminator="\n", float_format=float_format))


def csv_download(frame: pd.DataFrame, name: str, label: str = "") -> Download:
    """Embed a frame as a CSV file with seven digits; full precision lies beside the report."""
    text = csv_text(frame, "%.7g")
    uri = "data:text/csv;charset=utf-8," + quote(text, safe=",.-_~:;()/+*=!'", errors="replace")
    return Download(name, uri, label or f"{name} ({len(frame):,} rows)")


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
