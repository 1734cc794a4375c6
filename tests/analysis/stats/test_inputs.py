"""What a sample may look like."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.stats.best import probability_best
from analysis.stats.equivalence import equivalence
from analysis.stats.inputs import is_constant, paired_samples, sample
from analysis.stats.multiplicity import holm
from analysis.stats.paired import log_ratios, paired
from analysis.stats.permutation import sign_flip_p
from analysis.stats.survival import kaplan_meier, paired_log_rank, restricted_times
from analysis.stats.trend import interaction, page_trend, slopes
from analysis.stats.wilcoxon import wilcoxon_p

NAN = float("nan")
SIX = [0.1, 0.2, NAN, 0.4, 0.5, 0.6]
GOOD = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


@pytest.mark.parametrize(
    "call",
    [
        lambda: paired(SIX),
        lambda: equivalence(SIX, 0.1),
        lambda: sign_flip_p(SIX),
        lambda: wilcoxon_p(SIX),
        lambda: holm(SIX),
        lambda: log_ratios(SIX, GOOD),
        lambda: log_ratios(GOOD, SIX),
        lambda: page_trend([GOOD, SIX]),
        lambda: slopes([GOOD, SIX], range(6)),
        lambda: slopes([GOOD, GOOD], SIX),
        lambda: interaction(GOOD, GOOD, GOOD, SIX),
        lambda: restricted_times(SIX, 10),
        lambda: kaplan_meier(SIX, 10),
        lambda: paired_log_rank(GOOD, SIX, 10),
        lambda: probability_best([GOOD, SIX]),
    ],
)
def test_nan_is_refused_everywhere(call):
    with pytest.raises(ValueError, match=r"NaN|0…1|inf where"):
        call()


def test_the_error_names_the_sample_and_the_place():
    with pytest.raises(ValueError, match=r"steps: NaN or infinite at \[1\]"):
        sample([1.0, np.inf], "steps")


def test_a_table_is_no_sample():
    with pytest.raises(ValueError, match="one number per seed"):
        paired(np.ones((6, 2)))


def test_arms_of_different_lengths_are_not_paired():
    with pytest.raises(ValueError, match="not paired"):
        paired_samples([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("values", "constant"),
    [
        ([], True),
        ([3.0], True),
        ([0.0, 0.0], True),
        (np.array([0.9, 0.3]) - np.array([0.8, 0.2]), True),  # .1 but for rounding
        ([1e-12, 2e-12], False),  # small is not constant
        ([0.0, 0.0, 1e-300], False),
    ],
)
def test_constant_means_equal_up_to_rounding(values, constant):
    assert is_constant(np.asarray(values, dtype=float)) is constant
