"""Loss and accuracy on training images in eval mode, at every evaluation of the schedule.

With the validation loss at the same steps this shows generalization at equal training loss, which
the gap at the end can't: a network that fits better has a wider gap without being any worse. The
trainer's own ``trace_loss`` won't do for it: it is in train mode, so under BN it holds the noise of
the batch statistics, and it is a mean over many steps.

The images are the first of the member's training part, the same in every arm of a seed; no more
than ``IMAGES`` and than there are validation images, so that it costs no more than evaluation does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.probes.base import Probe, Reading
from suite.training.evaluate import loss_and_accuracy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network

IMAGES: Final = 2000


def probe() -> Probe:
    """Make the probe of one stack."""
    return TrainLoss()


class TrainLoss(Probe):
    """It keeps nothing from point to point."""

    def point(self, network: Network) -> Iterator[Reading]:
        """Evaluate on training images as the suite does on validation images."""
        count = min(IMAGES, network.validation.shape[1] or IMAGES)
        data = network.data
        loss, accuracy = loss_and_accuracy(
            network.model, data.train_images, data.train_labels, network.train[:, :count]
        )
        yield Reading("train_loss", loss)
        yield Reading("train_accuracy", accuracy)
