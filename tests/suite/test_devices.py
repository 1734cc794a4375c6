import subprocess
import sys

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite import devices
from suite.devices import describe_device, parse_devices, present_devices
from suite.errors import DeviceError

ALL = ["cpu", "cuda:0", "cuda:1", "mps"]


@pytest.fixture
def all_present(monkeypatch):
    monkeypatch.setattr(devices, "present_devices", lambda: list(ALL))


@pytest.mark.usefixtures("all_present")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", ALL),
        ("cpu", ["cpu"]),
        ("cuda", ["cuda:0"]),
        ("cuda:1", ["cuda:1"]),
        ("mps", ["mps"]),
        ("mps,cpu", ["mps", "cpu"]),
        (" CUDA:1 , cpu ", ["cuda:1", "cpu"]),
        ("cuda,cuda:0,cpu,cpu", ["cuda:0", "cpu"]),
        ("cuda:01", ["cuda:1"]),
        ("cuda:1,auto", ["cuda:1", "cpu", "cuda:0", "mps"]),
    ],
)
def test_names(text, expected):
    assert parse_devices(text) == expected


@pytest.mark.usefixtures("all_present")
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cudda", "unknown device 'cudda': did you mean cuda"),
        ("gpu", "unknown device 'gpu'"),
        ("", "unknown device '': known: auto, cpu, cuda, cuda:1, mps"),
        ("cpu,", "unknown device ''"),
        ("cuda:", "unknown device 'cuda:'"),
        ("cuda:-1", "unknown device 'cuda:-1'"),
        ("cuda:x", "unknown device 'cuda:x'"),
        ("cuda:²", "unknown device"),
        ("cpu:0", "unknown device 'cpu:0'"),
        ("cuda:99999", "unknown device 'cuda:99999'"),
        ("cuda:2", "device cuda:2 is not present here; present: cpu, cuda:0, cuda:1, mps"),
    ],
)
def test_mistakes_are_one_line_that_helps(text, complaint):
    with pytest.raises(DeviceError, match=complaint) as caught:
        parse_devices(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=20))
def test_any_text_gives_present_devices_or_an_error(text):
    try:
        found = parse_devices(text)
    except DeviceError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    else:
        assert found
        assert set(found) <= set(present_devices())


def test_cpu_needs_no_torch():
    code = (
        "import sys; from suite.devices import parse_devices; parse_devices('cpu');"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_present_devices_are_torchs():
    found = present_devices()
    assert found[0] == "cpu"
    assert sum(name.startswith("cuda") for name in found) == torch.cuda.device_count()
    for name in found:
        torch.zeros(1, device=name)


def test_full_precision_switches_tf32_off():
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, products.allow_tf32
    try:
        convolutions.allow_tf32 = products.allow_tf32 = True
        devices.use_full_precision()
        assert convolutions.allow_tf32 is False
        assert products.allow_tf32 is False
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before


def test_description_of_the_cpu():
    found = describe_device("cpu")
    assert found.device == "cpu"
    assert found.name
    assert found.memory_bytes == psutil.virtual_memory().total
    assert found.capability == torch.backends.cpu.get_cpu_capability()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_description_of_a_cuda_device():
    found = describe_device("cuda:0")
    assert found.name == torch.cuda.get_device_name(0)
    assert found.memory_bytes > 2**28
