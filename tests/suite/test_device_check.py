import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from suite.device_check import TOLERANCE, check_device
from suite.devices import present_devices
from suite.errors import DeviceError

FEATURES = 28


class Norm(nn.modules.batchnorm._BatchNorm):
    def _check_input_dim(self, input: torch.Tensor) -> None:
        pass


@pytest.mark.parametrize("device", present_devices())
def test_every_device_here_passes_with_room(device):
    figures = check_device(device)
    quantities = {name.split(" (")[0] for name in figures}
    assert quantities == {
        "output",
        "grad_input",
        "grad_weight",
        "grad_bias",
        "running_mean",
        "running_var",
        "eval_output",
    }
    assert len(figures) == 7 * 2 * 2  # serial and stacked, vectors and images
    assert 0 < max(figures.values()) < TOLERANCE / 4  # float32 differs, but only by its rounding


def test_twice_gives_the_same_figures():
    assert check_device("cpu") == check_device("cpu")


class BiasedVariance(Norm):
    """Keeps the variance that normalizes, not the unbiased one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        summed = [d for d in range(x.dim()) if d != 1]
        variance, mean = torch.var_mean(x.detach(), summed, correction=0)
        self.running_mean.lerp_(mean, 0.1)
        self.running_var.lerp_(variance, 0.1)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


class EpsilonOutside(Norm):
    """Divides by σ + ε instead of √(σ² + ε)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        summed = [d for d in range(x.dim()) if d != 1]
        across = [1, -1, *[1] * (x.dim() - 2)]
        out = super().forward(x)
        if not self.training:
            return out
        variance, mean = torch.var_mean(x, summed, correction=0, keepdim=True)
        normalized = (x - mean) / (variance.sqrt() + self.eps)
        return normalized * self.weight.view(across) + self.bias.view(across)


class ConstantStatistics(Norm):
    """Lets no gradient through the batch's mean and variance."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        super().forward(x)
        summed = [d for d in range(x.dim()) if d != 1]
        variance, mean = torch.var_mean(x.detach(), summed, correction=0)
        return F.batch_norm(x, mean, variance, self.weight, self.bias, False, 0.0, self.eps)


class ReducedPrecision(Norm):
    """Rounds its input to TF32's ten bits, with float32's range."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mantissa, exponent = torch.frexp(x.detach())
        rounded = torch.ldexp((mantissa * 2**11).round() / 2**11, exponent)
        return super().forward(x + (rounded - x.detach()))


class OtherMomentum(Norm):
    def __init__(self, features: int) -> None:
        super().__init__(features, momentum=0.11)


class FrozenStatistics(Norm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


class NotANumber(Norm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = super().forward(x)
        return torch.where(torch.arange(len(x)).view(-1, *[1] * (x.dim() - 1)) == 3, math.nan, out)


class NoInputGradient(Norm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.detach())


@pytest.mark.parametrize(
    ("broken", "caught_in"),
    [
        (BiasedVariance, "running_var"),
        (EpsilonOutside, "output"),
        (ConstantStatistics, "grad_input"),
        (ReducedPrecision, "output"),
        (OtherMomentum, "running_mean"),
        (FrozenStatistics, "running_mean"),
        (NotANumber, "output"),
        (NoInputGradient, "grad_input"),
    ],
)
def test_broken_implementation_is_refused_with_the_figures(broken, caught_in):
    with pytest.raises(
        DeviceError, match=rf"device cpu is refused: .*{caught_in} \(serial,"
    ) as caught:
        check_device("cpu", {"serial": lambda: broken(FEATURES)})
    message = str(caught.value)
    assert "\n" not in message
    assert "3.1e-05" in message  # the tolerance
    assert "other figures" in message


def test_broken_stacked_form_is_refused_though_the_serial_one_is_right():
    class Stacked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1, FEATURES))
            self.bias = nn.Parameter(torch.zeros(1, FEATURES))
            self.register_buffer("running_mean", torch.zeros(1, FEATURES))
            self.register_buffer("running_var", torch.ones(1, FEATURES))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.batch_norm(
                x[0],
                self.running_mean[0],
                self.running_var[0],
                self.weight[0],
                self.bias[0],
                self.training,
                0.1,
                2e-5,
            )[None]

    forms = {"serial": lambda: Norm(FEATURES), "stacked": Stacked}
    with pytest.raises(DeviceError, match=r"output \(stacked, vectors\)") as caught:
        check_device("cpu", forms)
    assert "(serial" not in str(caught.value)


def test_tolerance_decides():
    with pytest.raises(DeviceError):
        check_device("cpu", tolerance=1e-12)


def test_a_device_without_float64_is_refused_in_one_line(monkeypatch):
    zeros = torch.zeros
    words = "Cannot convert a MPS Tensor to float64 dtype.\nPlease use float32 instead."

    def without_float64(*size, dtype=None, **options):
        if dtype == torch.float64:
            raise TypeError(words)
        return zeros(*size, dtype=dtype, **options)

    monkeypatch.setattr(torch, "zeros", without_float64)
    with pytest.raises(DeviceError) as caught:
        check_device("cpu")
    message = str(caught.value)
    assert message.startswith("device cpu is refused: it can't hold float64")
    assert message.endswith("; use --device cpu")
    assert "\n" not in message


def test_a_device_that_fails_where_it_computes_is_refused_in_one_line():
    class Fails(Norm):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError(f"cuDNN error: CUDNN_STATUS_NOT_INITIALIZED\n{x.shape}")

    with pytest.raises(DeviceError) as caught:
        check_device("cpu", {"serial": lambda: Fails(FEATURES)})
    assert str(caught.value) == (
        "device cpu is refused: batch normalization fails there "
        "(cuDNN error: CUDNN_STATUS_NOT_INITIALIZED); use --device cpu"
    )


def test_a_device_without_memory_is_not_said_to_lack_float64(monkeypatch):
    def full(*size, **options):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB")

    monkeypatch.setattr(torch, "zeros", full)
    with pytest.raises(DeviceError, match="cpu is refused: it has no memory left") as caught:
        check_device("cpu")
    assert "float64" not in str(caught.value)
