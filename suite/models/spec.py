"""What the registry knows of a model; without torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    SerialNorm = Callable[[int], nn.Module]
    StackedNorm = Callable[[int, int], nn.Module]


class ModelModule(Protocol):
    """What the file of a model offers."""

    def serial(
        self, norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
    ) -> nn.Module:
        """Build the textbook network."""
        ...

    def stacked(
        self,
        stack: int,
        norm: StackedNorm,
        depth: int | None,
        classes: int,
        image_shape: tuple[int, ...],
    ) -> nn.Module:
        """Build the stacked twin."""
        ...


@dataclass(frozen=True)
class ModelSpec:
    """A model as the registry knows it.

    Parameters
    ----------
    name, title
        Key in grids and stores; name for people.
    module
        Where its code is.
    meaning
        One sentence for tables and tooltips.
    norm_features
        The different channel counts that its norm layers see, for checks before anything runs.
    norms_see_pixels
        Whether its norm layers see several pixels of each channel, as in a convolutional network.
    uses_depth
        Whether the depth axis means something to it.
    default_depth
        Hidden layers where the grid names none; None where depth is not an axis.
    has_stacked
        Whether there is a stacked twin; else its trials are trained one by one.
    size
        Depth → parameters without norm, and multiply-adds of one image's forward pass; for
        estimates before anything runs. None: no estimate.
    """

    name: str
    title: str
    module: str
    meaning: str
    norm_features: tuple[int, ...]
    norms_see_pixels: bool = False
    uses_depth: bool = False
    default_depth: int | None = None
    has_stacked: bool = True
    size: Callable[[int | None], tuple[int, int]] | None = None

    def load(self) -> ModelModule:
        """Import the code (and with it torch)."""
        return cast("ModelModule", importlib.import_module(self.module))
