"""What a network with batch statistics answers in train mode and in eval mode (limitation 2).

Along training: validation accuracy with statistics of minibatches of the training's own size, and
how much eval mode, with running statistics, lags behind it. At the end, on test images: accuracy in
train mode by size of the test batch and in batches of one class, and beside each that of eval mode
on the very same images; the share of predictions that change when the same image meets other batch
mates; and accuracy with population statistics recomputed after training (Wu and Johnson 2021,
arXiv:2105.07576, Sec. 3 and 4).

So that this costs no more than probes may, only the first ``VALIDATION_IMAGES`` validation images
are used along training (or one batch, where that is more), and at the end ``TEST_IMAGES`` test
images, which the seed's stream ``noise`` draws and shuffles into batches (for batches of one class,
the first of each class); recomputed statistics are tested on all of them. Images that fill no whole
batch are left out. That is why train mode is never set against the accuracy on all test images: a
few thousand of them differ from all by a quarter of a point by chance, and the first of MNIST's are
easier than the rest.

Norms without batch statistics have nothing to measure here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from suite.probes.base import Probe, Reading
from suite.probes.batch_mates import accuracy, inputs, predictions, whole_batches
from suite.probes.population import use_population_statistics
from suite.probes.schedule import TEST_IMAGES, VALIDATION_IMAGES
from suite.seeds import generator
from suite.training.evaluate import ROWS, loss_and_accuracy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.probes.network import Network

TEST_BATCHES: Final = (2, 8, 64, 1000)
SORTED_BATCH: Final = 64


def probe() -> Probe:
    """Make the probe of one stack."""
    return TrainEval()


class TrainEval(Probe):
    """It keeps nothing from point to point."""

    def point(self, network: Network) -> Iterator[Reading]:
        """Compare both modes on the validation images."""
        if not (network.norm.spec.batch_statistics and network.validation.shape[1]):
            return
        data = network.data
        size = min(network.batch_size, network.validation.shape[1])
        used = whole_batches(network.validation[:, : max(VALIDATION_IMAGES, size)], size)
        predicted = predictions(network, data.train_images, used, size)
        in_train_mode = accuracy(predicted, data.train_labels, used)
        _, in_eval_mode = loss_and_accuracy(
            network.model, data.train_images, data.train_labels, used
        )
        yield Reading("validation_accuracy_train_mode", in_train_mode)
        yield Reading("running_statistics_lag", in_train_mode - in_eval_mode)

    def at_end(self, network: Network) -> Iterator[Reading]:
        """Measure on the test images."""
        if not network.norm.spec.batch_statistics:
            return
        labels = network.data.test_labels
        yield from _with_batch_mates(network)
        used, size = class_batches(labels)
        indices = used.expand(network.members, -1)
        predicted = predictions(network, network.data.test_images, indices, size)
        yield from _both_modes(
            predicted, _in_eval_mode(network, indices), labels, indices, "sorted"
        )
        use_population_statistics(network)
        everything = torch.arange(len(labels), device=network.device).unsqueeze(0)
        _, found = loss_and_accuracy(network.model, network.data.test_images, labels, everything)
        yield Reading("test_accuracy_population", found)


def _with_batch_mates(network: Network) -> Iterator[Reading]:
    images, labels = network.data.test_images, network.data.test_labels
    orders = _orders(network, len(labels))
    in_eval_mode = _in_eval_mode(network, orders[0])
    for size in TEST_BATCHES:
        answers = []
        # One batch of all has no other mates to meet.
        for order in orders[: orders[0].shape[1] // size]:
            used = whole_batches(order, size)
            predicted = predictions(network, images, used, size)
            unanswered = torch.full_like(labels, -1).repeat(network.members, 1)
            answers.append(unanswered.scatter(1, used, predicted))
            if len(answers) == 1:
                same = in_eval_mode[:, : used.shape[1]]
                yield from _both_modes(predicted, same, labels, used, str(size))
        if len(answers) == 2:
            yield Reading("prediction_flips", _flips(*answers), str(size))


def _both_modes(
    predicted: torch.Tensor,
    in_eval_mode: torch.Tensor,
    labels: torch.Tensor,
    indices: torch.Tensor,
    facet: str,
) -> Iterator[Reading]:
    """Give the accuracy of predictions in train and in eval mode, (S, n) each, of these images."""
    yield Reading("test_accuracy_train_mode", accuracy(predicted, labels, indices), facet)
    yield Reading("test_accuracy_eval_mode", accuracy(in_eval_mode, labels, indices), facet)


@torch.no_grad()
def _in_eval_mode(network: Network, indices: torch.Tensor) -> torch.Tensor:
    """Predict the classes (S, n) of test images (S, n) with running statistics."""
    rows = max(1, ROWS // network.members)
    with network.untouched():
        network.model.eval()
        return torch.cat(
            [
                network.model(inputs(network, network.data.test_images, part)).argmax(2)
                for part in torch.split(indices, rows, dim=1)
            ],
            dim=1,
        )


def _flips(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Give the share of images, among those with two answers, whose answers differ; -1 is none."""
    both = (first >= 0) & (second >= 0)
    return ((first != second) & both).sum(1) / both.sum(1)


def _orders(network: Network, count: int) -> list[torch.Tensor]:
    """Draw each member's test images, shuffled twice: two of (S, min(count, TEST_IMAGES))."""
    first, second = [], []
    for seed in network.seeds:
        source = generator(seed, "noise", "mates")
        drawn = torch.randperm(count, generator=source)[:TEST_IMAGES]
        first.append(drawn)
        second.append(drawn[torch.randperm(len(drawn), generator=source)])
    return [torch.stack(order).to(network.device) for order in (first, second)]


def class_batches(labels: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Sort images into batches of one class, at most ``TEST_IMAGES`` of them.

    Returns
    -------
    tuple
        (1, n) indices, and the size: every run of that many is a batch of one class.
    """
    counts = torch.bincount(labels).tolist()
    classes = [(labels == c).nonzero().squeeze(1) for c, count in enumerate(counts) if count]
    size = min(SORTED_BATCH, *(len(members) for members in classes))
    share = max(size, TEST_IMAGES // len(classes))
    whole = [whole_batches(members[:share].unsqueeze(0), size) for members in classes]
    return torch.cat(whole, dim=1), size
