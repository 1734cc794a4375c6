"""The files beside the report: documented to the key, and true to the store."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.report.exports import SCHEMA, curves_csv, exported_files
from analysis.samples import load_samples
from analysis.verdicts import judge_samples
from suite.quantities import QUANTITIES
from suite.store import StoreReader
from tests.synthetic import Truth, none_fails_at_the_largest_rate, write_store

DOCUMENT = Path(__file__).parents[3] / "docs" / "verdicts-schema.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(
        tmp_path_factory.mktemp("store"),
        Truth(fate=none_fails_at_the_largest_rate),
        seeds=7,
        batch_sizes=(64,),
        learning_rates=(1e-3, 1e-1),
    )


@pytest.fixture(scope="module")
def files(store: Path) -> dict[str, str]:
    samples = load_samples(store)
    return exported_files(samples, judge_samples(samples), curves_csv(samples))


def documented(heading: str) -> set[str]:
    text = DOCUMENT.read_text("utf-8").split(f"### {heading}\n", 1)[1].split("\n### ", 1)[0]
    keys = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert len(keys) == len(set(keys))
    return set(keys)


def test_every_key_is_documented_and_there(files: dict[str, str]) -> None:
    document: dict[str, Any] = json.loads(files["verdicts.json"])
    assert document["schema"] == SCHEMA
    assert SCHEMA in DOCUMENT.read_text("utf-8")
    assert set(document) == documented("The document")
    assert set(document["runs"][0]) == documented("A run")
    for verdict in document["verdicts"]:
        assert set(verdict) == documented("A verdict")
        for comparison in verdict["comparisons"]:
            assert set(comparison) == documented("A comparison")
            assert len(comparison["differences"]) == comparison["n"] == len(comparison["seeds"])
        for line in verdict["sensitivity"]:
            assert set(line) == documented("An entry of `sensitivity`")


def test_every_file_is_documented(files: dict[str, str]) -> None:
    text = DOCUMENT.read_text("utf-8").split("## `verdicts.json`")[0]
    assert set(re.findall(r"^\| `([\w.]+)` \|", text, flags=re.MULTILINE)) == set(files)


def test_every_column_is_documented(files: dict[str, str]) -> None:
    text = DOCUMENT.read_text("utf-8").split("## Columns", 1)[1].split("## `verdicts.json`")[0]
    named = set(re.findall(r"`(\w+)`", text)) | documented("A comparison")
    for file in (name for name in files if name.endswith(".csv") and name != "curves.csv"):
        for column in next(csv.reader(io.StringIO(files[file]))):
            known = column.partition("@")[0] in QUANTITIES or column.startswith("value ")
            assert known or column in named, (file, column)


def test_json_is_strict(files: dict[str, str]) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(files["verdicts.json"], parse_constant=refuse)


def test_curves_are_those_of_the_store(store: Path, files: dict[str, str]) -> None:
    rows = csv.DictReader(io.StringIO(files["curves.csv"]))  # older pandas rounds what it reads
    with StoreReader(store) as reader:
        stored = {
            (r.trial.key, c.quantity, step): value
            for r in reader.results()
            for c in r.curves
            for step, value in zip(c.steps, c.values, strict=True)
        }
    mine = {(r["key"], r["quantity"], int(r["step"])): float(r["value"]) for r in rows}
    assert mine == stored


def test_a_row_a_planned_trial(store: Path, files: dict[str, str]) -> None:
    trials = pd.read_csv(io.StringIO(files["trials.csv"]))
    with StoreReader(store) as reader:
        assert len(trials) == len(reader.planned())
    assert (trials["status"] == "diverged").sum() == 7


def test_the_same_store_gives_the_same_bytes(store: Path, files: dict[str, str]) -> None:
    samples = load_samples(store)
    assert exported_files(samples, judge_samples(samples), curves_csv(samples)) == files
