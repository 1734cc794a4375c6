"""Initialisations by name, without torch; ``suite.training.inits`` draws them."""

from __future__ import annotations

from typing import Final

INITS: Final[dict[str, str]] = {
    "default": "PyTorch's own: weights and biases uniform on ±1/√fan_in",
    "xavier": "Glorot and Bengio: uniform on ±√(6/(fan_in + fan_out)), biases 0",
    "he": "He et al.: normal with σ = √(2/fan_in), biases 0",
    "small": "ten times too small: normal with σ = 0.1 √(2/fan_in), biases 0",
    "large": "ten times too large: normal with σ = 10 √(2/fan_in), biases 0",
}
