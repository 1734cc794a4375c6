"""Evaluation in as many passes as the cache asks for."""

from __future__ import annotations

import pytest
import torch

from suite.models import model_spec
from suite.norms import parse_norm
from suite.training import evaluate
from suite.training.evaluate import ROWS, AsStack, loss_and_accuracy, rows_at_once


def network(name: str, members: int) -> torch.nn.Module:
    torch.manual_seed(0)
    stacked = model_spec(name).load().stacked
    model = stacked(members, parse_norm("batch").stacked, None, 10, (1, 28, 28))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize(("name", "rows"), [("mlp", ROWS), ("cnn", (1 << 20) // (16 * 14 * 14))])
def test_a_wide_network_takes_fewer_rows_at_once(name, rows, members):
    assert rows_at_once(network(name, members), torch.zeros(members, 1, 1, 28, 28)) == rows


def test_a_serial_network_takes_as_many_as_a_stack_of_one():
    model = model_spec("cnn").load().serial(parse_norm("batch").serial, None, 10, (1, 28, 28))
    model.eval()
    x = torch.zeros(1, 1, 1, 28, 28)
    assert rows_at_once(AsStack(model), x) == rows_at_once(network("cnn", 1), x)
    assert not any(layer._forward_hooks for layer in model.modules())


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("own", [False, True])
def test_the_numbers_are_those_of_one_image_at_a_time(name, own, monkeypatch):
    model = network(name, 3).double()
    images = torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8)
    labels = torch.randint(0, 10, (50,))
    indices = torch.stack([torch.randperm(50)[:37] for _ in range(3 if own else 1)])
    found = loss_and_accuracy(model, images, labels, indices)
    monkeypatch.setattr(evaluate, "WIDEST", 1)
    single = loss_and_accuracy(model, images, labels, indices)
    torch.testing.assert_close(found[0], single[0], rtol=1e-12, atol=1e-12)
    assert torch.equal(found[1], single[1])
    assert found[0].shape == (3,)
