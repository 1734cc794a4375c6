"""Energy from the device's own counter (NVML), where there is one; never an estimate."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, Self

from suite.devices import is_cuda

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.cost.protocol import Clock

_BLOCK_SECONDS: Final = 0.005  # between two looks at the counter


class EnergyCounter:
    """The total energy of one NVIDIA device since its driver was loaded.

    Parameters
    ----------
    nvml
        The module ``pynvml``.
    handle
        NVML's handle of the device.
    """

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle

    @classmethod
    def of(cls, device: str) -> Self | None:
        """Open the counter of a device; None where it has none or ``pynvml`` is not installed."""
        if not is_cuda(device):
            return None
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError:
            return None
        import torch  # noqa: PLC0415

        # By UUID: CUDA_VISIBLE_DEVICES changes CUDA's numbers and not NVML's.
        uuid = torch.cuda.get_device_properties(device).uuid
        try:
            nvml.nvmlInit()
            counter = cls(nvml, nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}"))
            counter.joules()
        except nvml.NVMLError:
            return None  # the driver has no counter for this device
        return counter

    def joules(self) -> float:
        """Read the counter, in joules."""
        return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1000

    def joules_per_pass(
        self,
        run: Callable[[], object],
        synchronise: Callable[[], None],
        clock: Clock,
        seconds: float,
        pass_seconds: float,
    ) -> float | None:
        """Run an activity for a while and divide its energy by its passes.

        The counter moves about ten times a second, so it is read from one move to another.

        Parameters
        ----------
        run, synchronise
            One pass, and waiting for the device.
        clock
            Says when the time is over.
        seconds
            At least so long between the two moves.
        pass_seconds
            What a pass takes, so that the counter is read now and then only.

        Returns
        -------
        float or None
            Joules; None where the counter does not move in as many seconds, or can't be read.
        """
        block = max(1, round(_BLOCK_SECONDS / pass_seconds))

        def pass_until_it_moves(at: float) -> tuple[int, float]:
            passes, begun = 0, clock.now()
            while (now := self.joules()) == at and clock.now() - begun < seconds:
                for _ in range(block):
                    run()
                synchronise()
                passes += block
            return passes, now

        try:
            synchronise()
            _, first = pass_until_it_moves(self.joules())
            passes, now, start = 0, first, clock.now()
            while clock.now() - start < seconds:
                more, moved = pass_until_it_moves(now)
                if moved == now:
                    return None
                passes, now = passes + more, moved
            return (now - first) / passes if passes else None
        except self._nvml.NVMLError:
            return None
