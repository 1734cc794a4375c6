import subprocess
import sys

import pytest
import torch

from suite import torchvision_compat
from suite.errors import UsageError


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Each test asks anew and leaves the session's answer alone."""
    monkeypatch.setattr(torchvision_compat, "native_ops", torchvision_compat.native_ops.__wrapped__)
    monkeypatch.setattr(torchvision_compat, "_defined", [])


def run(code: str) -> str:
    """Run code in a fresh interpreter where warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_works_here_and_says_whether_the_pair_fits():
    plain = subprocess.run(
        [sys.executable, "-c", "import torchvision.extension as e; assert e._has_ops()"],
        capture_output=True,
        check=False,
    )
    ours = run(
        "from suite.torchvision_compat import import_torchvision, native_ops\n"
        "import torch\n"
        "net = import_torchvision().models.resnet18(norm_layer=torch.nn.BatchNorm2d).eval()\n"
        "assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)\n"
        "print(native_ops())"
    )
    assert ours == str(plain.returncode == 0)


def test_library_that_does_not_fit_gets_the_schemas_defined(tmp_path):
    broken = tmp_path / "_C.so"
    broken.write_bytes(b"linked against something else")
    assert run(
        "import pathlib, torch, suite.torchvision_compat as compat\n"
        f"compat._compiled_library = lambda: pathlib.Path({str(broken)!r})\n"
        "assert compat.native_ops() is False and compat.native_ops() is False\n"
        "print(torch.ops.torchvision.nms.default._schema)\n"
        "print(torch.ops.torchvision.qnms.default._schema)"
    ).splitlines() == [
        "torchvision::nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "torchvision::qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ]


def test_schemas_that_someone_else_defined_are_left_alone():
    run(
        "import torch, suite.torchvision_compat as compat\n"
        "other = torch.library.Library('torchvision', 'DEF')\n"
        "other.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "compat._compiled_library = lambda: None\n"
        "assert compat.native_ops() is False\n"
        "assert hasattr(torch.ops.torchvision, 'qnms')"
    )


def test_pair_that_fits_is_left_alone(tmp_path, monkeypatch):
    loaded = []
    fitting = tmp_path / "_C.so"
    monkeypatch.setattr(torchvision_compat, "_compiled_library", lambda: fitting)
    monkeypatch.setattr(torch.ops, "load_library", loaded.append)
    monkeypatch.setattr(torch.library, "Library", None)  # any definition would fail
    assert torchvision_compat.native_ops() is True
    assert loaded == [str(fitting)]
    assert torchvision_compat._defined == []


def test_missing_torchvision_is_one_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="torchvision is not installed"):
        torchvision_compat.native_ops()


def test_finds_the_library_without_importing_torchvision():
    assert (
        run(
            "import sys, suite.torchvision_compat as compat\n"
            "library = compat._compiled_library()\n"
            "assert library is None or library.name.startswith('_C')\n"
            "compat.native_ops()\n"
            "print('torchvision' in sys.modules)"
        )
        == "False"
    )
