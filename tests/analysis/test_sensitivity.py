"""A verdict that hangs on one seed, one test or one target says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.claims import load_registry
from analysis.contrasts import Contrast
from analysis.decision import judged
from analysis.samples import load_samples
from analysis.sensitivity import _each_seed_left_out, _one_line_a_word
from analysis.verdicts import judge_samples
from tests.synthetic import Truth, write_store

if TYPE_CHECKING:
    from pathlib import Path

    from suite.records import Trial
    from tests.synthetic import Fate

REGISTRY = load_registry()
SMALL = {"batch_sizes": (64,), "learning_rates": (1e-3,), "notebook": False, "curves": False}


def only(claim: str) -> object:
    return REGISTRY.model_copy(update={"claims": (REGISTRY[claim],)})


def contrast(x: np.ndarray, claim: str = "A2") -> Contrast:
    return Contrast(
        comparison=REGISTRY[claim].primary,
        label="here",
        role="primary",
        seeds=tuple(range(10, 10 + len(x))),
        differences=x,
        planned=len(x),
    )


@pytest.mark.parametrize("claim", ["A2", "N1"])
@pytest.mark.parametrize("kind", ["normal", "constant", "constant but one"])
def test_leaving_seeds_out_at_once_equals_one_at_a_time(claim: str, kind: str) -> None:
    x = np.random.default_rng(3).normal(0.003, 0.004, size=9)
    if kind != "normal":
        x[:] = 0.003
    if kind == "constant but one":
        x[4] = 0.004
    whole = judged(contrast(x, claim))
    found = dict(_each_seed_left_out([[whole]]))
    assert sorted(found) == list(range(10, 19))
    for position, seed in enumerate(range(10, 19)):
        slow = judged(contrast(np.delete(x, position), claim)).figures
        fast = found[seed][0][0].figures
        for name in ("n", "estimate", "low", "high", "p", "p_equivalence", "margin"):
            assert getattr(fast, name) == pytest.approx(
                getattr(slow, name), rel=1e-8, abs=1e-12, nan_ok=True
            ), name


def test_with_six_seeds_none_can_be_left_out() -> None:
    whole = judged(contrast(np.arange(6.0)))
    assert all(rows[0][0] is whole for _, rows in _each_seed_left_out([[whole]]))


def test_seeds_that_flip_are_named() -> None:
    lines = _one_line_a_word({0: "supported", 1: "inconclusive", 4: "inconclusive"}, "supported")
    assert [(s.what, s.word, s.flips) for s in lines] == [
        ("without any one of the seeds 1, 4", "inconclusive", True)
    ]
    (line,) = _one_line_a_word({0: "supported", 1: "supported"}, "supported")
    assert not line.flips
    assert "2 seeds" in line.what
    (line,) = _one_line_a_word({0: "supported", 7: "depends"}, "supported")
    assert line.what == "without seed 7"


def test_a_verdict_that_hangs_on_one_seed(tmp_path: Path) -> None:
    def fate(trial: Trial) -> Fate:  # one failure makes the spread, and so hides the effect
        return "diverged" if trial.seed == 3 and trial.condition.norm == "none" else "ok"

    write_store(tmp_path, Truth(fate=fate, noise=0.02), seeds=10, **SMALL)
    (found,) = judge_samples(load_samples(tmp_path), only("A2"))  # type: ignore[arg-type]
    assert found.word == "inconclusive"
    flips = {s.what: s.word for s in found.flips}
    assert flips["without seed 3"] == "supported"
    assert flips["with the sign-flip permutation test"] == "supported"


def test_a_verdict_that_hangs_on_the_target(tmp_path: Path) -> None:
    # Without BN .97 is reached in 0.4 of the budget; with it, four times slower, never.
    write_store(tmp_path, Truth(steps=0.0, noise=0.02), seeds=10, **SMALL)
    samples = load_samples(tmp_path)
    trials = samples.trials
    slow = trials["norm"] == "batch"
    trials.loc[slow, "steps_to_target@0.97"] *= 4
    (found,) = judge_samples(samples, only("A1"))  # type: ignore[arg-type]
    assert found.word == "no practical difference"
    by_what = {s.what: s for s in found.sensitivity}
    assert by_what["at the last target"].word == "contradicted"
    assert by_what["at the last target"].flips
    assert not by_what["at the first target"].flips
    assert "at the middle target" not in by_what
