from __future__ import annotations

import subprocess
import sys

import pytest

from suite.environment import usable_cores
from suite.errors import GridError
from suite.grid import Grid, parse_grid

STUDY = """
title = "t"
[[study]]
name = "grid"
why = "x"
dataset = "mnist"
model = "mlp"
norm = ["none", "batch"]
batch_size = 64
learning_rate = 1e-3
epochs = 1
"""
COST = (
    STUDY
    + """
[cost]
why = "what it costs"
dataset = "mnist"
model = "mlp"
norm = ["none", "batch"]
batch_size = [1, 64]
"""
)


def parse(text: str, **options: str) -> Grid:
    return parse_grid(text.encode(), name="a", **options)  # type: ignore[arg-type]


def faults(text: str) -> list[str]:
    with pytest.raises(GridError) as caught:
        parse(text)
    return list(caught.value.faults)


def test_a_grid_without_the_table_measures_nothing() -> None:
    assert parse(STUDY).cost is None


def test_the_table_is_a_product_with_arms_as_neighbours() -> None:
    cost = parse(COST).cost
    assert cost is not None
    assert [(c.batch_size, c.norm) for c in cost.conditions] == [
        (1, "none"),
        (1, "batch"),
        (64, "none"),
        (64, "batch"),
    ]
    assert cost.replicates == 12
    assert cost.protocol.threads == usable_cores()
    assert cost.protocol.samples == 30


ALSO = (
    COST
    + """
[[cost.also]]
norm = ["batch", "ghost:4"]
batch_size = 64
[[cost.also]]
model = "cnn"
norm = "none"
"""
)


def test_more_networks_take_the_axes_that_they_do_not_give_from_the_table() -> None:
    cost = parse(ALSO).cost
    assert cost is not None
    assert [(c.model, c.batch_size, c.norm) for c in cost.conditions] == [
        *(("mlp", 1, "none"), ("mlp", 1, "batch"), ("mlp", 64, "none"), ("mlp", 64, "batch")),
        ("mlp", 64, "ghost:4"),  # batch norm at 64 is there already
        *(("cnn", 1, "none"), ("cnn", 64, "none")),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('model = "cnn"', 'model = "cn"', "cost.also[1].model: unknown model 'cn': did you mean"),
        (
            'model = "cnn"',
            "replicates = 3",
            "cost.also[1].replicates: unknown key; known: dataset,",
        ),
        ("batch_size = 64\n[[", "batch_size = 0\n[[", "cost.also[0].batch_size: must be at least"),
        (
            "[[cost.also]]\nmodel",
            "[[cost.also]]\nmodle",
            "cost.also[1].modle: unknown key; did you",
        ),
        ('"batch", "ghost:4"', '"batch", "batch"', "cost.also[0].norm[1]: 'batch' is there twice"),
    ],
)
def test_a_mistake_among_more_networks_has_its_place(old: str, new: str, expected: str) -> None:
    assert old in ALSO
    (found,) = faults(ALSO.replace(old, new))
    assert found.startswith(expected)


def test_everything_can_be_said() -> None:
    cost = parse(COST + "replicates = 5\nsamples = 11\nthreads = 1\noptimizer = 'sgd'").cost
    assert cost is not None
    assert (cost.replicates, cost.protocol.samples, cost.protocol.threads) == (5, 11, 1)
    assert {c.optimizer for c in cost.conditions} == {"sgd"}


def test_another_dataset_is_put_in_place_here_too() -> None:
    cost = parse(COST, dataset="mnist5k").cost
    assert cost is not None
    assert {c.dataset for c in cost.conditions} == {"mnist5k"}


def test_the_whole_grid_can_be_stored() -> None:
    from suite.records import canonical_json

    assert "what it costs" in canonical_json(parse(COST).canonical())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("replicates = 0", "cost.replicates: must be at least 1, not 0"),
        ("threds = 3", "cost.threds: unknown key; did you mean threads?"),
        ("depth = 3", "cost.depth: model mlp has no depth to choose"),
        ("optimizer = 'adm'", "cost.optimizer: unknown optimizer 'adm': did you mean adam?"),
        ("samples = 1.5", "cost.samples: must be a whole number, not 1.5"),
    ],
)
def test_a_mistake_is_named_with_its_place(line: str, expected: str) -> None:
    assert faults(COST + line) == [expected]


def test_all_mistakes_of_axes_are_named() -> None:
    text = COST.replace("[1, 64]", "[64, 64, -1, 2.5]")
    found = faults(text)
    assert "cost.batch_size[2]: must be at least 1, not -1" in found
    assert any(f.startswith("cost.batch_size[3]") for f in found)
    assert faults(COST.replace("[1, 64]", "[64, 64]")) == [
        "cost.batch_size[1]: 64 is there twice, see [0]"
    ]


def test_too_much_is_refused_before_anything_runs() -> None:
    many = COST.replace("[1, 64]", str(list(range(1, 200)))) + "replicates = 1000"
    assert faults(many) == ["cost: 398,000 measurements are more than the limit of 20,000"]


def test_what_is_no_table_is_refused() -> None:
    assert faults("cost = 3" + STUDY) == ["cost: must be a table, not 3"]


def test_a_study_can_not_have_its_name() -> None:
    (found,) = faults(STUDY.replace('"grid"', '"cost"'))
    assert found.startswith("study[0].name: 'cost'")


def test_reading_needs_no_torch() -> None:
    code = "import sys; import suite.grid; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
