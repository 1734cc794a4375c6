"""The small dataset of the training tests, and networks that probes can look at."""

from __future__ import annotations

import pytest
import torch

from suite.probes.network import Network
from suite.records import Budget
from suite.training.build import build_serial, build_stacked
from suite.training.evaluate import AsStack
from tests.suite.training.conftest import dataset, make_trial

__all__ = ["dataset", "make_network", "make_trial"]


@pytest.fixture
def make_network(dataset, make_trial):
    """Build a network at its start, stacked or serial; keywords are axes."""

    def make(seeds=(0, 1, 2), *, stacked=True, dtype=torch.float64, **axes):
        trials = [make_trial(seed=s, budget=Budget(steps=20), **axes) for s in seeds]
        if stacked:
            model = build_stacked(trials, dataset.spec, dtype)
        else:
            assert len(trials) == 1
            model = AsStack(build_serial(trials[0].condition, seeds[0], dataset.spec, dtype))
        splits = [dataset.split(s, "holdout", trials[0].condition.train_size) for s in seeds]
        train, validation = (torch.stack(part) for part in zip(*splits, strict=True))
        return Network(model, dataset, train, validation, trials)

    return make


@pytest.fixture
def quadratic():
    """Build losses ½ λ_s ‖w‖² whose every derivative is known."""

    class Quadratic:
        def __init__(self, curvatures, start):
            self.curvatures = torch.as_tensor(curvatures, dtype=torch.float64)
            self.members = len(self.curvatures)
            self.parameters = {"w": torch.as_tensor(start, dtype=torch.float64)}

        def gradients(self, minibatch, parameters=None):
            del minibatch
            w = (parameters or self.parameters)["w"]
            losses = self.curvatures * w.square().sum(1) / 2
            return losses, {"w": self.curvatures.unsqueeze(1) * w}

        norm_of = Network.norm_of

    return Quadratic


def values_of(readings):
    """Readings as {(quantity, facet): list of the members' values}."""
    return {(r.quantity, r.facet): r.values.tolist() for r in readings}
