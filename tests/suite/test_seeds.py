import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite.seeds import STREAMS, generator, stream_seed


def test_streams_keep_their_values():
    """Golden values: a change here changes every trial, and must be meant."""
    drawn = torch.randperm(8, generator=generator(0, "order", 0))
    assert drawn.tolist() == [0, 3, 2, 4, 7, 6, 5, 1]
    assert stream_seed(7, "weights", "layers.0.weight") == 187_956_404


def test_seed_is_the_documented_hash():
    digest = hashlib.sha256(b"3/noise/device check/2").hexdigest()
    assert stream_seed(3, "noise", "device check", 2) == int(digest[:8], 16)


def test_same_name_gives_same_numbers_and_a_fresh_start():
    first, second = generator(5, "split"), generator(5, "split")
    assert torch.equal(torch.randn(9, generator=first), torch.randn(9, generator=second))
    assert not torch.equal(
        torch.randn(9, generator=first), torch.randn(9, generator=generator(5, "split"))
    )


def test_drawing_from_one_stream_does_not_shift_another_nor_the_global_one():
    torch.manual_seed(1)
    expected_global = torch.rand(3)
    expected = torch.rand(3, generator=generator(1, "order", 0))
    torch.manual_seed(1)
    order = generator(1, "order", 0)
    torch.rand(1000, generator=generator(1, "weights"))
    assert torch.equal(torch.rand(3, generator=order), expected)
    assert torch.equal(torch.rand(3), expected_global)


def test_first_2000_seeds_share_no_stream():
    """The hash is cut to the 32 bits that torch's generator takes; no two in use may meet."""
    names = [
        (seed, stream, *part)
        for seed in range(2000)
        for stream, part in (("weights", ()), ("split", ()), ("order", (0,)))
    ]
    assert len({stream_seed(*name) for name in names}) == len(names)


def test_streams_are_uncorrelated():
    """Mean of 120 pairwise correlations of 4,000 numbers: standard error 0.0014 if independent."""
    draws = torch.stack(
        [
            torch.randn(4000, generator=generator(seed, stream))
            for seed in range(4)
            for stream in STREAMS
        ]
    )
    correlations = torch.corrcoef(draws)[*torch.triu_indices(16, 16, 1)]
    assert correlations.abs().max() < 0.07  # 4.4 standard deviations
    assert correlations.mean().abs() < 0.006
    assert correlations.std() == pytest.approx(4000**-0.5, rel=0.25)


@given(
    st.tuples(
        st.integers(0, 10**9), st.sampled_from(STREAMS), st.lists(st.integers(0, 99), max_size=3)
    ),
    st.tuples(
        st.integers(0, 10**9), st.sampled_from(STREAMS), st.lists(st.integers(0, 99), max_size=3)
    ),
)
def test_other_names_give_other_seeds(one, other):
    (seed, stream, parts), (seed2, stream2, parts2) = one, other
    same = one == other
    assert (stream_seed(seed, stream, *parts) == stream_seed(seed2, stream2, *parts2)) == same


def test_unknown_stream_and_ambiguous_part_are_refused():
    with pytest.raises(ValueError, match="unknown random stream 'wieghts'; known: weights, order"):
        generator(0, "wieghts")
    with pytest.raises(ValueError, match="slash"):
        generator(0, "weights", "a/b")
