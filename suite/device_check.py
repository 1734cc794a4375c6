"""The check that a device must pass before any of its numbers count.

Batch normalization's forward, backward and running statistics on the device, in float32, against
float64 on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from suite.errors import DeviceError, first_line
from suite.norms import parse_norm
from suite.out_of_memory import is_out_of_memory
from suite.seeds import generator

# Rounding in float32 is 2⁻²⁴ relative. Inputs whose mean is up to ten times their standard
# deviation lose a factor of about ten in x − μ, sums over a batch a few more: right float32 code
# stays near 2⁻²⁰. Reduced precision (TF32 and float16: 2⁻¹¹, bfloat16: 2⁻⁸), a biased for an
# unbiased variance (1/64) or an ε in another place shows from 2⁻¹¹ up. 2⁻¹⁵ lies well between.
TOLERANCE: Final = 2.0**-15

_BATCH: Final = 64
_FEATURES: Final = 28
_SHAPES: Final[dict[str, tuple[int, ...]]] = {"vectors": (), "images": (5, 3)}

Forms = Mapping[str, Callable[[], nn.Module]]


@dataclass(frozen=True)
class _Inputs:
    """Two training batches with the slopes of a loss over the outputs, and a test batch.

    Means run from 0 to 10 standard deviations and standard deviations from 10⁻³, where ε matters,
    to 10³, in every combination: one a feature.
    """

    training: tuple[tuple[Tensor, Tensor], ...]
    test: Tensor
    weight: Tensor
    bias: Tensor

    @classmethod
    def draw(cls, trailing: tuple[int, ...]) -> _Inputs:
        """Draw the same float32 numbers every time; trailing dimensions follow the features."""
        noise = generator(0, "noise", "device check", len(trailing))
        shape = (_BATCH, _FEATURES, *trailing)
        across = (1, _FEATURES, *[1] * len(trailing))
        spread = torch.logspace(-3, 3, 7).repeat(4).view(across)
        offset = torch.tensor([0.0, 1.0, -3.0, 10.0]).repeat_interleave(7).view(across)

        def batch() -> Tensor:
            return (torch.randn(shape, generator=noise) + offset) * spread

        return cls(
            training=tuple((batch(), torch.randn(shape, generator=noise)) for _ in range(2)),
            test=batch(),
            weight=torch.rand(_FEATURES, generator=noise) + 0.5,
            bias=torch.randn(_FEATURES, generator=noise),
        )


def check_device(
    device: str, forms: Forms | None = None, *, tolerance: float = TOLERANCE
) -> dict[str, float]:
    """Check batch normalization on a device, in float32, against float64 on the CPU.

    Parameters
    ----------
    device
        Canonical name of a present device.
    forms
        Name → maker of a layer over 28 features with the parameters and buffers of
        ``torch.nn.BatchNorm1d``, or with those of a stack of one where the name is ``stacked``;
        default: both forms of the norm ``batch`` that the suite trains. The reference is torch's
        own layer.
    tolerance
        Largest relative error that passes.

    Returns
    -------
    dict
        Quantity, form and shape, as in ``output (serial, images)`` → largest relative error over
        the features, each relative to that feature's own scale.

    Raises
    ------
    DeviceError
        The device can't hold float64, or fails where it computes; or a figure is larger than the
        tolerance or not a number: the message holds those figures and the largest of the others.
    """
    _need_float64(device)
    if forms is None:
        batch = parse_norm("batch")
        forms = {
            "serial": lambda: batch.serial(_FEATURES),
            "stacked": lambda: batch.stacked(1, _FEATURES),
        }
    figures: dict[str, float] = {}
    for shape, trailing in _SHAPES.items():
        inputs = _Inputs.draw(trailing)
        own: nn.Module = (nn.BatchNorm2d if trailing else nn.BatchNorm1d)(_FEATURES)
        expected = _run(own, inputs, "cpu", torch.float64, stacked=False)
        for form, make in forms.items():
            try:
                found = _run(make(), inputs, device, torch.float32, stacked=form == "stacked")
            except RuntimeError as error:
                raise DeviceError(
                    f"device {device} is refused: batch normalization fails there "
                    f"({first_line(error)}); use --device cpu"
                ) from error
            for quantity, relative in _errors(found, expected, inputs).items():
                figures[f"{quantity} ({form}, {shape})"] = relative
    failed = {name: error for name, error in figures.items() if not error <= tolerance}
    if failed:
        passed = max((e for name, e in figures.items() if name not in failed), default=0.0)
        raise DeviceError(
            f"device {device} is refused: batch normalization in float32 there differs from "
            f"float64 on the CPU by more than {tolerance:.1e} of its scale in "
            + ", ".join(f"{name} {error:.1e}" for name, error in failed.items())
            + f"; largest of the {len(figures) - len(failed)} other figures {passed:.1e}"
        )
    return figures


def _need_float64(device: str) -> None:
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError) as error:
        what = (
            "it has no memory left"
            if is_out_of_memory(error)
            else "it can't hold float64, in which results are summed up"
        )
        raise DeviceError(
            f"device {device} is refused: {what} ({first_line(error)}); use --device cpu"
        ) from error


def _run(
    module: nn.Module, inputs: _Inputs, device: str, dtype: torch.dtype, *, stacked: bool
) -> dict[str, Tensor]:
    """Train two steps (without changing γ and β), evaluate once; give all results as float64."""

    def there(values: Tensor) -> Tensor:
        moved = values.to(device, dtype)
        return moved.unsqueeze(0) if stacked else moved

    module = module.to(device, dtype)
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        parameters["weight"].copy_(there(inputs.weight))
        parameters["bias"].copy_(there(inputs.bias))
    found: dict[str, Tensor | None] = {}
    for values, slopes in inputs.training:
        module.zero_grad()
        x = there(values).clone().requires_grad_()
        output = module(x)
        output.backward(there(slopes))
        found |= {"output": output.detach(), "grad_input": x.grad}
    found |= {f"grad_{name}": parameter.grad for name, parameter in parameters.items()}
    buffers = dict(module.named_buffers())
    found |= {name: buffers[name].clone() for name in ("running_mean", "running_var")}
    with torch.no_grad():
        found["eval_output"] = module.eval()(there(inputs.test))
    return {
        name: (value.squeeze(0) if stacked else value).to("cpu", torch.float64)
        for name, value in found.items()
        if value is not None
    }


def _errors(
    found: dict[str, Tensor], expected: dict[str, Tensor], inputs: _Inputs
) -> dict[str, float]:
    """Give each quantity's largest error over the features, relative to the feature's scale.

    A sum that may cancel (gradients of γ and β, a mean) has the magnitude of its terms as scale. A
    quantity that is missing has the error NaN.
    """
    values, slopes = (t.double() for t in inputs.training[-1])
    across = (1, _FEATURES, *[1] * (values.dim() - 2))
    summed = [d for d in range(values.dim()) if d != 1]
    normalized = expected["output"] - inputs.bias.double().view(across)
    normalized /= inputs.weight.double().view(across)

    def largest(tensor: Tensor) -> Tensor:
        return tensor.abs().amax(summed) if tensor.dim() > 1 else tensor.abs()

    scales = {name: largest(tensor) for name, tensor in expected.items()} | {
        "grad_weight": (slopes * normalized).abs().sum(summed),
        "grad_bias": slopes.abs().sum(summed),
        "running_mean": largest(values),
    }
    errors: dict[str, float] = {}
    for name, reference in expected.items():
        if name not in found:
            errors[name] = math.nan
            continue
        relative = largest(found[name] - reference) / scales[name]
        errors[name] = math.nan if relative.isnan().any() else relative.max().item()
    return errors
