"""The activities that are measured do what their names say."""

from __future__ import annotations

import pytest
import torch

from suite.cost.network import build_network, build_trainee
from suite.records import Condition


def condition(norm: str = "batch", batch_size: int = 16, optimizer: str = "adam") -> Condition:
    return Condition(
        dataset="mnist",
        model="mlp",
        norm=norm,
        batch_size=batch_size,
        learning_rate=1e-3,
        optimizer=optimizer,
    )


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_step_computes_all_of_it_and_stays_where_it_is(optimizer: str) -> None:
    trainee = build_trainee(condition(optimizer=optimizer), 0, "cpu")
    before = [p.clone() for p in trainee.model.parameters()]
    for _ in range(50):
        trainee.train_step()
    parameters = list(trainee.model.parameters())
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in parameters if p.ndim > 1)
    assert len(trainee.optimizer.state) == len(parameters)
    assert max((p - b).abs().max() for p, b in zip(parameters, before, strict=True)) < 1e-8


def test_the_step_is_the_optimizer_of_a_plain_user() -> None:
    optimizer = build_trainee(condition(), 0, "cpu").optimizer
    assert type(optimizer) is torch.optim.Adam
    assert optimizer.defaults["fused"] is None
    assert optimizer.defaults["betas"] == (0.9, 0.999)


def test_modes_and_gradients() -> None:
    network = build_network(condition(), 0, "cpu")
    activities = network.activities()
    assert list(activities) == ["forward", "train_step", "inference", "inference_folded"]
    kept = activities["forward"]()
    assert isinstance(kept, torch.Tensor)
    assert kept.requires_grad
    running = network.inference.state_dict()["norm1.running_mean"].clone()
    given = activities["inference"]()
    assert isinstance(given, torch.Tensor)
    assert not given.requires_grad
    assert given.dtype == torch.float32
    assert torch.equal(network.inference.state_dict()["norm1.running_mean"], running)
    assert network.trainee.model.training
    assert not network.inference.training


def test_both_arms_see_the_same_images_and_start() -> None:
    none, batch = (build_trainee(condition(norm), 3, "cpu") for norm in ("none", "batch"))
    assert torch.equal(none.images, batch.images)
    assert torch.equal(none.labels, batch.labels)
    assert none.images.min() >= -1
    assert none.images.max() <= 1
    shared = dict(batch.model.named_parameters())
    assert all(torch.equal(p, shared[name]) for name, p in none.model.named_parameters())


def test_batch_norm_over_a_batch_of_one_still_infers() -> None:
    network = build_network(condition(batch_size=1), 0, "cpu")
    assert "variance" in network.trainee.undefined
    assert list(network.activities()) == ["inference", "inference_folded"]
    assert not build_network(condition("none", 1), 0, "cpu").trainee.undefined
