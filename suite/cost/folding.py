"""Batch norm folded into the linear or convolution layer before it, for inference.

In eval mode batch norm is y = γ (x − μ) / √(σ² + ε) + β with constants, and the layer before it is
affine, so the two are one affine layer (Jacob et al. 2018, arXiv:1712.05877, eq. 14). PyTorch's own
helpers compute the weights; here the pairs are found.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

_BatchNorm = nn.modules.batchnorm._BatchNorm
_Affine = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def fold(model: nn.Module, images: torch.Tensor) -> tuple[nn.Module, int]:
    """Copy a network in eval mode with every batch norm folded that directly follows such a layer.

    A pair is a batch norm whose input is the very tensor that the layer gave, both called once.
    That the layer's output goes nowhere else is not seen here: compare the outputs.

    Parameters
    ----------
    model
        In eval mode; left as it is.
    images
        A batch to trace it with.

    Returns
    -------
    tuple
        The copy, and how many batch norms were folded in it.
    """
    folded = copy.deepcopy(model)
    pairs = _pairs(folded, images)
    for layer_name, norm_name in pairs:
        layer, norm = folded.get_submodule(layer_name), folded.get_submodule(norm_name)
        assert isinstance(norm, _BatchNorm)
        norm = _with_affine(norm)
        fused = (
            fuse_linear_bn_eval(layer, norm)
            if isinstance(layer, nn.Linear)
            else fuse_conv_bn_eval(layer, norm)  # type: ignore[type-var]
        )
        folded.set_submodule(layer_name, fused)
        folded.set_submodule(norm_name, nn.Identity())
    return folded, len(pairs)


def folding_error(model: nn.Module, folded: nn.Module, images: torch.Tensor) -> float:
    """Give the largest difference of the outputs, over the largest output."""
    with torch.no_grad():
        reference = model(images)
        difference = folded(images) - reference
    return float(difference.abs().max() / reference.abs().max())


def _pairs(model: nn.Module, images: torch.Tensor) -> list[tuple[str, str]]:
    """Find the names of layer and batch norm that are one affine map in eval mode."""
    names = {module: name for name, module in model.named_modules()}
    # The outputs are kept, so that no two of them can have the same identity.
    given: list[tuple[nn.Linear | nn.modules.conv._ConvNd, torch.Tensor]] = []
    taken: list[tuple[_BatchNorm, torch.Tensor]] = []

    def hook(module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        if isinstance(module, _BatchNorm):
            taken.append((module, inputs[0]))
        elif isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
            given.append((module, output))

    handles: list[RemovableHandle] = [
        m.register_forward_hook(hook) for m in names if isinstance(m, (*_Affine, _BatchNorm))
    ]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    layers = [m for m, _ in given]
    norms = [m for m, _ in taken]
    return [
        (names[layer], names[norm])
        for norm, seen in taken
        for layer, output in given
        if seen is output
        and layers.count(layer) == norms.count(norm) == 1
        and layer.weight.shape[0] == norm.num_features
    ]


def _with_affine(norm: nn.modules.batchnorm._BatchNorm) -> nn.modules.batchnorm._BatchNorm:
    """Give γ = 1 and β = 0 to a batch norm without them: the linear helper needs numbers."""
    if norm.affine:
        return norm
    assert norm.running_mean is not None
    full = copy.deepcopy(norm)
    full.weight = nn.Parameter(torch.ones_like(norm.running_mean))
    full.bias = nn.Parameter(torch.zeros_like(norm.running_mean))
    return full
