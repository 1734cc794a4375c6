"""A model of your own for batchnorm-bench: a small convolutional network with a shortcut.

Start it in this folder::

    python -m suite.run --grid smoke --model my_models:shortcut
"""

from torch import nn


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels, norm):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            norm(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            norm(channels),
        )

    def forward(self, x):
        """Add the body's output to its input."""
        return nn.functional.relu(x + self.body(x))


def shortcut(norm, classes, image_shape):
    """Build the network; ``norm(features)`` makes each norm layer, whichever norm it is."""
    channels = 16
    return nn.Sequential(
        nn.Conv2d(image_shape[0], channels, 5, stride=4, padding=2),
        norm(channels),
        nn.ReLU(),
        Block(channels, norm),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * channels, classes),
    )
