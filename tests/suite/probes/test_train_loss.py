"""Loss on training images along the way: the trainer's own final figures, and the schedule."""

from __future__ import annotations

import pytest
import torch

from suite.probes.train_loss import IMAGES
from suite.records import Budget
from suite.training.stacked import run_stacked


def results(trials, dataset):
    record, _ = run_stacked(trials, dataset, dtype=torch.float32, should_stop=lambda: False)
    return record.results()


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_it_ends_at_the_trainers_own_figures(norm, dataset, make_trial):
    """On these few images the probe and the trainer look at the same ones, or at a part of them."""
    trials = [
        make_trial(
            seed=s, norm=norm, train_size=100, budget=Budget(steps=60), probes=("train_loss",)
        )
        for s in range(2)
    ]
    for result in results(trials, dataset):
        outcomes = {(o.quantity, o.facet): o.value for o in result.outcomes}
        curves = {c.quantity: c for c in result.curves}
        count = min(IMAGES, len(dataset.split(0, "holdout", 100).validation), 100)
        if count == 100:
            for name in ("train_loss", "train_accuracy"):
                assert curves[name].values[-1] == pytest.approx(outcomes[name, ""], rel=1e-5)
                assert outcomes[name, "final"] == curves[name].values[-1]
        assert curves["train_loss"].values[-1] < curves["train_loss"].values[0]


def test_it_looks_at_every_evaluation_and_others_do_not(dataset, make_trial):
    trial = make_trial(budget=Budget(steps=200), probes=("train_loss", "dead_relu"))
    (result,) = results([trial], dataset)
    curves = {(c.quantity, c.facet): c.steps for c in result.curves}
    assert curves["train_loss", ""] == curves["validation_loss", ""]
    other = curves["dead_relu", ""]
    assert set(other) < set(curves["train_loss", ""])
    alone = results([make_trial(budget=Budget(steps=200), probes=("dead_relu",))], dataset)[0]
    assert other == {(c.quantity, c.facet): c.steps for c in alone.curves}["dead_relu", ""]
