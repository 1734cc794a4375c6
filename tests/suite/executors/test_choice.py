import math

import pytest

from suite.errors import UsageError
from suite.executors import choice
from suite.executors.choice import Choice, choose_executor, grid_seconds
from suite.grid import load_grid


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(choice, "usable_cores", lambda: 8)
    monkeypatch.setattr(choice, "is_available", lambda: True)


@pytest.mark.parametrize(
    ("asked", "workers", "devices", "seconds", "expected"),
    [
        (None, None, ["cpu"], 1000.0, Choice("processes", 8, 1)),
        (None, None, ["cpu"], math.nan, Choice("processes", 8, 1)),
        (None, None, ["cpu"], 0.5, Choice("in-process", 1, 8)),
        (None, None, ["cuda:0"], 1000.0, Choice("in-process", 1, 8)),
        (None, None, ["cpu", "mps"], 1000.0, Choice("processes", 8, 1, by_device=True)),
        (None, None, ["cuda:0", "cpu"], 0.5, Choice("in-process", 1, 8)),
        ("processes", 2, ["cpu", "cuda:0"], 1000.0, Choice("processes", 2, 4)),
        (None, 2, ["cpu", "cuda:0"], 1000.0, Choice("processes", 2, 4, by_device=True)),
        (None, 2, ["cuda:0"], 1000.0, Choice("processes", 2, 4)),
        (None, 3, ["cpu"], 0.5, Choice("processes", 3, 2)),
        ("processes", None, ["cpu"], 0.5, Choice("processes", 8, 1)),
        ("processes", 16, ["cpu"], 0.5, Choice("processes", 16, 1)),
        ("processes", 1, ["cpu"], 0.5, Choice("processes", 1, 8)),
        ("in-process", None, ["cpu"], 1000.0, Choice("in-process", 1, 8)),
    ],
)
def test_the_choice(asked, workers, devices, seconds, expected):
    assert choose_executor(asked, workers, devices, seconds) == expected


def test_one_core_or_no_fork_server(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(choice, "usable_cores", lambda: 1)
        assert choose_executor(None, None, ["cpu"], 1000.0) == Choice("in-process", 1, 1)
    monkeypatch.setattr(choice, "is_available", lambda: False)
    assert choose_executor(None, None, ["cpu"], 1000.0).name == "in-process"
    with pytest.raises(UsageError, match="not available on this system"):
        choose_executor("processes", None, ["cpu"], 1000.0)


def test_flags_that_contradict_each_other():
    with pytest.raises(UsageError, match="--workers is for --executor processes"):
        choose_executor("in-process", 2, ["cpu"], 1000.0)


@pytest.mark.parametrize("devices", [["cuda:0", "cuda:1"], ["cpu", "cuda:1"], ["cuda:7"]])
def test_with_ray_no_gpu_has_a_number(devices):
    with pytest.raises(UsageError, match="with --executor ray use --device cuda: "):
        choose_executor("ray", None, devices, 1000.0)
    chosen = choose_executor(None, None, devices, 1000.0)
    if "cpu" in devices:
        assert chosen == Choice("processes", 8, 1, by_device=True)
    else:
        assert chosen == Choice("in-process", 1, 8)


@pytest.mark.parametrize("devices", [["cuda"], ["cpu", "cuda:0"]])
def test_with_ray_one_device_is_all_gpus(devices):
    assert choose_executor("ray", 3, devices, 1000.0) == Choice("ray", 3, 1)


def test_the_estimate_of_a_grid_is_that_of_its_trials():
    small, large = (grid_seconds(load_grid(name), 1e11) for name in ("smoke", "full"))
    assert 0 < 20 * small < large
    assert grid_seconds(load_grid("smoke"), 1e10) == pytest.approx(10 * small)


@pytest.mark.parametrize(
    ("rate", "started"), [(1e6, ["measured", "started"]), (1e15, ["measured"])]
)
def test_the_rate_is_measured_before_the_server_takes_a_core(monkeypatch, rate, started):
    seen = []
    monkeypatch.setattr(choice, "matmul_rate", lambda: seen.append("measured") or rate)
    monkeypatch.setattr(choice, "start_server", lambda: seen.append("started"))
    assert choice.begin(load_grid("smoke"), "auto", None, None) == rate
    assert seen == started
