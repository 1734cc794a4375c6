"""The registry: what it refuses, what its hash covers, and that the packaged one is sound."""

from __future__ import annotations

import copy
import math
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from analysis.claims import RegistryError, load_registry, parse_registry
from analysis.measures import MEASURES
from suite.datasets import DATASETS
from suite.errors import UnknownNameError
from suite.quantities import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RAW = tomllib.loads("""
[chance]
mnist = 0.1

[[claims]]
id = "A1"
group = "advantages"
title = "Faster"
sentence = "It is faster."
source = "Q1"

[[claims.comparisons]]
name = "matched"
measure = "paired"
metric = "steps_to_target"
facet = "middle"
study = "grid"
direction = "lower"
scale = "log_ratio"
margin = 1.1
margin_why = "a tenth is what a step costs more"
reads = ["fewer steps", "more steps"]

[[claims.comparisons]]
name = "tuned"
role = "evidence"
measure = "tuned"
metric = "test_accuracy"
select_by = "validation_accuracy"
study = "grid"
over = "learning_rate"
direction = "higher"
scale = "difference"
margin = 0.002
margin_why = "twenty of ten thousand images"
reads = ["higher", "lower"]
""")


def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    raw = copy.deepcopy(RAW)
    change(raw)
    return raw


def first(raw: dict[str, Any]) -> dict[str, Any]:
    comparison: dict[str, Any] = raw["claims"][0]["comparisons"][0]
    return comparison


def second(raw: dict[str, Any]) -> dict[str, Any]:
    comparison: dict[str, Any] = raw["claims"][0]["comparisons"][1]
    return comparison


def test_a_sound_registry_is_read() -> None:
    claim = parse_registry(RAW)["A1"]
    assert claim.primary.name == "matched"
    assert claim.primary.sign == -1
    assert claim.primary.scaled_margin == pytest.approx(math.log(1.1))
    assert claim.comparisons[1].scaled_margin == 0.002
    assert claim.primary.arms.treatment == "batch"


@pytest.mark.parametrize(("change", "message"), [
    (lambda r: first(r).update(margn=1), "claims.0.comparisons.0.margn"),
    (lambda r: r["claims"][0].update(verdict="supported"), "claims.0.verdict"),
    (lambda r: r.update(alpha=0.1), "alpha"),
    (lambda r: first(r).update(margin=1.0), "ratio above 1"),
    (lambda r: first(r).update(margin=0), "greater than 0"),
    (lambda r: second(r).update(margin=math.inf), "finite"),
    (lambda r: first(r).update(metric="speed"), "no quantity is named 'speed'"),
    (lambda r: first(r).update(margin_why="because"), "at least 20"),
    (lambda r: first(r).update(direction="up"), "'higher' or 'lower'"),
    (lambda r: first(r).update(where={"colour": ["red"]}), "where"),
    (lambda r: first(r).update(arms={"treatment": "none"}), "against itself"),
    (lambda r: first(r).update(over="depth", primary={"depth": 2}), "fixed or reduced"),
    (lambda r: first(r).update(reference={"none": 0.9}), "typical"),
    (lambda r: first(r).update(minus="speed@8"), "no quantity is named 'speed'"),
    (lambda r: first(r).update(after=0), "greater than or equal to 1"),
    (lambda r: first(r).update(baseline=64), "'over' names"),
    (lambda r: first(r).update(arms={"axis": "outcome", "treatment": "test_loss", "control": "x"}),
     "no quantity is named 'x'"),
    (lambda r: second(r).update(measure="best", select_by=""), "never chosen by test data"),
    (lambda r: second(r).pop("select_by"), "never chosen by test data"),
    (lambda r: second(r).update(select_by="test_accuracy"), "never chosen by test data"),
    (lambda r: second(r).update(role="primary"), "primary"),
    (lambda r: first(r).update(role="evidence"), "primary"),
    (lambda r: second(r).update(name="matched"), "one name"),
    (lambda r: r["claims"].append(r["claims"][0]), "twice"),
    (lambda r: r["chance"].update(mnist=1.0), "less than 1"),
])  # fmt: skip
def test_a_fault_is_named_with_its_place(
    change: Callable[[dict[str, Any]], None], message: str
) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_registry(changed(change))
    assert message in str(caught.value)


def test_all_faults_are_named_at_once() -> None:
    def change(raw: dict[str, Any]) -> None:
        first(raw).update(margin=-1, metric="speed")
        second(raw).update(scale="log")

    with pytest.raises(RegistryError) as caught:
        parse_registry(changed(change))
    assert all(word in str(caught.value) for word in ("margin", "speed", "comparisons.1.scale"))


def test_the_hash_covers_every_margin_and_no_layout(tmp_path: Path) -> None:
    before = parse_registry(RAW)
    assert before.hash == parse_registry(copy.deepcopy(RAW)).hash
    assert before.hash != parse_registry(changed(lambda r: first(r).update(margin=1.2))).hash
    assert before.hash != parse_registry(changed(lambda r: r["chance"].update(mnist=0.2))).hash
    file = tmp_path / "claims.toml"
    other = tmp_path / "other.toml"
    other.write_text("claims = []\n[chance]\n\nmnist = 1e-1\n")
    file.write_text("claims = []\n[chance] # guessing\nmnist = 0.1\n")
    assert load_registry(file).hash == load_registry(other).hash


def test_the_claims_hash_is_its_own() -> None:
    before, after = (
        parse_registry(r)["A1"].hash
        for r in (RAW, changed(lambda r: r["chance"].update(fashion_mnist=0.1)))
    )
    assert before == after


def test_an_unknown_claim_names_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="A1"):
        parse_registry(RAW)["A2"]


def test_the_packaged_registry_is_complete() -> None:
    registry = load_registry()
    assert [claim.id for claim in registry] == (
        [
            "M1",
            "M2",
            "M3",
            "A1",
            "A2",
            "A3",
            "A4",
            "A5",
            "A6",
            "A7",
            "L1",
            "L2",
            "L3",
            "L4",
            "B1",
            "B2",
            "B3",
            "B4",
            "B5",
            "B6",
            "N1",
        ]
    )
    for claim in registry:
        for comparison in claim.comparisons:
            assert comparison.measure in MEASURES, claim.id
            gap = bool(comparison.minus)  # less of a gap may be better than more accuracy
            accuracy = comparison.metric.endswith("accuracy") and not gap
            if accuracy or comparison.metric.startswith("steps"):
                better = QUANTITIES[comparison.metric].better
                if claim.group == "advantages" and comparison.measure == "paired":
                    assert comparison.direction == better, claim.id


def test_the_accuracy_of_guessing_is_known_for_every_dataset() -> None:
    guessing = {name: 1 / spec.classes for name, spec in DATASETS.items()}
    assert load_registry().chance == pytest.approx(guessing)


def test_the_notebooks_runs_are_the_published_ones() -> None:
    assert load_registry()["N1"].primary.reference == {"none": 0.9667, "batch": 0.9751}
