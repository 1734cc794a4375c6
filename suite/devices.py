"""Devices: their names and what is present; `suite.device_check` decides whether one counts.

``parse_devices`` imports torch only where it must ask what is present.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from suite.errors import DeviceError, UnknownNameError, first_line

NO_GPUS: Final = {"CUDA_VISIBLE_DEVICES": ""}  # in the environment of a process that sees none
_NAMES: Final = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class DeviceDescription:
    """What a reader should know of a device.

    Parameters
    ----------
    device
        Canonical name: ``cpu``, ``cuda:0``, ``mps``.
    name
        The maker's name.
    memory_bytes
        Its memory: all of it, or for ``mps`` the part that the system recommends to use.
    capability
        CUDA compute capability; for the CPU the instruction set that torch uses; else empty.
    """

    device: str
    name: str
    memory_bytes: int
    capability: str = ""


def parse_devices(text: str) -> list[str]:
    """Read ``--device``.

    Parameters
    ----------
    text
        ``auto`` (all that are present), ``cpu``, ``cuda`` (the first), ``cuda:1``, ``mps``, or
        several separated by commas.

    Returns
    -------
    list of str
        Canonical names (``cuda`` is ``cuda:0``) in the order given, each once.

    Raises
    ------
    DeviceError
        A name is not a device's, or the device is not present; the message says what is.
    """
    devices: list[str] = []
    for part in text.split(","):
        devices += _parse_one(part.strip().casefold())
    return list(dict.fromkeys(devices))


def present_devices() -> list[str]:
    """List every device that torch can use here: the CPU, then CUDA devices, then MPS."""
    import torch  # noqa: PLC0415

    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


def is_cuda(device: str) -> bool:
    """Say whether a canonical name, or ``cuda``, is a CUDA device's."""
    return device.partition(":")[0] == "cuda"


def describe_device(device: str) -> DeviceDescription:
    """Describe a present device by its canonical name."""
    import psutil  # noqa: PLC0415
    import torch  # noqa: PLC0415

    from suite.environment import cpu_model  # noqa: PLC0415

    if is_cuda(device):
        found = torch.cuda.get_device_properties(device)
        return DeviceDescription(
            device, found.name, found.total_memory, f"{found.major}.{found.minor}"
        )
    if device == "mps":
        memory = torch.mps.recommended_max_memory()
        return DeviceDescription(device, f"{cpu_model()} GPU", memory)
    memory = psutil.virtual_memory().total
    return DeviceDescription(device, cpu_model(), memory, torch.backends.cpu.get_cpu_capability())


def use_full_precision() -> None:
    """Switch TF32 off for matrix products and convolutions, in this process.

    PyTorch leaves it on for convolutions on CUDA, where it would round float32 inputs to ten bits
    in one arm's networks as in the other's, but not on another device.
    """
    import torch  # noqa: PLC0415

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def hide_gpus() -> None:
    """Let this process see no CUDA device; nothing may have asked for one.

    torch's Adam asks CUDA about its graphs wherever it sees a GPU, also to train on the CPU, and
    each process that starts CUDA takes some hundred megabytes there.
    """
    os.environ.update(NO_GPUS)


def lasting_fault(device: str) -> str:
    """Say why a CUDA device answers no more, as after a faulty access to memory; else nothing."""
    import torch  # noqa: PLC0415

    try:
        if is_cuda(device):
            torch.cuda.synchronize(device)
    except RuntimeError as error:
        return first_line(error)
    return ""


def give_memory_back() -> None:
    """Free what torch keeps of GPUs' memory for its next tensors, in this process."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def _parse_one(name: str) -> list[str]:
    if name == "cpu":
        return [name]
    kind, colon, index = name.partition(":")
    valid_index = kind == "cuda" and index.isascii() and index.isdecimal() and len(index) <= 4
    if kind not in _NAMES or (colon and not valid_index):
        raise DeviceError(str(UnknownNameError("device", name, (*_NAMES, "cuda:1"))))
    present = present_devices()
    if name == "auto":
        return present
    canonical = f"cuda:{int(index or 0)}" if kind == "cuda" else name
    if canonical not in present:
        raise DeviceError(f"device {name} is not present here; present: {', '.join(present)}")
    return [canonical]
