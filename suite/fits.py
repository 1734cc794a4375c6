"""Which conditions make sense, known before anything runs and without torch."""

from __future__ import annotations

from suite.errors import ModelError
from suite.models import model_spec
from suite.norms import parse_norm


def check_norm_fits(model: str, norm: str, batch_size: int) -> None:
    """Refuse a norm that this model or batch size can't take.

    Raises
    ------
    ModelError
        The group count does not divide a layer's channels or leaves one value a group, or a virtual
        batch is larger than the batch.
    UnknownNameError, UsageError
        The model or norm does not exist or is written wrongly.
    """
    spec, choice = model_spec(model), parse_norm(norm)
    if choice.argument is None:
        return
    if choice.spec.argument == "groups":
        for features in spec.norm_features:
            if features % choice.argument:
                raise ModelError(
                    f"norm {norm!r} does not fit model {model!r}: {choice.argument} groups don't "
                    f"divide its {features} channels evenly"
                )
            if features == choice.argument and not spec.norms_see_pixels:
                raise ModelError(
                    f"norm {norm!r} does not fit model {model!r}: one channel a group of its "
                    f"{features}, and one value has no variance"
                )
    elif choice.argument > batch_size:
        raise ModelError(
            f"norm {norm!r}: a virtual batch of {choice.argument} is larger than batch_size "
            f"{batch_size}"
        )


def undefined_reason(norm: str, batch_size: int, train_images: int, steps: int) -> str:
    """Say why a trial has no meaning: a norm over the batch meets a batch of one image.

    One image has no variance over the batch. (In a convolution it has one over the pixels, but
    that is instance normalization, which is another norm.)

    Parameters
    ----------
    norm
        As grids write it.
    batch_size
        Images in a whole batch; the last batch of an epoch holds the rest.
    train_images
        Images in an epoch.
    steps
        Updates of the whole training; a last batch that is never reached does not count.

    Returns
    -------
    str
        Empty where the trial is defined.
    """
    choice = parse_norm(norm)
    if not choice.spec.batch_statistics:
        return ""
    if min(batch_size, train_images, choice.argument or batch_size) == 1:
        return f"{choice.spec.title} over a batch of one image: one value has no variance"
    if train_images % batch_size == 1 and steps >= -(-train_images // batch_size):
        return (
            f"{choice.spec.title}: the last batch of an epoch ({train_images} images in batches "
            f"of {batch_size}) holds one image, and one value has no variance"
        )
    return ""
