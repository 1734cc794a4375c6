"""The energy counter on a simulated device, and its absence."""

from __future__ import annotations

import sys
import types

import pytest
import torch

from suite.cost.energy import EnergyCounter
from tests.simulated_machine import Machine


class NVMLError(Exception):
    pass


class Driver:
    """NVML of a device that draws 300 W all the time; its counter shows millijoules."""

    NVMLError = NVMLError

    def __init__(self, machine: Machine, *, counts: bool = True) -> None:
        self.machine = machine
        self.counts = counts

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        assert handle == "GPU-a-b"
        if not self.counts:
            raise NVMLError("not supported")
        return round(300_000 * self.machine.time)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = types.SimpleNamespace(uuid="a-b")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)


@pytest.mark.usefixtures("cuda")
def test_joules_of_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    monkeypatch.setitem(sys.modules, "pynvml", Driver(machine))
    counter = EnergyCounter.of("cuda:0")
    assert counter is not None
    cell = machine.cell("a", 0.002)
    found = counter.joules_per_pass(cell.run, cell.synchronise, machine, 1.0, 0.002)
    assert found == pytest.approx(300 * 0.002, rel=1e-3)
    assert machine.log.count("a") >= 500


@pytest.mark.usefixtures("cuda")
def test_a_device_without_a_counter_has_no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver(Machine(), counts=False))
    assert EnergyCounter.of("cuda:0") is None


def test_no_library_or_another_device_has_no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert EnergyCounter.of("cuda:0") is None
    monkeypatch.setitem(sys.modules, "pynvml", Driver(Machine()))
    assert EnergyCounter.of("cpu") is None
