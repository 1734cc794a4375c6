"""The one view of both trainers: layers, minibatches, gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from suite.norms import NORMS
from suite.probes import PROBES
from suite.probes.network import Network
from suite.probes.schedule import minibatches
from suite.training.batches import scaled
from suite.training.build import build_serial
from suite.training.evaluate import AsStack
from tests.suite.probes.conftest import values_of


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("norm", NORMS)
def test_both_trainers_networks_have_the_same_layers(norm, stacked, make_network):
    network = make_network((3,), stacked=stacked, norm=norm)
    assert [(layer.name, layer.kind) for layer in network.layers] == [
        ("linear1", "weights"),
        ("norm1", "norm"),
        ("relu1", "relu"),
        ("linear2", "weights"),
        ("norm2", "norm"),
        ("relu2", "relu"),
        ("head", "weights"),
    ]
    with network.untouched():
        seen = next(network.passes(backward=True))
    shapes = {s.name: (tuple(s.input.shape), tuple(s.output.shape)) for s in seen.layers}
    pixels = network.data.train_images[0].numel()
    assert shapes["linear1"] == ((1, 16, pixels), (1, 16, 128))
    assert shapes["norm2"] == shapes["relu2"] == ((1, 16, 64), (1, 16, 64))
    assert seen.gradients["head.weight"].shape == (1, 10, 64)


@pytest.mark.parametrize("norm", NORMS)
def test_each_member_has_the_gradient_of_its_own_loss(norm, dataset, make_network, make_trial):
    network = make_network((0, 5), norm=norm)
    losses, gradients = network.gradients(2)
    for member, seed in enumerate((0, 5)):
        model = build_serial(make_trial(norm=norm).condition, seed, dataset.spec, torch.float64)
        batch = network.minibatches[2, member]
        images = scaled(dataset.train_images[batch], torch.float64)
        loss = F.cross_entropy(model(images), dataset.train_labels[batch])
        loss.backward()
        assert losses[member].item() == pytest.approx(loss.item(), rel=1e-12)
        for name, parameter in model.named_parameters():
            assert torch.allclose(gradients[name][member], parameter.grad, atol=1e-12), name
    assert all(p.grad is None for p in network.model.parameters())


def test_minibatches_are_the_seed_s_own_and_the_same_in_every_arm(make_network, dataset):
    one, other = make_network((0, 5), norm="batch"), make_network((5,), norm="none", stacked=False)
    assert one.minibatches.shape == (minibatches(16), 2, 16)
    assert torch.equal(one.minibatches[:, 1], other.minibatches[:, 0])
    assert not torch.equal(one.minibatches[:, 0], one.minibatches[:, 1])
    for batch, split in zip(one.minibatches.unbind(1), (0, 5), strict=True):
        train = set(dataset.split(split, "holdout").train.tolist())
        assert set(batch.flatten().tolist()) <= train
        assert all(len(set(b.tolist())) == 16 for b in batch)


def test_a_small_training_part_makes_small_minibatches(make_network):
    network = make_network(train_size=10, batch_size=64)
    assert network.batch_size == 10
    assert network.minibatches.shape == (minibatches(10), 3, 10)


@pytest.mark.parametrize("norm", NORMS)
def test_stacked_readings_are_those_of_the_serial_network(norm, make_network):
    seeds = (0, 4)
    stacked = _readings(make_network(seeds, norm=norm))
    for member, seed in enumerate(seeds):
        serial = _readings(make_network((seed,), norm=norm, stacked=False))
        assert serial.keys() == stacked.keys()
        for key, values in serial.items():
            assert stacked[key][member] == pytest.approx(values[0], rel=1e-8, abs=1e-8), key


def _readings(network):
    found = {}
    probes = [spec.load().probe() for spec in PROBES.values()]
    for point in range(2):
        with network.untouched():
            for seen in network.passes(backward=True):
                for probe in probes:
                    probe.see(network, seen)
        for probe in probes:
            with network.untouched():
                found |= {(point, *k): v for k, v in values_of(probe.point(network)).items()}
        with torch.no_grad():
            for parameter in network.model.parameters():
                parameter.mul_(1.25)
    for probe in probes:
        with network.untouched():
            found |= {(2, *k): v for k, v in values_of(probe.at_end(network)).items()}
    return found


class Reused(nn.Module):
    """One in-place ReLU called twice, as torchvision's residual blocks do."""

    def __init__(self, pixels):
        super().__init__()
        self.first, self.bn1 = nn.Linear(pixels, 4), nn.BatchNorm1d(4)
        self.second, self.bn2 = nn.Linear(4, 10), nn.BatchNorm1d(10)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(self.bn1(self.first(x.flatten(1))))
        return self.relu(self.bn2(self.second(x)))


def test_in_place_relus_hide_nothing_and_second_calls_have_their_own_name(dataset, make_trial):
    torch.manual_seed(0)
    split = dataset.split(0, "holdout")
    train, validation = split.train.unsqueeze(0), split.validation.unsqueeze(0)
    model = Reused(dataset.train_images[0].numel())
    network = Network(AsStack(model), dataset, train, validation, [make_trial()])
    with network.untouched():
        seen = {s.name: s for s in next(network.passes()).layers}
    assert list(seen) == ["first", "bn1", "relu", "second", "bn2", "relu#2"]
    assert (seen["bn1"].output < 0).any()
    assert torch.equal(seen["bn1"].output, seen["relu"].input)
    assert torch.equal(seen["relu"].output, seen["bn1"].output.relu())
    assert torch.equal(seen["relu#2"].output, seen["bn2"].output.relu())
