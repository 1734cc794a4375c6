"""Both arms start from equal shared weights and see the same batches."""

from __future__ import annotations

import itertools

import pytest
import torch

from suite.errors import ModelError
from suite.inits import INITS
from suite.models import MODELS
from suite.norms import NORMS
from suite.seeds import generator
from suite.training import batches as batches_module
from suite.training import serial as serial_module
from suite.training import stacked as stacked_module
from suite.training import train_serial, train_stack
from suite.training.batches import orders
from suite.training.build import build_serial, build_stacked


# A ResNet takes seconds to build, and is built like the others.
@pytest.mark.parametrize(
    ("norm", "model", "init"),
    [
        (norm, model, init)
        for norm, model, init in itertools.product(NORMS, MODELS, INITS)
        if norm != "none" and (model != "resnet18" or (norm, init) == ("batch", "he"))
    ],
)
def test_arms_start_from_equal_shared_weights(norm, model, init, dataset, make_trial):
    arms = [
        dict(
            build_serial(
                make_trial(norm=n, model=model, init=init).condition, 3, dataset.spec
            ).named_parameters()
        )
        for n in ("none", norm)
    ]
    assert set(arms[0]) <= set(arms[1])
    for name, value in arms[0].items():
        assert torch.equal(value, arms[1][name])


def test_seeds_start_from_other_weights(dataset, make_trial):
    condition = make_trial().condition
    one, other = (build_serial(condition, seed, dataset.spec) for seed in (0, 1))
    assert not torch.equal(one.linear1.weight, other.linear1.weight)


def test_building_leaves_the_global_generator_alone(dataset, make_trial):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_serial(make_trial().condition, 0, dataset.spec)
    assert torch.equal(torch.rand(3), expected)


def test_a_stack_starts_as_the_stack_of_its_serial_models(dataset, make_trial):
    trials = [make_trial(seed=s, init=i) for s, i in ((0, "default"), (4, "large"))]
    stacked = build_stacked(trials, dataset.spec).state_dict()
    for member, trial in enumerate(trials):
        serial = build_serial(trial.condition, trial.seed, dataset.spec).state_dict()
        assert set(serial) == set(stacked)
        for name, value in serial.items():
            assert torch.equal(stacked[name][member], value)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_both_trainers_and_arms_see_the_same_batches(norm, dataset, make_trial, monkeypatch):
    seen: dict[int, list[torch.Tensor]] = {}

    def spy(train, seeds, batch_size, steps):
        for batch in batches_module.batches(train, seeds, batch_size, steps):
            for member, seed in enumerate(seeds):
                seen.setdefault(seed, []).append(batch[member].clone())
            yield batch

    monkeypatch.setattr(serial_module, "batches", spy)
    monkeypatch.setattr(stacked_module, "batches", spy)
    train_stack([make_trial(seed=s, norm=norm) for s in (0, 1)], dataset)
    stacked = {seed: torch.cat(found) for seed, found in seen.items()}
    seen.clear()
    for seed in (0, 1):
        train_serial(make_trial(seed=seed, norm="none"), dataset)
        assert torch.equal(torch.cat(seen[seed]), stacked[seed])
    assert not torch.equal(stacked[0], stacked[1])


def test_an_epoch_shows_every_image_once(dataset):
    train = torch.stack([dataset.split(s, "holdout").train for s in (0, 1)])
    epoch = list(batches_module.batches(train, [0, 1], 64, 2 * 5))
    assert [b.shape[1] for b in epoch] == [64, 64, 64, 64, 14] * 2
    for member in (0, 1):
        first = torch.cat([b[member] for b in epoch[:5]])
        again = torch.cat([b[member] for b in epoch[5:]])
        assert torch.equal(first.sort().values, train[member].sort().values)
        assert not torch.equal(first, again)


def test_a_model_that_ignores_its_norm_is_refused(dataset, make_trial, monkeypatch):
    model = MODELS["mlp"].load()
    built = model.serial

    def deaf(norm, depth, classes, image_shape):
        norm(3)  # made, but never part of the network
        return built(lambda _: torch.nn.Identity(), depth, classes, image_shape)

    monkeypatch.setattr(model, "serial", deaf)
    with pytest.raises(ModelError, match="ignores its norm argument"):
        build_serial(make_trial(norm="batch").condition, 0, dataset.spec)


@pytest.mark.parametrize("ahead", [False, True])
def test_orders_are_those_of_the_seeds_streams(ahead):
    found = list(orders(50, [3, 4], 3, ahead=ahead))
    assert [order.tolist() for order in found] == [
        [torch.randperm(50, generator=generator(s, "order", e)).tolist() for s in (3, 4)]
        for e in range(3)
    ]


@pytest.fixture
def drawn_epochs(monkeypatch) -> list[int]:
    """Epochs whose orders are drawn, in the order in which they are."""
    epochs: list[int] = []

    def noted(seed, stream, epoch):
        epochs.append(epoch)
        return generator(seed, stream, epoch)

    monkeypatch.setattr(batches_module, "generator", noted)
    return epochs


@pytest.mark.parametrize(("ahead", "begun"), [(False, {0}), (True, {0, 1})])
def test_at_most_one_epoch_is_drawn_that_nobody_asks_for(ahead, begun, drawn_epochs):
    drawn = orders(50, [3, 4], 1000, ahead=ahead)
    next(drawn)
    drawn.close()
    assert set(drawn_epochs) == begun


def test_no_epoch_is_drawn_twice(drawn_epochs):
    assert len(list(orders(50, [3], 3, ahead=True))) == 3
    assert sorted(drawn_epochs) == [0, 1, 2]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("model", [name for name, spec in MODELS.items() if spec.has_stacked])
def test_a_stack_is_the_stack_of_its_members(norm, model, dataset, make_trial):
    given = {"norm": norm, "model": model}
    members = [make_trial(seed=4, init="he", **given), make_trial(seed=7, init="small", **given)]
    together = build_stacked(members, dataset.spec).state_dict()
    for place, trial in enumerate(members):
        alone = build_serial(trial.condition, trial.seed, dataset.spec).state_dict()
        assert set(alone) == set(together)
        assert all(torch.equal(together[name][place], value) for name, value in alone.items())
