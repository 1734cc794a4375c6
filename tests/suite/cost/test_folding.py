"""Folded networks give what the network itself gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from suite.cost.folding import fold, folding_error
from suite.cost.network import _settle_statistics, build_network
from suite.records import Condition


def settled(model: nn.Module) -> nn.Module:
    _settle_statistics(model, torch.Generator().manual_seed(1))
    return model.double().eval()


def images(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


class Residual(nn.Module):
    """A convolution whose output is used twice, so that its batch norm must not be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.norm(y) + y


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_and_convolution_fold_exactly(affine: bool, bias: bool) -> None:
    model = settled(
        nn.Sequential(
            nn.Conv2d(2, 5, 3, stride=2, bias=bias),
            nn.BatchNorm2d(5, affine=affine),
            nn.ReLU(),
            nn.Conv2d(5, 4, 3, groups=1, bias=bias),
            nn.BatchNorm2d(4, affine=affine),
            nn.Flatten(),
            nn.Linear(4 * 3 * 3, 7, bias=bias),
            nn.BatchNorm1d(7, affine=affine),
        )
    )
    x = images(6, 2, 11, 11)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folded, count = fold(model, x)
    assert count == 3
    assert folding_error(model, folded, x) < 1e-14
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in folded.modules())
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())


def test_a_wrong_fold_would_be_seen() -> None:
    model = settled(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)))
    x = images(5, 4)
    folded, _ = fold(model, x)
    folded[0].bias.data += 0.01
    assert folding_error(model, folded, x) > 1e-3


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4)),
        nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4)),
        nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)),
    ],
    ids=["after ReLU", "before the layer", "layer norm"],
)
def test_what_is_not_one_affine_map_is_left_alone(model: nn.Module) -> None:
    x = images(5, 4)
    folded, count = fold(settled(model), x)
    assert count == 0
    assert folding_error(model, folded, x) == 0


def test_a_shared_layer_is_left_alone() -> None:
    shared = nn.Linear(4, 4)
    model = settled(nn.Sequential(shared, nn.BatchNorm1d(4), shared, nn.BatchNorm1d(4)))
    assert fold(model, images(5, 4))[1] == 0


def test_an_output_that_is_used_twice_shows_in_the_error() -> None:
    model = settled(Residual())
    x = images(2, 3, 8, 8)
    folded, count = fold(model, x)
    assert count == 1
    assert folding_error(model, folded, x) > 0.05


@pytest.mark.parametrize("model", ["mlp", "deep_mlp", "cnn", "resnet18"])
@pytest.mark.parametrize(
    ("norm", "folds"),
    [
        ("none", False),
        ("batch", True),
        ("ghost:4", True),
        ("batch_no_affine", True),
        ("layer", False),
        ("affine_only", False),
    ],
)
def test_the_networks_that_are_measured(model: str, norm: str, folds: bool) -> None:
    condition = Condition(
        dataset="mnist",
        model=model,
        norm=norm,
        batch_size=8,
        learning_rate=1e-3,
        depth=3 if model == "deep_mlp" else None,
    )
    network = build_network(condition, 0, "cpu")
    assert ("inference_folded" in network.activities()) == folds
    if folds:
        assert network.folding_error is not None
        assert 0 < network.folding_error < 1e-5
        assert network.folded is not None
        assert not any(
            isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.folded.modules()
        )
