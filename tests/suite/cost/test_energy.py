"""The energy counter on a simulated device, and its absence."""

from __future__ import annotations

import math
import sys
import types

import pytest
import torch

from suite.cost.energy import EnergyCounter
from tests.simulated_machine import Machine


class NVMLError(Exception):
    pass


class Driver:
    """NVML of a device that draws 300 W; its counter shows millijoules, and moves now and then."""

    NVMLError = NVMLError

    def __init__(self, machine: Machine, *, counts: bool = True, every: float = 0.1) -> None:
        self.machine = machine
        self.every = every
        self.counts = counts

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        assert handle == "GPU-a-b"
        if not self.counts:
            raise NVMLError("not supported")
        return round(300_000 * self.every * math.floor(self.machine.time / self.every))


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = types.SimpleNamespace(uuid="a-b")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)


@pytest.mark.usefixtures("cuda")
def test_joules_of_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    machine.time = 0.05  # in the middle between two moves
    monkeypatch.setitem(sys.modules, "pynvml", Driver(machine))
    counter = EnergyCounter.of("cuda:0")
    assert counter is not None
    cell = machine.cell("a", 0.002)
    # Some moves of the counter and most of another one.
    found = counter.joules_per_pass(cell.run, cell.synchronise, machine, 1.07, 0.002)
    assert found == pytest.approx(300 * 0.002, rel=0.01)
    assert machine.log.count("a") >= 535


@pytest.mark.usefixtures("cuda")
def test_a_counter_that_fails_between_two_reads_gives_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    driver = Driver(machine)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    counter = EnergyCounter.of("cuda:0")
    assert counter is not None
    driver.counts = False
    cell = machine.cell("a", 0.002)
    assert counter.joules_per_pass(cell.run, cell.synchronise, machine, 1.0, 0.002) is None


@pytest.mark.usefixtures("cuda")
def test_a_counter_that_stands_still_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    monkeypatch.setitem(sys.modules, "pynvml", Driver(machine, every=1000.0))
    counter = EnergyCounter.of("cuda:0")
    assert counter is not None
    cell = machine.cell("a", 0.002)
    assert counter.joules_per_pass(cell.run, cell.synchronise, machine, 1.0, 0.002) is None


@pytest.mark.usefixtures("cuda")
def test_a_device_without_a_counter_has_no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver(Machine(), counts=False))
    assert EnergyCounter.of("cuda:0") is None


def test_no_library_or_another_device_has_no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert EnergyCounter.of("cuda:0") is None
    monkeypatch.setitem(sys.modules, "pynvml", Driver(Machine()))
    assert EnergyCounter.of("cpu") is None
