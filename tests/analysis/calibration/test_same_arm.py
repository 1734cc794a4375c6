"""One arm against itself on runs with a known truth."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.calibration.same_arm import same_arm_study, same_arm_verdicts, split_seeds
from analysis.claims import load_registry
from analysis.samples import Samples, load_samples
from tests.synthetic import Truth, write_store

DESIGN = {"batch_sizes": (16, 64), "learning_rates": (1e-3, 1e-2), "curves": False}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Arms that differ by far; halves of one arm that don't."""
    path = tmp_path_factory.mktemp("same") / "store.sqlite"
    return load_samples(write_store(path, Truth(steps=1.0, accuracy=0.02), seeds=13, **DESIGN))


@pytest.mark.parametrize("arm", ["batch", "none"])
def test_an_arm_does_not_differ_from_itself(samples, arm):
    verdicts = same_arm_verdicts(samples, load_registry(), arm)
    assert {"A1", "A2", "A7"} <= {v.claim.id for v in verdicts}
    assert {v.word for v in verdicts} <= {"inconclusive", "no practical difference"}
    assert all(v.primary.n == 6 for v in verdicts)


def test_halves_that_do_differ_are_seen(samples):
    """Were the later seeds another experiment, the comparison would say so."""
    trials = samples.trials.copy()
    trials.loc[trials["seed"] < 6, "test_accuracy"] += 0.03
    shifted = type(samples)(trials, samples.studies, samples.runs, samples.stores)
    words = {v.claim.id: v.word for v in same_arm_verdicts(shifted, load_registry(), "batch")}
    assert words["A2"] == "supported"


def test_halves_hold_each_trial_once_and_only_that_arm(samples):
    halves = split_seeds(samples, "batch", "batch", "none").trials
    originals = samples.trials.set_index(["study", "key"])["norm"]
    assert not halves.duplicated(["study", "key"]).any()
    assert {originals[row] for row in zip(halves["study"], halves["key"], strict=True)} == {"batch"}
    assert set(halves["seed"]) == set(range(6))
    assert (halves["norm"] == "batch").sum() == (halves["norm"] == "none").sum()


def test_eleven_seeds_are_too_few(tmp_path):
    few = load_samples(write_store(tmp_path / "store.sqlite", seeds=11, **DESIGN))
    assert same_arm_verdicts(few, load_registry(), "batch") == []


def with_study_aa(samples: Samples, **other: object) -> Samples:
    """Batch norm again at the main condition, under the name aa and with the seeds from 20 on."""
    trials = samples.trials
    main = trials[
        (trials["study"] == "grid")
        & (trials["norm"] == "batch")
        & (trials["batch_size"] == 64)
        & (trials["learning_rate"] == 1e-3)
    ]
    # Seeds 1 to 6 of the study are those of aa; the study keeps 7 to 12.
    again = main[main["seed"].between(1, 6)].assign(study="aa", **other)
    again["seed"] += 20
    kept = trials[~trials["seed"].between(1, 6)]
    return type(samples)(
        pd.concat([kept, again], ignore_index=True), samples.studies, samples.runs, samples.stores
    )


def test_the_study_aa_serves_the_claims_of_its_condition(samples):
    verdicts = same_arm_study(with_study_aa(samples), load_registry())
    assert {v.claim.id for v in verdicts} == {"A1", "A2"}
    assert {v.word for v in verdicts} <= {"inconclusive", "no practical difference"}
    assert all(v.primary.n == 6 for v in verdicts)
    arms = verdicts[1].primary.contrast.arms
    assert not set(arms["batch"]) & set(arms["none"])  # other runs, not the same again


def test_a_study_aa_that_differs_is_seen(samples):
    seen = same_arm_study(with_study_aa(samples, test_accuracy=0.9), load_registry())
    assert {v.claim.id: v.word for v in seen}["A2"] == "supported"


def test_the_study_aa_is_not_compared_with_another_protocol(samples):
    assert same_arm_study(with_study_aa(samples, protocol="another"), load_registry()) == []


def test_without_the_study_there_is_nothing(samples):
    assert same_arm_study(samples, load_registry()) == []
