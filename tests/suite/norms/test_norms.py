"""Each norm, forward and backward in float64, against PyTorch's layer or its paper's equations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from suite.norms import NORMS, parse_norm
from suite.norms.ghost import virtual_sizes

FEATURES = 8
SHAPES = [(12, FEATURES), (12, FEATURES, 3, 2)]
CHOICES = [
    "none",
    "batch",
    "layer",
    "group:4",
    "ghost:4",
    "ghost:5",
    "batch_no_affine",
    "affine_only",
]


def _filled(layer: nn.Module, source: torch.Generator) -> nn.Module:
    """Give γ and β values that tell them apart from their start."""
    layer = layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=source, dtype=torch.float64))
    return layer


def _column(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return values.view(1, -1, *(1,) * (like.dim() - 2))


def _standard(x: torch.Tensor, over: list[int]) -> torch.Tensor:
    mean = x.mean(over, keepdim=True)
    return (x - mean) / (((x - mean) ** 2).mean(over, keepdim=True) + 1e-5).sqrt()


def _by_equation(norm: str, layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    name, _, argument = norm.partition(":")
    batch = [0, *range(2, x.dim())]
    image = list(range(1, x.dim()))
    if name in ("batch", "batch_no_affine"):
        out = _standard(x, batch)
    elif name == "layer":
        out = _standard(x, image)
    elif name == "group":
        grouped = x.reshape(len(x), int(argument), -1)
        out = _standard(grouped, [2]).reshape(x.shape)
    elif name == "ghost":
        out = torch.cat(
            [_standard(p, batch) for p in x.split(virtual_sizes(len(x), int(argument)))]
        )
    else:
        out = x
    if name in ("none", "batch_no_affine"):
        return out
    return out * _column(layer.weight, x) + _column(layer.bias, x)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("norm", CHOICES)
def test_the_serial_form_is_the_papers_equation(norm, shape):
    source = torch.Generator().manual_seed(1)
    layer = _filled(parse_norm(norm).serial(FEATURES), source)
    x = torch.randn(shape, generator=source, dtype=torch.float64) * 3 + 1
    cotangent = torch.randn(shape, generator=source, dtype=torch.float64)
    gradients = []
    outputs = []
    for compute in (layer, lambda v: _by_equation(norm, layer, v)):
        leaf = x.clone().requires_grad_()
        wanted = [leaf, *layer.parameters()]
        outputs.append(compute(leaf))
        gradients.append(torch.autograd.grad(outputs[-1], wanted, cotangent))
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-10, atol=1e-10)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("norm", CHOICES)
def test_the_stacked_form_is_the_serial_one_member_by_member(norm, shape):
    source = torch.Generator().manual_seed(2)
    choice = parse_norm(norm)
    members = [_filled(choice.serial(FEATURES), source) for _ in range(3)]
    stacked = choice.stacked(3, FEATURES).double()
    states = [m.state_dict() for m in members]
    stacked.load_state_dict({k: torch.stack([s[k] for s in states]) for k in states[0]})
    for training in (True, True, False):
        stacked.train(training)
        x = torch.randn((3, *shape), generator=source, dtype=torch.float64).requires_grad_()
        cotangent = torch.randn(x.shape, generator=source, dtype=torch.float64)
        together = stacked(x)
        wanted = [x, *stacked.parameters()]
        gradients = torch.autograd.grad(together, wanted, cotangent)
        for i, member in enumerate(members):
            member.train(training)
            leaf = x[i].detach().clone().requires_grad_()
            alone = member(leaf)
            own = torch.autograd.grad(alone, [leaf, *member.parameters()], cotangent[i])
            torch.testing.assert_close(together[i], alone, rtol=1e-10, atol=1e-10)
            for one, other in zip(gradients, own, strict=True):
                torch.testing.assert_close(one[i], other, rtol=1e-9, atol=1e-9)
            for name, value in member.state_dict().items():
                torch.testing.assert_close(stacked.state_dict()[name][i], value)


@pytest.mark.parametrize(
    ("norm", "shape", "reference"),
    [
        ("batch", SHAPES[0], nn.BatchNorm1d(FEATURES)),
        ("batch", SHAPES[1], nn.BatchNorm2d(FEATURES)),
        ("batch_no_affine", SHAPES[1], nn.BatchNorm2d(FEATURES, affine=False)),
        ("layer", SHAPES[0], nn.LayerNorm(FEATURES)),
        ("group:4", SHAPES[1], nn.GroupNorm(4, FEATURES)),
        ("group:8", SHAPES[1], nn.InstanceNorm2d(FEATURES, affine=True)),
    ],
)
def test_both_forms_are_pytorchs_own_layer(norm, shape, reference):
    """Three steps in train mode and one in eval mode: outputs, gradients, running statistics."""
    source = torch.Generator().manual_seed(6)
    _filled(reference, source)
    serial, stacked = parse_norm(norm).serial(FEATURES), parse_norm(norm).stacked(1, FEATURES)
    state = reference.state_dict()
    serial.double().load_state_dict(state)
    stacked.double().load_state_dict({k: v.unsqueeze(0) for k, v in state.items()})
    for training in (True, True, True, False):
        x = torch.randn(shape, generator=source, dtype=torch.float64) * 3 + 1
        cotangent = torch.randn(shape, generator=source, dtype=torch.float64)
        found = []
        for layer, axis in ((reference, ()), (serial, ()), (stacked, (None,))):
            layer.train(training)
            leaf = x.clone().requires_grad_()
            out = layer(leaf[axis])
            wanted = [leaf, *layer.parameters()]
            gradients = torch.autograd.grad(out, wanted, cotangent[axis])
            buffers = [b for n, b in layer.named_buffers() if n.startswith("running")]
            found.append([t.reshape(-1) for t in (out, *gradients, *buffers)])
        for own in found[1:]:
            for one, other in zip(found[0], own, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def test_a_virtual_batch_of_two_in_batches_of_two_is_batch_norm():
    x = torch.randn(2, FEATURES, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    ghost, batch = (parse_norm(n).serial(FEATURES).double() for n in ("ghost:2", "batch"))
    for _ in range(3):
        torch.testing.assert_close(ghost(x), batch(x))
    for name, value in batch.state_dict().items():
        torch.testing.assert_close(ghost.state_dict()[name], value)


@pytest.mark.parametrize("norm", ["batch", "ghost:4", "batch_no_affine"])
def test_running_statistics_move_by_a_tenth_towards_the_batch(norm):
    layer = parse_norm(norm).serial(FEATURES).double()
    x = torch.randn(12, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    layer(x)
    parts = x.split(4) if norm == "ghost:4" else [x]
    mean = torch.stack([p.mean(0) for p in parts]).mean(0)
    variance = torch.stack([p.var(0) for p in parts]).mean(0)
    torch.testing.assert_close(layer.running_mean, 0.1 * mean)
    torch.testing.assert_close(layer.running_var, 0.9 + 0.1 * variance)
    layer.eval()
    expected = (x - layer.running_mean) / (layer.running_var + 1e-5).sqrt()
    torch.testing.assert_close(layer(x), expected)


def test_a_ghost_batch_as_large_as_the_batch_is_batch_norm():
    x = torch.randn(3, 12, FEATURES, generator=torch.Generator().manual_seed(4))
    for k in (12, 20):
        ghost = parse_norm(f"ghost:{k}").stacked(3, FEATURES)
        torch.testing.assert_close(ghost(x), parse_norm("batch").stacked(3, FEATURES)(x))


@pytest.mark.parametrize(
    ("batch", "size", "sizes"),
    [(12, 4, [4, 4, 4]), (14, 4, [4, 4, 6]), (13, 4, [4, 4, 5]), (3, 4, [3]), (4, 4, [4])],
)
def test_virtual_batches_leave_no_small_remainder(batch, size, sizes):
    assert virtual_sizes(batch, size) == sizes


def test_norms_use_the_batch_exactly_where_the_registry_says_so():
    x = torch.randn(12, FEATURES, generator=torch.Generator().manual_seed(5))
    other = torch.cat([x[:1], x[1:] * 7])
    for spec in NORMS.values():
        layer = parse_norm(spec.name).serial(FEATURES)
        sees_mates = not torch.allclose(layer(x)[0], layer(other)[0], atol=1e-4)
        assert sees_mates == spec.batch_statistics, spec.name
