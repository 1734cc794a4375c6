"""What claims read is what trials of the full grid store: each study is trained for a few steps."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch

from analysis.claims import load_registry
from analysis.comparison import OUTCOME
from analysis.costs import STUDY as COST_STUDY
from analysis.measures.pairs import FACET_WORDS
from suite.data import Dataset
from suite.datasets import Images
from suite.grid import load_grid
from suite.records import Budget, Trial
from suite.training import train_serial
from tests.suite.training.conftest import SHAPE, SPEC

# As the small dataset of the training tests, with test images enough for batches of 1,000.
IMAGES = {"train_images": 330, "test_images": 2000}
CASES = [(c.id, t) for c in load_registry() for t in c.comparisons if t.study != COST_STUDY]
IDS = [f"{claim}: {t.name}" for claim, t in CASES]


@functools.cache
def small() -> Dataset:
    source = torch.Generator().manual_seed(3)

    def some(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = torch.randint(0, 256, (count, *SHAPE), generator=source).to(torch.uint8)
        return pixels, torch.arange(count) % 10

    spec = dataclasses.replace(SPEC, **IMAGES)
    return Dataset.from_images(spec, Images(*some(330), *some(2000)))


@functools.cache
def stored(study_name: str, norm: str) -> frozenset[str] | None:
    """Outcomes, written ``quantity@facet``, and curves of a trial of a study, cut short.

    None where the study is about a condition that is undefined.
    """
    (study,) = (s for s in load_grid("full").studies if s.name == study_name)
    condition = next(c for c in study.conditions if c.norm == norm and c.model != "cnn")
    trial = Trial(
        condition=dataclasses.replace(
            condition, dataset="mnist5k", batch_size=min(condition.batch_size, 32), train_size=None
        ),
        seed=0,
        protocol=dataclasses.replace(study.protocol, budget=Budget(steps=12)),
        device="cpu",
        data_fingerprint="small",
        code_version="test",
    )
    result = train_serial(trial, small())
    if result.status == "undefined":
        assert condition.batch_size == 1
        return None
    assert result.status == "ok", result.reason
    outcomes = {f"{o.quantity}@{o.facet}".removesuffix("@") for o in result.outcomes}
    return frozenset(outcomes | {f"curve {c.quantity}" for c in result.curves if not c.facet})


@pytest.mark.parametrize(("claim", "comparison"), CASES, ids=IDS)
def test_a_trial_stores_what_the_claim_reads(claim, comparison):
    arms = comparison.arms
    norms = {"batch"} if arms.axis != "norm" else {str(arms.treatment), str(arms.control)}
    if comparison.measure == "exact":
        norms = {str(arms.treatment)}
    for norm in norms:
        found = stored(comparison.study, norm)
        if found is None:
            continue
        if comparison.measure == "matched":
            wanted = {"curve train_loss", f"curve {comparison.metric}"}
        elif comparison.after is not None:
            wanted = {f"curve {comparison.metric}"}
        elif arms.axis == OUTCOME:
            wanted = {str(arms.treatment), str(arms.control)}
        elif comparison.measure == "largest":  # the facet names a target, not one of the metric's
            wanted = {comparison.metric}
        else:
            wanted = {f"{comparison.metric}@{comparison.facet}".removesuffix("@")}
        wanted |= {name for name in (comparison.minus, comparison.select_by) if name}
        if comparison.facet in FACET_WORDS:
            wanted = {w.partition("@")[0] for w in wanted}
            found = found | {f.partition("@")[0] for f in found}
        assert wanted <= found, f"{claim}, norm {norm}: {wanted - found} of {sorted(found)}"
