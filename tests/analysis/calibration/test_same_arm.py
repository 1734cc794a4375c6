"""One arm against itself on runs with a known truth."""

from __future__ import annotations

import pytest

from analysis.calibration.same_arm import same_arm_verdicts, split_seeds
from analysis.claims import load_registry
from analysis.samples import load_samples
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
