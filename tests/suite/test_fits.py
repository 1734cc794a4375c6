from __future__ import annotations

import pytest

from suite.errors import ModelError, UnknownNameError, UsageError
from suite.fits import check_norm_fits, undefined_reason
from suite.norms import parse_norm


@pytest.mark.parametrize(
    ("model", "norm", "batch_size", "says"),
    [
        ("mlp", "group:3", 64, "3 groups don't divide its 128 channels"),
        ("cnn", "group:32", 64, "32 groups don't divide its 16 channels"),
        ("mlp", "group:64", 64, "one channel a group"),
        ("mlp", "ghost:16", 8, "virtual batch of 16 is larger than batch_size 8"),
    ],
)
def test_a_norm_that_does_not_fit_is_named(model, norm, batch_size, says):
    with pytest.raises(ModelError, match=says):
        check_norm_fits(model, norm, batch_size)


@pytest.mark.parametrize(
    ("model", "norm", "batch_size"),
    [
        ("mlp", "group:32", 1),
        ("cnn", "group:16", 1),
        ("mlp", "ghost:16", 16),
        ("mlp", "batch", 1),
        ("mlp", "none", 1),
    ],
)
def test_a_norm_that_fits_passes(model, norm, batch_size):
    check_norm_fits(model, norm, batch_size)


@pytest.mark.parametrize("text", ["batch:3", "ghost:", "ghost:0", "ghost:-1", "ghost:x", "ghost:²"])
def test_a_norm_written_wrongly_is_refused(text):
    with pytest.raises(UsageError, match="norm"):
        parse_norm(text)


def test_an_unknown_norm_names_its_neighbours():
    with pytest.raises(UnknownNameError, match="did you mean batch"):
        parse_norm("bacth")


def test_a_default_argument_is_written_out():
    assert str(parse_norm("ghost")) == "ghost:16"
    assert str(parse_norm("batch")) == "batch"
    assert parse_norm("ghost:16") == parse_norm("ghost")


@pytest.mark.parametrize(
    ("norm", "batch_size", "images", "steps", "undefined"),
    [
        ("batch", 1, 100, 5, True),
        ("batch_no_affine", 1, 100, 5, True),
        ("ghost:1", 8, 100, 5, True),
        ("batch", 8, 1, 5, True),
        ("batch", 8, 9, 2, True),
        ("batch", 8, 9, 1, False),
        ("batch", 8, 10, 2, False),
        ("none", 1, 1, 5, False),
        ("layer", 1, 100, 5, False),
        ("group", 1, 100, 5, False),
        ("affine_only", 1, 100, 5, False),
    ],
)
def test_batches_of_one_are_undefined_for_norms_over_the_batch(
    norm, batch_size, images, steps, undefined
):
    assert bool(undefined_reason(norm, batch_size, images, steps)) == undefined
