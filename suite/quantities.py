"""Every stored quantity once: its name, unit, which way is better, and what it means.

A result may only hold quantities that are registered here; the store refuses others. A new
quantity is one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from suite.errors import UnknownNameError

Better = Literal["higher", "lower", "neither"]
Kind = Literal["outcome", "curve", "both"]


@dataclass(frozen=True)
class Quantity:
    """A measured quantity.

    Parameters
    ----------
    name
        Key in the store and in frames.
    unit
        Unit of the stored number; ``1`` for a pure number, ``fraction`` for 0…1.
    better
        Which way is better for the user, if either.
    kind
        Whether it is one number per trial, a curve over steps, or both.
    meaning
        One sentence for tables and tooltips.
    facet
        What the facet says where there is one, else empty.
    """

    name: str
    unit: str
    better: Better
    kind: Kind
    meaning: str
    facet: str = ""


# Facets of one number a trial from what a probe measures along training.
_SUMMARY: Final = "initial, final, or mean over the points after the first"

_ALL: Final = (
    # convergence
    Quantity("steps", "steps", "neither", "outcome", "Optimizer updates done."),
    Quantity("samples", "images", "neither", "outcome", "Training images seen, with repeats."),
    Quantity(
        "steps_to_target",
        "steps",
        "lower",
        "outcome",
        "Optimizer updates until validation accuracy first reaches the target, interpolated "
        "linearly between the two evaluations that bracket it; inf where it never did.",
        "target accuracy",
    ),
    Quantity(
        "samples_to_target",
        "images",
        "lower",
        "outcome",
        "Training images seen until the target; inf where never reached.",
        "target accuracy",
    ),
    Quantity(
        "seconds_to_target",
        "s",
        "lower",
        "outcome",
        "Training seconds of the stack over its size until the target; inf where never reached. "
        "Descriptive only: cost is measured apart.",
        "target accuracy",
    ),
    # along the schedule and at the end
    Quantity("trace_loss", "nats", "lower", "curve", "Mean minibatch loss over a window of steps."),
    Quantity("validation_loss", "nats", "lower", "both", "Cross-entropy on validation, eval mode."),
    Quantity(
        "validation_accuracy", "fraction", "higher", "both", "Accuracy on validation, eval mode."
    ),
    Quantity(
        "validation_accuracy_train_mode",
        "fraction",
        "higher",
        "both",
        "Accuracy on validation with statistics of the batch (train mode).",
    ),
    Quantity(
        "train_loss",
        "nats",
        "lower",
        "both",
        "Cross-entropy on training images, at most 10,000, eval mode.",
        f"none at the end; else of the probe along training: {_SUMMARY}",
    ),
    Quantity(
        "train_accuracy",
        "fraction",
        "higher",
        "both",
        "Accuracy on training images, at most 10,000, eval mode.",
        f"none at the end; else of the probe along training: {_SUMMARY}",
    ),
    Quantity(
        "test_loss", "nats", "lower", "outcome", "Cross-entropy on test, read once at the end."
    ),
    Quantity("test_accuracy", "fraction", "higher", "outcome", "Accuracy on test, read once."),
    Quantity(
        "loss_roughness",
        "nats",
        "lower",
        "outcome",
        "Root mean square of the difference of successive minibatch losses over the second half "
        "of training.",
    ),
    # train and eval mode (limitation 2)
    Quantity(
        "test_accuracy_train_mode",
        "fraction",
        "higher",
        "outcome",
        "Test accuracy with statistics of the test batch.",
        "test-batch size, or 'sorted' for batches of one class",
    ),
    Quantity(
        "test_accuracy_eval_mode",
        "fraction",
        "higher",
        "outcome",
        "Test accuracy with stored statistics, on the images of test_accuracy_train_mode.",
        "test-batch size, or 'sorted' for batches of one class",
    ),
    Quantity(
        "prediction_flips",
        "fraction",
        "lower",
        "outcome",
        "Share of test images whose prediction in train mode changes with their batch mates.",
        "test-batch size",
    ),
    Quantity(
        "test_accuracy_population",
        "fraction",
        "higher",
        "outcome",
        "Test accuracy with population statistics recomputed after training.",
    ),
    Quantity(
        "running_statistics_lag",
        "fraction",
        "lower",
        "both",
        "Validation accuracy with statistics of the batch, less that with running statistics.",
        _SUMMARY,
    ),
    # mechanism probes
    Quantity(
        "gradient_norm",
        "1",
        "neither",
        "curve",
        "Norm of the minibatch gradient of a layer's weights, mean over the probe's minibatches.",
        "layer",
    ),
    Quantity(
        "gradient_ratio",
        "1",
        "neither",
        "both",
        "Gradient norm of the first layer's weights over that of the last layer's.",
        _SUMMARY,
    ),
    Quantity(
        "gradient_imbalance",
        "decades",
        "lower",
        "both",
        "Distance of the ratio of first to last layer's gradient norm from 1, in factors of ten.",
        _SUMMARY,
    ),
    Quantity(
        "gradient_ratio_variation",
        "decades",
        "lower",
        "both",
        "Standard deviation over the probe's minibatches of the logarithm to base 10 of the ratio "
        "of first to last layer's gradient norm.",
        _SUMMARY,
    ),
    Quantity(
        "gradient_noise",
        "1",
        "lower",
        "both",
        "Variance of the minibatch gradient over the squared norm of its mean; left out where the "
        "mean can't be told from zero.",
        _SUMMARY,
    ),
    Quantity(
        "gradient_noise_share",
        "fraction",
        "lower",
        "both",
        "Variance of the minibatch gradient over its mean square: 0 without noise, 1 without "
        "signal.",
        _SUMMARY,
    ),
    Quantity(
        "landscape_loss",
        "nats",
        "lower",
        "curve",
        "Minibatch loss after a step of that size along the negative gradient.",
        "step size",
    ),
    Quantity(
        "landscape_loss_range",
        "nats",
        "lower",
        "both",
        "Largest less smallest minibatch loss along the negative gradient.",
        _SUMMARY,
    ),
    Quantity(
        "gradient_predictiveness",
        "1",
        "lower",
        "both",
        "Largest norm of the change of the gradient along its own direction; the smaller, the "
        "better the gradient predicts what follows.",
        _SUMMARY,
    ),
    Quantity(
        "effective_smoothness",
        "1",
        "lower",
        "both",
        "Largest norm of the change of the gradient over the distance moved along it (β).",
        _SUMMARY,
    ),
    Quantity(
        "gradient_shift",
        "1",
        "lower",
        "both",
        "Norm of the change of a layer's gradient when the layers before it are updated, over the "
        "norm of the gradient.",
        f"layer; {_SUMMARY}",
    ),
    Quantity(
        "gradient_shift_cosine",
        "1",
        "higher",
        "both",
        "Cosine between a layer's gradient before and after the layers before it are updated.",
        f"layer; {_SUMMARY}",
    ),
    Quantity(
        "input_drift",
        "1",
        "lower",
        "both",
        "How far mean and standard deviation of a layer's inputs moved since the point before, "
        "root mean square over features, in standard deviations of the layer's inputs.",
        f"layer, or empty for the mean over layers; {_SUMMARY}",
    ),
    Quantity(
        "input_drift_mean",
        "1",
        "lower",
        "both",
        "The part of the drift that is in the means.",
        f"layer, or empty for the mean over layers; {_SUMMARY}",
    ),
    Quantity(
        "input_drift_std",
        "1",
        "lower",
        "both",
        "The part of the drift that is in the standard deviations.",
        f"layer, or empty for the mean over layers; {_SUMMARY}",
    ),
    Quantity(
        "dead_relu",
        "fraction",
        "lower",
        "both",
        "Share of ReLU units that are zero for every image of the probe's minibatches.",
        f"layer, or empty for all layers; {_SUMMARY}",
    ),
    Quantity("gamma_mean", "1", "neither", "curve", "Mean of γ over features.", "norm layer"),
    Quantity(
        "gamma_std", "1", "neither", "curve", "Standard deviation of γ over features.", "norm layer"
    ),
    Quantity("beta_mean", "1", "neither", "curve", "Mean of β over features.", "norm layer"),
    Quantity(
        "beta_std", "1", "neither", "curve", "Standard deviation of β over features.", "norm layer"
    ),
    Quantity(
        "running_mean_gap",
        "1",
        "lower",
        "both",
        "Distance of the running mean from the minibatches' own, in standard deviations, root mean "
        "square over features.",
        f"norm layer, or empty for the mean over layers; {_SUMMARY}",
    ),
    Quantity(
        "running_variance_gap",
        "1",
        "lower",
        "both",
        "Absolute natural logarithm of running variance over the minibatches' own, mean over "
        "features.",
        f"norm layer, or empty for the mean over layers; {_SUMMARY}",
    ),
    Quantity(
        "normalized_mean_error",
        "1",
        "lower",
        "both",
        "Largest distance from 0 of a feature's mean over the batch, after normalizing and before "
        "γ and β.",
        f"norm layer, or empty for the largest of all layers; {_SUMMARY}",
    ),
    Quantity(
        "normalized_variance_error",
        "1",
        "lower",
        "both",
        "Largest distance from 1 of a feature's variance over the batch, after normalizing and "
        "before γ and β.",
        f"norm layer, or empty for the largest of all layers; {_SUMMARY}",
    ),
    Quantity(
        "preactivation_mean",
        "1",
        "neither",
        "curve",
        "Mean over the batch of what goes into the activation, mean over features.",
        "norm layer",
    ),
    Quantity(
        "preactivation_std",
        "1",
        "neither",
        "curve",
        "Standard deviation over the batch of what goes into the activation, mean over features.",
        "norm layer",
    ),
    Quantity(
        "preactivation_histogram",
        "fraction",
        "neither",
        "curve",
        "Share of what goes into the activation that falls into a bin.",
        "norm layer, space, lower edge of the bin",
    ),
    # cost, measured apart from training
    Quantity(
        "pass_seconds",
        "s",
        "lower",
        "outcome",
        "Time of one pass over one batch: median over the samples of one process.",
        "activity",
    ),
    Quantity(
        "images_per_second",
        "1/s",
        "higher",
        "outcome",
        "Batch size over the time of one pass.",
        "activity",
    ),
    Quantity(
        "flops",
        "FLOP",
        "lower",
        "outcome",
        "Floating-point operations of one pass in matrix products and convolutions, as PyTorch's "
        "counter counts them; norms and activations are not in it.",
        "activity",
    ),
    Quantity(
        "bytes_moved",
        "B",
        "lower",
        "outcome",
        "Bytes that the operators of one pass read and write: every tensor that goes into or comes "
        "out of an operator, once per operator, views left out; the traffic without any cache.",
        "activity",
    ),
    Quantity(
        "matmul_peak",
        "FLOP/s",
        "higher",
        "outcome",
        "Fastest square float32 matrix product that this process measured on this device.",
    ),
    Quantity(
        "matmul_peak_share",
        "fraction",
        "higher",
        "outcome",
        "Matrix-product and convolution operations per second over the matrix-product peak.",
        "activity",
    ),
    Quantity(
        "memory_bytes",
        "B",
        "lower",
        "outcome",
        "Bytes that one training step keeps, exact, each storage once.",
        "kind of memory",
    ),
    Quantity(
        "training_bytes", "B", "lower", "outcome", "All kinds of memory_bytes together, exact."
    ),
    Quantity(
        "peak_memory_bytes",
        "B",
        "lower",
        "outcome",
        "Peak while training a few steps in a fresh process: what CUDA's allocator gave out, or on "
        "a CPU the process's resident set over what it was before the network was built.",
        "how it was read",
    ),
    Quantity(
        "energy_joules",
        "J",
        "lower",
        "outcome",
        "Energy of one pass from the device's own counter, idle power included.",
        "activity",
    ),
    Quantity(
        "folding_error",
        "1",
        "lower",
        "outcome",
        "Largest difference between the outputs with batch norm folded and not folded, over the "
        "largest output.",
    ),
    Quantity(
        "other_load",
        "cores",
        "lower",
        "outcome",
        "Cores that other processes kept busy while times were measured, on average.",
    ),
)

QUANTITIES: Final[dict[str, Quantity]] = {q.name: q for q in _ALL}


def quantity(name: str) -> Quantity:
    """Look a quantity up by name.

    Raises
    ------
    UnknownNameError
        No quantity has that name.
    """
    try:
        return QUANTITIES[name]
    except KeyError:
        raise UnknownNameError("quantity", name, QUANTITIES) from None
