"""The calibration's table."""

from __future__ import annotations

import csv
import io

import pytest

from analysis.calibration import table as calibration_table
from analysis.calibration.table import (
    Row,
    judging_hash,
    load_table,
    make_table,
    parse_table,
    rate_row,
    reference_table,
)
from analysis.claims import load_registry
from suite.errors import UsageError


def row(**changes) -> Row:
    given = {"hits": 50, "simulations": 1000, "most": 0.055, **changes}
    return rate_row("type-I error", "t", "normal", 12, **given)


def test_a_rate_with_its_monte_carlo_interval():
    assert row().value == 0.05
    assert row().low < 0.05 < row().high


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"hits": 60}, True),  # .06, but .055 lies within Monte Carlo error
        ({"hits": 90}, False),
        ({"hits": 900, "most": 0.96, "least": 0.94}, False),
        ({"hits": 945, "most": 0.96, "least": 0.94}, True),
        ({"hits": 990, "most": 0.96, "least": 0.94}, False),
        ({"hits": 500, "most": None}, None),  # nothing promised
    ],
)
def test_whether_a_promise_holds(changes, holds):
    assert row(**changes).holds is holds


def test_json_and_back():
    table = make_table([row(), row(most=None)], 1000)
    assert parse_table(table.to_json()) == table
    assert table.to_json() == make_table([row(), row(most=None)], 1000).to_json()
    assert table.current


def test_csv_has_a_line_a_figure():
    lines = list(csv.DictReader(io.StringIO(make_table([row(), row()], 1000).to_csv())))
    assert len(lines) == 2
    assert lines[0]["value"] == "0.05"
    assert lines[0]["holds"] == "True"


def test_a_table_of_other_code_says_so():
    table = parse_table(make_table([row()], 9).to_json().replace(judging_hash(), "0" * 16))
    assert not table.current
    assert table.reports_current


def test_whole_reports_speak_for_a_registry_and_its_measures(monkeypatch):
    table = make_table([row()], 9)
    registry = load_registry()
    first, *others = registry.claims
    reworded = registry.model_copy(
        update={"claims": (first.model_copy(update={"title": "Other words"}), *others)}
    )
    assert reworded.hash != registry.hash
    monkeypatch.setattr(calibration_table, "load_registry", lambda: reworded)
    assert table.reports_current
    stricter = first.primary.model_copy(update={"margin": first.primary.margin * 2})
    first = first.model_copy(update={"comparisons": (stricter, *first.comparisons[1:])})
    moved = registry.model_copy(update={"claims": (first, *others)})
    monkeypatch.setattr(calibration_table, "load_registry", lambda: moved)
    assert not table.reports_current
    assert table.current


def test_the_table_that_comes_with_the_package_is_of_this_version():
    assert reference_table().current
    assert reference_table().reports_current


@pytest.mark.parametrize("content", [None, "", "{}", '{"rows": [{"x": 1}]}', "[]"])
def test_what_is_no_table(tmp_path, content):
    path = tmp_path / "calibration.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match="no calibration table"):
        load_table(path)


def test_the_table_that_comes_with_the_package_keeps_its_promises():
    rows = reference_table().rows
    assert {"type-I error", "coverage", "equivalence at the margin", "power"} <= {
        r.question for r in rows
    }
    assert [r for r in rows if r.holds is False] == []
