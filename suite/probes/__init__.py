"""Mechanism probes by name: the registry, without torch.

A probe looks at a network while it trains and leaves it as it was. It is one file of this package
and one line in ``PROBES``. Its file holds ``probe() -> Probe``, see ``suite.probes.base``.

Probes run at a few points of the evaluation schedule, geometric in steps, the start and the end
always among them; one that is as cheap as an evaluation may run at all of them. At each point all
probes share the same passes over a few fixed minibatches of the study's own batch size, drawn from
the training images by the seed's stream ``noise``; so the arms of a seed are looked at through the
same images. What the probes of a study cost decides how many points there are, see
``suite.probes.schedule``. Beside its curves a probe gives one number a trial for each quantity that
speaks of the whole network, with a facet: ``initial`` (before training), ``final`` (after it) and
``mean`` (over the points after the first; as these are geometric, the early steps count as much as
the late ones).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from suite.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from suite.data import Dataset
    from suite.probes.base import Probe
    from suite.probes.session import ProbeSession
    from suite.records import Trial


class ProbeModule(Protocol):
    """What the file of a probe offers."""

    def probe(self) -> Probe:
        """Make the probe of one stack."""
        ...


@dataclass(frozen=True)
class ProbeCost:
    """What a probe asks for at each point.

    Parameters
    ----------
    forward
        Whether it looks at what goes through the layers in the shared passes.
    backward
        Whether it looks at the gradients of the shared passes.
    passes
        Passes of its own, forward and backward over one minibatch.
    validation_passes
        Forward passes of its own over (at most 1,000) validation images.
    test_passes
        Forward passes of its own over (at most 3,000) test images, once, at the end.
    everywhere
        Whether it looks at every evaluation of the suite, not only at the probes' points; what it
        does there must cost no more than the evaluation.
    """

    forward: bool = True
    backward: bool = False
    passes: int = 0
    validation_passes: int = 0
    test_passes: int = 0
    everywhere: bool = False


@dataclass(frozen=True)
class ProbeSpec:
    """A probe as the registry knows it.

    Parameters
    ----------
    name, title
        Key in grids and stores; name for people.
    module
        Where its code is.
    quantities
        What it measures, by the names of ``suite.quantities``.
    meaning
        One sentence for tables and tooltips.
    paper
        Where the measure is defined.
    cost
        What it asks for at each point.
    modules
        Other modules that it rests on beside its own.
    """

    name: str
    title: str
    module: str
    quantities: tuple[str, ...]
    meaning: str
    paper: str
    cost: ProbeCost = ProbeCost()
    modules: tuple[str, ...] = ()

    def load(self) -> ProbeModule:
        """Import the code (and with it torch)."""
        return cast("ProbeModule", importlib.import_module(self.module))


_ALL: Final = (
    ProbeSpec(
        "gradient_norm",
        "gradient norms",
        "suite.probes.gradient_norm",
        ("gradient_norm", "gradient_ratio", "gradient_imbalance", "gradient_ratio_variation"),
        "Norm of the gradient of each layer's weights, and how the first compares with the last.",
        "Glorot and Bengio 2010, Sec. 4.2; Yang et al. 2019, arXiv:1902.08129",
        cost=ProbeCost(forward=False, backward=True),
    ),
    ProbeSpec(
        "gradient_noise",
        "gradient noise",
        "suite.probes.gradient_noise",
        ("gradient_noise", "gradient_noise_share"),
        "How much the gradient changes from minibatch to minibatch, over its size.",
        "McCandlish et al. 2018, arXiv:1812.06162, App. A.1",
        cost=ProbeCost(forward=False, backward=True),
    ),
    ProbeSpec(
        "landscape",
        "loss landscape",
        "suite.probes.landscape",
        (
            "landscape_loss",
            "landscape_loss_range",
            "gradient_predictiveness",
            "effective_smoothness",
        ),
        "Loss and gradient at several distances along the gradient.",
        "Santurkar et al. 2018, arXiv:1805.11604, Sec. 3",
        cost=ProbeCost(forward=False, passes=5),
    ),
    ProbeSpec(
        "gradient_shift",
        "shift of gradients",
        "suite.probes.gradient_shift",
        ("gradient_shift", "gradient_shift_cosine"),
        "How a layer's gradient changes when the layers before it are updated.",
        "Santurkar et al. 2018, arXiv:1805.11604, Def. 2.1",
        cost=ProbeCost(forward=False, passes=4),
    ),
    ProbeSpec(
        "input_drift",
        "drift of layer inputs",
        "suite.probes.input_drift",
        ("input_drift", "input_drift_mean", "input_drift_std"),
        "How far mean and standard deviation of each layer's inputs move during training.",
        "Ioffe and Szegedy 2015, arXiv:1502.03167, Sec. 2",
    ),
    ProbeSpec(
        "dead_relu",
        "dead ReLUs",
        "suite.probes.dead_relu",
        ("dead_relu",),
        "Share of ReLU units that are zero for every image.",
        "Lu et al. 2019, arXiv:1903.06733",
    ),
    ProbeSpec(
        "affine",
        "γ and β",
        "suite.probes.affine",
        ("gamma_mean", "gamma_std", "beta_mean", "beta_std"),
        "Mean and spread over features of the learned scale and shift of each norm layer.",
        "Ioffe and Szegedy 2015, arXiv:1502.03167, Sec. 3",
    ),
    ProbeSpec(
        "running_statistics",
        "running statistics",
        "suite.probes.running_statistics",
        ("running_mean_gap", "running_variance_gap"),
        "How far the running statistics are from those of the minibatches that they stand for.",
        "Wu and Johnson 2021, arXiv:2105.07576, Sec. 3",
    ),
    ProbeSpec(
        "preactivation",
        "pre-activation moments",
        "suite.probes.preactivation",
        (
            "normalized_mean_error",
            "normalized_variance_error",
            "preactivation_mean",
            "preactivation_std",
        ),
        "Mean and variance over the batch of each feature, before and after γ and β.",
        "Ioffe and Szegedy 2015, arXiv:1502.03167, Algorithm 1",
    ),
    ProbeSpec(
        "histogram",
        "pre-activation histograms",
        "suite.probes.histogram",
        ("preactivation_histogram",),
        "Distribution of what goes into the first, middle and last hidden layer's ReLU.",
        "Ioffe and Szegedy 2015, arXiv:1502.03167, Fig. 1",
    ),
    ProbeSpec(
        "train_loss",
        "loss on training images",
        "suite.probes.train_loss",
        ("train_loss", "train_accuracy"),
        "Loss and accuracy on training images in eval mode, at every evaluation.",
        "Keskar et al. 2017, arXiv:1609.04836, Sec. 2",
        cost=ProbeCost(forward=False, everywhere=True),
    ),
    ProbeSpec(
        "train_eval",
        "train and eval mode",
        "suite.probes.train_eval",
        (
            "validation_accuracy_train_mode",
            "running_statistics_lag",
            "test_accuracy_train_mode",
            "test_accuracy_eval_mode",
            "prediction_flips",
            "test_accuracy_population",
        ),
        "What a network with batch statistics answers in train mode and in eval mode.",
        "Wu and Johnson 2021, arXiv:2105.07576, Sec. 3 and 4",
        cost=ProbeCost(forward=False, validation_passes=2, test_passes=11),
        modules=("suite.probes.batch_mates", "suite.probes.population"),
    ),
)

PROBES: Final[dict[str, ProbeSpec]] = {spec.name: spec for spec in _ALL}


def open_session(
    trials: Sequence[Trial],
    model: nn.Module,
    data: Dataset,
    *,
    train: Tensor,
    validation: Tensor,
    schedule: Sequence[int],
) -> ProbeSession:
    """Start the probes that the trials' protocol names.

    Parameters
    ----------
    trials
        The S members of a stack.
    model, data
        The stacked model, and the images on its device.
    train, validation
        (S, n) and (S, m) indices of each member's images.
    schedule
        Steps after which the suite evaluates, from 0 to the length of training.
    """
    network = importlib.import_module("suite.probes.network").Network
    session = importlib.import_module("suite.probes.session").ProbeSession
    made: ProbeSession = session(
        trials[0].protocol.probes, network(model, data, train, validation, trials), schedule
    )
    return made


def probe_spec(name: str) -> ProbeSpec:
    """Look a probe up by name.

    Raises
    ------
    UnknownNameError
        No probe has that name.
    """
    if name not in PROBES:
        raise UnknownNameError("probe", name, PROBES)
    return PROBES[name]
