"""Gradient probes against cases whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from suite.probes import gradient_noise, gradient_norm, gradient_shift, landscape
from suite.probes.base import Probe
from suite.probes.network import Layer, Pass
from tests.suite.probes.conftest import values_of

MINIBATCHES = 8


def _pass(**gradients):
    tensors = {n.replace("__", "."): torch.as_tensor(g) for n, g in gradients.items()}
    return Pass(torch.zeros(1), tensors, ())


class Layers:
    """Only the names of the layers with weights."""

    members = 2

    def __init__(self, *names):
        self.layers = [Layer(name, "weights", torch.nn.Identity()) for name in names]

    def of(self, kind):
        assert kind == "weights"
        return self.layers


def test_norms_ratio_and_imbalance_of_known_gradients():
    probe, network = gradient_norm.probe(), Layers("a", "b")
    # Member 0: norms 5 and 0.5 in one minibatch, 15 and 1.5 in the other; member 1: 1 and 1.
    for factor in (1.0, 3.0):
        a = [[[3.0 * factor, 4.0 * factor]], [[1.0, 0.0]]]
        b = [[[0.5 * factor]], [[1.0]]]
        probe.see(network, _pass(a__weight=a, b__weight=b, b__bias=[[7.0], [7.0]]))
    found = values_of(probe.point(network))
    assert found["gradient_norm", "a"] == pytest.approx([10.0, 1.0])
    assert found["gradient_norm", "b"] == pytest.approx([1.0, 1.0])
    assert found["gradient_ratio", ""] == pytest.approx([10.0, 1.0])
    assert found["gradient_imbalance", ""] == pytest.approx([1.0, 0.0])


def test_variation_is_over_minibatches():
    probe, network = gradient_norm.probe(), Layers("a", "b")
    for ratio in (10.0, 1000.0):
        probe.see(network, _pass(a__weight=[[ratio], [3.0]], b__weight=[[1.0], [1.0]]))
    found = values_of(probe.point(network))
    assert found["gradient_ratio_variation", ""] == pytest.approx([math.sqrt(2), 0.0])


def test_a_linear_network_has_the_gradient_of_the_textbook(make_network):
    # Softmax regression by hand on the network's last layer: dL/dW = mean (p - onehot) hᵀ.
    network = make_network((0,), norm="none")
    seen = next(network.passes(backward=True))
    head = next(s for s in seen.layers if s.name == "head")
    labels = network.images(network.minibatches[0])[1][0]
    error = head.output[0].softmax(1) - torch.nn.functional.one_hot(labels, 10)
    by_hand = error.T @ head.input[0] / len(labels)
    assert seen.square_norms["head.weight"].item() == pytest.approx(by_hand.square().sum().item())


def _noise(gradients):
    """Noise readings of (K, parameters) gradients of one member."""
    probe = gradient_noise.probe()
    for gradient in gradients:
        half = len(gradient) // 2
        probe.see(None, _pass(a=gradient[None, :half], b=gradient[None, half:, None]))
    return {quantity: v[0] for (quantity, _), v in values_of(probe.point(None)).items()}


def test_equal_gradients_have_no_noise():
    found = _noise(np.ones((MINIBATCHES, 6)))
    assert found == pytest.approx({"gradient_noise": 0.0, "gradient_noise_share": 0.0}, abs=1e-12)


def test_noise_is_the_formula_s():
    gradients = np.random.default_rng(0).normal(1.0, 0.5, (MINIBATCHES, 10))
    mean = gradients.mean(0)
    variance = ((gradients - mean) ** 2).sum() / (MINIBATCHES - 1)
    signal = (mean**2).sum() - variance / MINIBATCHES
    assert _noise(gradients) == pytest.approx(
        {
            "gradient_noise": variance / signal,
            "gradient_noise_share": variance / (gradients**2).sum(1).mean(),
        }
    )


def test_opposite_gradients_have_noise_only():
    found = _noise(np.array([[1.0, 2.0], [-1.0, -2.0]] * (MINIBATCHES // 2)))
    assert math.isnan(found["gradient_noise"])
    assert found["gradient_noise_share"] == pytest.approx(MINIBATCHES / (MINIBATCHES - 1))


def test_numerator_and_denominator_are_unbiased():
    # Variance 20 × 0.25 = 5 and squared mean 20 × 0.04 = 0.8: the share's parts are 5 and 5.8.
    source = np.random.default_rng(1)
    shares = [_noise(source.normal(0.2, 0.5, (MINIBATCHES, 20))) for _ in range(500)]
    share = np.mean([found["gradient_noise_share"] for found in shares])
    assert share == pytest.approx(5 / 5.8, abs=0.02)


def test_a_quadratic_is_as_smooth_as_its_curvature(quadratic):
    curvatures, start = [0.5, 4.0], [[3.0, 4.0], [0.6, 0.8]]
    found = values_of(landscape.probe().point(quadratic(curvatures, start)))
    assert found["effective_smoothness", ""] == pytest.approx(curvatures)
    # ‖g(w − ηg) − g(w)‖ = η λ² ‖w‖, the largest at η = 0.4
    assert found["gradient_predictiveness", ""] == pytest.approx([0.4 * 0.25 * 5, 0.4 * 16])
    # L(w − ηg) = ½ λ (1 − ηλ)² ‖w‖²
    for step_size in (0.0, 0.05, 0.1, 0.2, 0.4):
        expected = [
            curvature / 2 * (1 - step_size * curvature) ** 2 * np.square(w).sum()
            for curvature, w in zip(curvatures, start, strict=True)
        ]
        assert found["landscape_loss", f"{step_size:g}"] == pytest.approx(expected)
    # λ = 4 overshoots: the lowest point is at η = 0.2, not at the end.
    assert found["landscape_loss_range", ""] == pytest.approx(
        [0.25 * 25 * (1 - 0.8**2), 2 * (1 - 0.2**2)]
    )


def test_a_real_network_s_landscape_is_found_by_walking(make_network):
    network = make_network((0, 1))
    found = values_of(landscape.probe().point(network))
    _, gradient = network.gradients(0)
    start = {n: p.detach().clone() for n, p in network.parameters.items()}
    for step_size in landscape.STEP_SIZES:
        with torch.no_grad():
            for name, parameter in network.parameters.items():
                parameter.copy_(start[name] - step_size * gradient[name])
        walked = network.losses(0).tolist()
        assert found["landscape_loss", f"{step_size:g}"] == pytest.approx(walked, rel=1e-10)


class Product:
    """Loss ½ (a b c x − y)² of three scalar layers; every gradient is a product."""

    members = 1

    def __init__(self):
        self.parameters = {
            f"{n}.weight": torch.tensor([v], dtype=torch.float64)
            for n, v in (("a", 2.0), ("b", -1.0), ("c", 0.5))
        }

    def of(self, kind):
        return [Layer(n, kind, torch.nn.Identity()) for n in "abc"]

    def plain(self, name):
        return name

    def norm_of(self, tensors):
        return torch.stack([t.abs() for t in tensors.values()]).square().sum(0).sqrt()

    def gradients(self, minibatch, parameters=None):
        del minibatch
        a, b, c = ((parameters or self.parameters)[f"{n}.weight"] for n in "abc")
        error = a * b * c * 3.0 - 1.0
        gradient = {"a": error * b * c * 3, "b": error * a * c * 3, "c": error * a * b * 3}
        return error**2 / 2, {f"{n}.weight": g for n, g in gradient.items()}


def test_shift_of_a_product_of_scalars():
    network = Product()
    found = values_of(gradient_shift.probe().point(network))
    a, b, c = 2.0, -1.0, 0.5
    error = a * b * c * 3 - 1
    a_later, b_later = a - 0.1 * error * b * c * 3, b - 0.1 * error * a * c * 3
    of_b = error * a * c * 3
    of_b_later = (a_later * b * c * 3 - 1) * a_later * c * 3
    of_c = error * a * b * 3
    of_c_later = (a_later * b_later * c * 3 - 1) * a_later * b_later * 3
    shifts = [abs(of_b - of_b_later) / abs(of_b), abs(of_c - of_c_later) / abs(of_c)]
    assert found["gradient_shift", "b"] == pytest.approx(shifts[:1])
    assert found["gradient_shift", "c"] == pytest.approx(shifts[1:])
    assert found["gradient_shift", ""] == pytest.approx([sum(shifts) / 2])
    signs = [math.copysign(1, of_b * of_b_later), math.copysign(1, of_c * of_c_later)]
    assert found["gradient_shift_cosine", ""] == pytest.approx([sum(signs) / 2])


def test_layers_of_a_deep_network_are_chosen_evenly():
    assert gradient_shift.chosen(["a", "b"]) == ["b"]
    assert gradient_shift.chosen(["a", "b", "c"]) == ["b", "c"]
    assert gradient_shift.chosen([str(k) for k in range(21)]) == ["7", "13", "20"]


def test_a_probe_that_does_nothing_gives_nothing():
    assert list(Probe().point(None)) == list(Probe().at_end(None)) == []
