"""Other load from made-up readings of a machine."""

from __future__ import annotations

from collections import namedtuple

import psutil
import pytest

from suite.cost import load
from suite.cost.load import LoadMeter, is_loaded

Times = namedtuple("Times", "user nice system idle iowait steal guest")
Own = namedtuple("Own", "user system")


def measure(
    monkeypatch: pytest.MonkeyPatch, machine: list[Times], own: list[Own], seconds: float
) -> float:
    clock = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(psutil, "cpu_times", iter(machine).__next__)
    monkeypatch.setattr(load.os, "times", iter(own).__next__)
    monkeypatch.setattr(load.time, "monotonic", clock.__next__)
    return LoadMeter().other_cores()


def test_other_load_is_what_is_busy_beside_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds: 8 of ours, 5 of others, 3 niced, 2 stolen; waiting for a disk is idle."""
    start = Times(1000, 10, 50, 5000, 70, 20, 0)
    end = Times(1000 + 7 + 5, 13, 51, 5005, 78, 22, 0)
    found = measure(monkeypatch, [start, end], [Own(3, 1), Own(10, 2)], 10)
    assert found == pytest.approx((5 + 3 + 2) / 10)


def test_time_of_guests_counts_once_since_user_contains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = Times(0, 0, 0, 0, 0, 0, 0), Times(4, 0, 0, 6, 0, 0, 4)
    assert measure(monkeypatch, [start, end], [Own(0, 0)] * 2, 10) == 0.4


def test_an_idle_machine_has_none_even_where_its_books_are_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    same = Times(0, 0, 0, 0, 0, 0, 0)
    assert measure(monkeypatch, [same, same], [Own(0, 0), Own(1, 0)], 1) == 0


def test_the_flag_is_relative_to_the_machine() -> None:
    assert is_loaded(0.21, cores=2)
    assert not is_loaded(0.19, cores=2)
    assert not is_loaded(0.21, cores=64)


def test_this_machine_has_a_load() -> None:
    assert 0 <= LoadMeter().other_cores() < 100_000
