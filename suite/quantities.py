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
    Quantity("train_loss", "nats", "lower", "both", "Cross-entropy on training images, eval mode."),
    Quantity("train_accuracy", "fraction", "higher", "both", "Accuracy on training images."),
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
