"""Initialisations of linear and convolution layers, as an axis."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import nn

from suite.errors import UnknownNameError
from suite.inits import INITS
from suite.seeds import generator

# Standard deviation over He's, √(2/fan_in).
GAINS: Final = {"he": 1.0, "small": 0.1, "large": 10.0}


@torch.no_grad()
def initialise(model: nn.Module, name: str, seed: int) -> None:
    """Draw the weights of every linear and convolution layer anew, from the stream ``weights``.

    =========  ==================================================================================
    default    PyTorch's own: weights and biases uniform on ±1/√fan_in (left as they are)
    xavier     Glorot and Bengio 2010, eq. 16: uniform on ±√(6/(fan_in + fan_out)), biases 0
    he         He et al. 2015 (arXiv:1502.01852), eq. 10: normal with σ = √(2/fan_in), biases 0
    small      σ = 0.1 √(2/fan_in), biases 0: ten times too small for a ReLU network
    large      σ = 10 √(2/fan_in), biases 0: ten times too large
    =========  ==================================================================================

    Raises
    ------
    UnknownNameError
        No initialisation has that name.
    """
    if name not in INITS:
        raise UnknownNameError("init", name, INITS)
    if name == "default":
        return
    for path, layer in model.named_modules():
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
            source = generator(seed, "weights", name, path)
            if name == "xavier":
                nn.init.xavier_uniform_(layer.weight, generator=source)
            else:
                fan_in = layer.weight[0].numel()
                std = GAINS[name] * math.sqrt(2 / fan_in)
                nn.init.normal_(layer.weight, std=std, generator=source)
            if layer.bias is not None:
                layer.bias.zero_()
