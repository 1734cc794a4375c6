"""torchvision's ResNet-18 (He et al. 2016, arXiv:1512.03385) through its ``norm_layer`` argument.

Its first convolution takes one channel instead of three; all else is torchvision's. There is no
stacked twin: its matrix products are large enough to fill the cores by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from suite.torchvision_compat import import_torchvision

if TYPE_CHECKING:
    from suite.models import SerialNorm, StackedNorm


def serial(
    norm: SerialNorm, depth: int | None, classes: int, image_shape: tuple[int, ...]
) -> nn.Module:
    """Build the network for images (batch, channels, height, width)."""
    del depth
    resnet18 = import_torchvision().models.resnet18
    network: nn.Module = resnet18(weights=None, num_classes=classes, norm_layer=norm)
    first = network.conv1
    assert isinstance(first, nn.Conv2d)
    narrow = nn.Conv2d(image_shape[0], first.out_channels, 7, 2, 3, bias=False)
    nn.init.kaiming_normal_(narrow.weight, mode="fan_out", nonlinearity="relu")
    network.conv1 = narrow
    return network


def stacked(
    stack: int,
    norm: StackedNorm,
    depth: int | None,
    classes: int,
    image_shape: tuple[int, ...],
) -> nn.Module:
    """Refuse: the registry says that there is no stacked twin."""
    raise NotImplementedError("resnet18 is trained one trial after the other")
