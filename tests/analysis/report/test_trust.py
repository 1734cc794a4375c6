"""The section about the calibration and about one arm against itself."""

from __future__ import annotations

import dataclasses

import pytest

from analysis.calibration.table import make_table, rate_row, reference_table
from analysis.report import trust
from analysis.report.trust import trust_view
from analysis.samples import load_samples
from tests.synthetic import Truth, write_store

SMALL = {"batch_sizes": (16, 64), "learning_rates": (1e-3, 1e-2), "curves": False}


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    path = tmp_path_factory.mktemp("trust") / "store.sqlite"
    return load_samples(write_store(path, Truth(steps=1.0), seeds=12, **SMALL))


def test_every_question_of_the_calibration_is_there_with_its_worst_figure(twelve):
    view = trust_view(twelve)
    shown = {row[0].text for row in view.calibration_table.rows}
    assert shown == {trust._QUESTIONS[r.question] for r in reference_table().rows}
    assert "calibration.csv" in view.csv[0].name
    assert view.csv[0].uri.count("%0A") == len(reference_table().rows) + 1


def test_the_arm_against_itself(twelve):
    view = trust_view(twelve)
    assert view.same_arm_table is not None
    claims = [row[0].text for row in view.same_arm_table.rows]
    assert {"A1", "A2", "A7"} <= set(claims)
    assert {row[-1].text for row in view.same_arm_table.rows} == {"no"}
    assert "none is false" in view.same_arm[1]


def test_false_verdicts_are_said(twelve):
    trials = twelve.trials.copy()
    trials.loc[trials["seed"] < 6, "test_accuracy"] += 0.02
    view = trust_view(type(twelve)(trials, twelve.studies, twelve.runs, twelve.stores))
    assert "false in A2" in view.same_arm[1]


def test_few_seeds_can_not_show_it(tmp_path):
    few = load_samples(write_store(tmp_path / "store.sqlite", seeds=6, **SMALL))
    view = trust_view(few)
    assert view.same_arm_table is None
    assert "12 seeds" in view.same_arm[0]


def test_a_broken_promise_is_said(twelve, monkeypatch):
    rows = [
        rate_row("type-I error", "t", "normal", 12, hits=h, simulations=1000, most=0.055)
        for h in (50, 90)
    ]
    table = make_table(rows, 1000)
    monkeypatch.setattr(trust, "reference_table", lambda: table)
    assert "1 of 2 promises hold" in trust_view(twelve).calibration[0]
    assert len(trust_view(twelve).calibration) == 1


def test_where_nothing_is_promised_the_worst_rate_is_said(twelve):
    errors = [
        r
        for r in reference_table().rows
        if r.question == "type-I error" and r.holds is None and "verdict" in r.test
    ]
    tuned = [r for r in errors if "fair-tuned" in r.test]
    words = " ".join(trust_view(twelve).calibration)
    for rows in (tuned, [r for r in errors if r not in tuned]):
        worst = 100 * max(r.value for r in rows)
        assert f"At worst {worst:.1f} % of such comparisons" in words


def test_an_older_table_says_what_has_changed(twelve, monkeypatch):
    table = reference_table()
    for changed, words in (
        ({"reports_hash": "0"}, "The registry or its measures have changed"),
        ({"judging_hash": "0", "reports_hash": "0"}, "The judging code has changed"),
    ):
        monkeypatch.setattr(
            trust, "reference_table", lambda changed=changed: dataclasses.replace(table, **changed)
        )
        assert words in trust_view(twelve).calibration[-1]
