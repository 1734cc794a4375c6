"""Probes of activations and norm layers against cases whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from suite.norms import NORMS
from suite.probes import (
    affine,
    dead_relu,
    histogram,
    input_drift,
    preactivation,
    running_statistics,
)
from suite.probes.moments import Moments
from suite.probes.network import Layer, Pass, Seen
from tests.suite.probes.conftest import values_of

EPSILON = 1e-5
IDENTITY = torch.nn.Identity()


def _pass(kind, **tensors):
    """One pass in which each named layer has this as input and output."""
    layers = []
    for name, values in tensors.items():
        tensor = torch.as_tensor(values, dtype=torch.float64)
        layers.append(Seen(Layer(name, kind, IDENTITY), name, tensor, tensor))
    return Pass(torch.zeros(1), {}, tuple(layers))


def _looked(probe, network):
    with network.untouched():
        for seen in network.passes():
            probe.see(network, seen)
    with network.untouched():
        return values_of(probe.point(network))


@pytest.mark.parametrize("shape", [(2, 6, 5), (3, 4, 2, 3, 3)])
def test_moments_are_those_of_all_images_together(shape):
    parts = [torch.randn(shape, generator=torch.Generator().manual_seed(k)) for k in range(4)]
    moments = Moments()
    for part in parts:
        moments.add(part)
    together = torch.cat(parts, dim=1).double().transpose(1, 2).flatten(2)
    assert torch.allclose(moments.mean, together.mean(2), atol=1e-6)
    assert torch.allclose(moments.variance, together.var(2, correction=0), atol=1e-6)
    own = [p.double().transpose(1, 2).flatten(2).var(2) for p in parts]
    assert torch.allclose(moments.unbiased_within, torch.stack(own).mean(0), atol=1e-6)


def _moments(mean, std):
    return torch.tensor([mean], dtype=torch.float64), torch.tensor([std], dtype=torch.float64)


def test_drift_is_in_standard_deviations_of_the_layer():
    before = _moments([0.0, 1.0], [3.0, 4.0])  # mean square of σ is 12.5
    shifted = _moments([2.0, 3.0], [3.0, 4.0])
    wider = _moments([0.0, 1.0], [6.0, 8.0])
    scale = math.sqrt(12.5)
    assert input_drift.drift(*before, *before) == input_drift.Drift(*[torch.zeros(1)] * 3)
    assert input_drift.drift(*before, *shifted).input_drift_mean.item() == pytest.approx(2 / scale)
    assert input_drift.drift(*before, *shifted).input_drift_std.item() == 0
    assert input_drift.drift(*before, *wider).input_drift_std.item() == pytest.approx(1.0)
    both = input_drift.drift(*before, shifted[0], wider[1])
    assert both.input_drift.item() == pytest.approx(math.hypot(2 / scale, 1.0))


def test_drift_does_not_depend_on_the_scale_of_activations():
    before, after = _moments([0.0, 1.0], [3.0, 4.0]), _moments([1.0, 5.0], [2.0, 4.5])
    once = input_drift.drift(*before, *after)
    scaled = input_drift.drift(*(10 * m for m in (*before, *after)))
    assert [v.item() for v in scaled] == pytest.approx([v.item() for v in once])


def test_drift_follows_layers_from_point_to_point(make_network):
    network = make_network((0, 1))
    probe = input_drift.probe()
    assert _looked(probe, network) == {}
    still = _looked(probe, network)
    assert {facet for _, facet in still} == {"", "linear2", "head"}
    assert all(v == [0.0, 0.0] for v in still.values())
    with torch.no_grad():  # twice the γ and β before the last layer: its inputs double
        for name, parameter in network.parameters.items():
            if name.startswith("norm2"):
                parameter.mul_(2)
    moved = _looked(probe, network)
    assert moved["input_drift", "linear2"] == [0.0, 0.0]
    assert moved["input_drift_std", "head"] == pytest.approx([1.0, 1.0])
    halves = [v / 2 for v in moved["input_drift", "head"]]
    assert moved["input_drift", ""] == pytest.approx(halves)


def test_dead_units_are_counted_over_all_images():
    probe = dead_relu.probe()
    # Member 0: unit 1 wakes in the second minibatch, unit 2 never. Member 1: none is dead.
    probe.see(None, _pass("relu", r=[[[1.0, 0.0, 0.0]], [[1.0, 1.0, 1.0]]]))
    probe.see(None, _pass("relu", r=[[[0.0, 2.0, 0.0]], [[0.0, 0.0, 0.0]]], q=[[[1.0]], [[0.0]]]))
    found = values_of(probe.point(None))
    assert found["dead_relu", "r"] == pytest.approx([1 / 3, 0.0])
    assert found["dead_relu", "q"] == [0.0, 1.0]
    assert found["dead_relu", ""] == pytest.approx([1 / 4, 1 / 4])
    assert values_of(probe.point(None)) == {}


def test_a_channel_lives_where_one_position_does():
    probe = dead_relu.probe()
    maps = torch.zeros(1, 2, 2, 3, 3)
    maps[0, 1, 0, 2, 2] = 1.0
    probe.see(None, _pass("relu", r=maps))
    assert values_of(probe.point(None))["dead_relu", "r"] == [0.5]


def test_biases_far_below_zero_kill_a_layer(make_network):
    network = make_network((0, 1), norm="none")
    with torch.no_grad():
        network.parameters["linear1.bias"][1].fill_(-1e4)
    found = _looked(dead_relu.probe(), network)
    assert found["dead_relu", "relu1"][0] < 0.5
    assert found["dead_relu", "relu1"][1] == 1.0


def test_gamma_and_beta(make_network):
    network = make_network((0, 1))
    with torch.no_grad():
        network.parameters["norm1.weight"][1] = torch.tensor([1.0, 3.0] * 64)
        network.parameters["norm1.bias"][1].fill_(-0.5)
    found = values_of(affine.probe().point(network))
    assert found["gamma_mean", "norm1"] == [1.0, 2.0]
    assert found["gamma_std", "norm1"] == [0.0, 1.0]
    assert found["beta_mean", "norm1"] == [0.0, -0.5]
    assert found["beta_std", "norm1"] == found["beta_std", "norm2"] == [0.0, 0.0]
    assert values_of(affine.probe().point(make_network(norm="none"))) == {}


def test_right_running_statistics_have_no_gap(make_network):
    network = make_network((0, 1))
    moments = {}
    with network.untouched():
        for seen in network.passes():
            for layer in seen.of("norm"):
                moments.setdefault(layer.name, Moments()).add(layer.input)
    for layer in network.of("norm"):
        layer.module.running_mean.copy_(moments[layer.name].mean)
        layer.module.running_var.copy_(moments[layer.name].unbiased_within)
    right = _looked(running_statistics.probe(), network)
    assert all(v == pytest.approx([0.0, 0.0], abs=1e-9) for v in right.values())
    within = moments["norm1"].unbiased_within
    network.of("norm")[0].module.running_mean.add_(2 * within.sqrt())
    network.of("norm")[0].module.running_var.mul_(math.e)
    wrong = _looked(running_statistics.probe(), network)
    assert wrong["running_mean_gap", "norm1"] == pytest.approx([2.0, 2.0])
    assert wrong["running_variance_gap", "norm1"] == pytest.approx([1.0, 1.0])
    assert wrong["running_mean_gap", "norm2"] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert wrong["running_mean_gap", ""] == pytest.approx([1.0, 1.0])


def test_a_batch_of_two_points_is_normalized_as_algorithm_1_says(make_network):
    # Two values a and b have x̂ = ±h/√(h² + ε) with h = |a − b|/2: mean 0, variance h²/(h² + ε).
    network = make_network((0,), batch_size=2)
    probe = preactivation.probe()
    worst = {"norm1": 0.0, "norm2": 0.0}
    with network.untouched():
        for seen in network.passes():
            probe.see(network, seen)
            for layer in seen.of("norm"):
                half = (layer.input[0, 0] - layer.input[0, 1]) / 2
                short = (EPSILON / (half**2 + EPSILON)).max().item()
                worst[layer.name] = max(worst[layer.name], short)
    found = values_of(probe.point(network))
    for name, error in worst.items():
        assert found["normalized_mean_error", name] == pytest.approx([0.0], abs=1e-12)
        assert found["normalized_variance_error", name] == pytest.approx([error], rel=1e-6)
    assert found["normalized_variance_error", ""] == pytest.approx([max(worst.values())], rel=1e-6)


def test_gamma_and_beta_are_left_out_of_what_is_normalized(make_network):
    network = make_network((0, 1), batch_size=64)
    plain = _looked(preactivation.probe(), network)
    assert plain["preactivation_mean", "norm1"] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert plain["preactivation_std", "norm1"] == pytest.approx([1.0, 1.0], abs=1e-3)
    with torch.no_grad():
        network.parameters["norm1.weight"].fill_(3.0)
        network.parameters["norm1.bias"].fill_(-2.0)
    found = _looked(preactivation.probe(), network)
    for quantity in ("normalized_mean_error", "normalized_variance_error"):
        assert found[quantity, "norm1"] == pytest.approx(plain[quantity, "norm1"], abs=1e-12)
    assert found["preactivation_mean", "norm1"] == pytest.approx([-2.0, -2.0])
    assert found["preactivation_std", "norm1"] == pytest.approx([3.0, 3.0], abs=3e-3)


def test_without_a_norm_the_input_is_what_is_measured():
    class Plain:
        def without_affine(self, seen):
            return seen.input

    probe = preactivation.probe()
    probe.see(Plain(), _pass("norm", n=[[[1.0, 0.0], [3.0, 0.0]]]))
    found = values_of(probe.point(None))
    assert found["normalized_mean_error", "n"] == [2.0]
    assert found["normalized_variance_error", "n"] == [1.0]  # the constant feature
    assert found["preactivation_std", "n"] == [0.5]


@pytest.mark.parametrize("norm", NORMS)
def test_every_norm_can_be_asked_what_it_makes_of_its_input(norm, make_network):
    found = _looked(preactivation.probe(), make_network(norm=norm))
    exact = NORMS[norm].batch_statistics  # zero in each virtual batch is zero in the batch
    assert (max(found["normalized_mean_error", ""]) < 1e-9) == exact


def test_bins_hold_their_lower_edge():
    values = torch.tensor([[-9.0, -6.0, -0.5, -0.25], [0.0, 5.99, 6.0, 80.0]])
    counts = histogram.count(values)
    edges = [-math.inf, *histogram.EDGES]
    found = [
        {edge: int(n) for edge, n in zip(edges, member, strict=True) if n}
        for member in counts.tolist()
    ]
    assert found == [{-math.inf: 1, -6.0: 1, -0.5: 2}, {0.0: 1, 5.5: 1, 6.0: 2}]


def test_histograms_are_shares_of_first_middle_and_last_layer():
    probe = histogram.probe()
    tensors = {f"n{k}": [[[float(k)]], [[-100.0]]] for k in range(1, 6)}
    probe.see(None, _pass("norm", **tensors))
    probe.see(None, _pass("norm", **tensors))
    found = values_of(probe.point(None))
    assert {facet.split()[0] for _, facet in found} == {"n1", "n3", "n5"}
    assert found["preactivation_histogram", "n3 3"] == [1.0, 0.0]
    assert found["preactivation_histogram", "n3 -inf"] == [0.0, 1.0]
    assert sum(v[0] for (_, facet), v in found.items() if facet.startswith("n1")) == 1.0
