"""The models: the notebook's shapes, a norm at every place, and sizes that the registry states."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from suite.models import MODELS, model_spec
from suite.norms import parse_norm

IMAGE = (1, 28, 28)


def _serial(name: str, norm: str = "none", depth: int | None = None) -> nn.Module:
    return model_spec(name).load().serial(parse_norm(norm).serial, depth, 10, IMAGE)


def test_mlp_has_the_notebooks_shapes_and_default_start():
    torch.manual_seed(0)
    model = _serial("mlp", "batch")
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes == {
        "linear1.weight": (128, 784),
        "linear1.bias": (128,),
        "norm1.weight": (128,),
        "norm1.bias": (128,),
        "linear2.weight": (64, 128),
        "linear2.bias": (64,),
        "norm2.weight": (64,),
        "norm2.bias": (64,),
        "head.weight": (10, 64),
        "head.bias": (10,),
    }
    assert [type(m).__name__ for m in model][:4] == ["Flatten", "Linear", "BatchNorm", "ReLU"]
    for layer in (model.linear1, model.linear2, model.head):
        bound = 1 / math.sqrt(layer.in_features)
        assert 0.9 * bound < layer.weight.abs().max() <= bound


@pytest.mark.parametrize("name", MODELS)
def test_the_registry_states_size_and_channels(name):
    spec = MODELS[name]
    depth = 12 if spec.uses_depth else None
    seen: list[int] = []

    def norm(features: int) -> nn.Module:
        seen.append(features)
        return nn.Identity()

    model = spec.load().serial(norm, depth, 10, IMAGE).eval()
    assert set(seen) == set(spec.norm_features)
    parameters, multiply_adds = spec.size(depth)
    assert sum(p.numel() for p in model.parameters()) == parameters
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *IMAGE))
    assert counter.get_total_flops() == 2 * multiply_adds


@pytest.mark.parametrize("depth", [2, 6, 12, 20])
def test_depth_counts_hidden_layers(depth):
    model = _serial("deep_mlp", "batch", depth)
    assert sum(type(m).__name__ == "BatchNorm" for m in model) == depth


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group:8", "ghost:2"])
def test_resnet_takes_every_norm(norm):
    model = _serial("resnet18", norm)
    assert model(torch.zeros(4, *IMAGE)).shape == (4, 10)


@pytest.mark.parametrize("name", [n for n, spec in MODELS.items() if spec.has_stacked])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_stacked_form_gives_each_members_output_and_gradient(name, norm):
    choice, module = parse_norm(norm), model_spec(name).load()
    depth = 3 if model_spec(name).uses_depth else None
    torch.manual_seed(1)
    members = [_serial(name, norm, depth).double() for _ in range(3)]
    stacked = module.stacked(3, choice.stacked, depth, 10, IMAGE).double()
    states = [m.state_dict() for m in members]
    stacked.load_state_dict({k: torch.stack([s[k] for s in states]) for k in states[0]})
    x = torch.randn(3, 5, *IMAGE, dtype=torch.float64)
    together = stacked(x)
    together.square().sum().backward()
    for i, member in enumerate(members):
        alone = member(x[i])
        alone.square().sum().backward()
        torch.testing.assert_close(together[i], alone)
        gradients = {k: p.grad[i] for k, p in stacked.named_parameters()}
        for key, parameter in member.named_parameters():
            torch.testing.assert_close(gradients[key], parameter.grad)
