"""Two results against each other, from stores with a known truth to the exit code."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from analysis.claims import load_registry
from analysis.compare import EXIT_REGRESSION, main
from analysis.samples import load_samples
from analysis.stats.multiplicity import holm
from analysis.versus.judging import compare
from suite.errors import EXIT_DONE, EXIT_USAGE, IncomparableError, UnknownNameError, UsageError
from tests.synthetic import Truth, write_store
from tests.synthetic_costs import write_costs

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.versus.records import Compared
    from suite.records import Trial
    from tests.synthetic import Fate

SMALL: dict[str, Any] = {
    "batch_sizes": (64,),
    "learning_rates": (1e-3,),
    "curves": False,
    "notebook": False,
}
REGISTRY = load_registry()


def store(folder: Path, name: str, truth: Truth | None = None, **changes: Any) -> Path:
    write_store(folder / name / "store.sqlite", truth or Truth(), **{**SMALL, **changes})
    return folder / name


def both(folder: Path, b: Truth | None = None, **changes: Any) -> tuple[Path, Path]:
    """A, and B with another entropy, so that its noise differs."""
    return store(folder, "a"), store(folder, "b", b, **{"entropy": 1, **changes})


def shifted(folder: Path, by: float, **changes: Any) -> tuple[Path, Path]:
    """B is A, number by number, but for the test accuracy of the batch arm.

    The level of a seed varies by as much as it is shifted: the pair takes that away.
    """
    truth = Truth(accuracy=-0.01 + by, noise=0.02, seed_noise=1.0)
    a = store(folder, "a", dataclasses.replace(truth, accuracy=-0.01), **changes)
    return a, store(folder, "b", truth, **changes)


def compared(paths: tuple[Path, Path], **settings: Any) -> Compared:
    a, b = map(load_samples, paths)
    return compare(a, b, REGISTRY, **settings)


def words(found: Compared, quantity: str) -> dict[str, str]:
    return {c.condition: c.word for c in found.changes if c.quantity == quantity}


def test_a_result_is_identical_to_itself(tmp_path):
    a = store(tmp_path, "a")
    found = compared((a, a))
    assert {c.word for c in found.changes} == {"identical"}
    assert {c.p for c in found.changes} == {1.0}
    assert found.only == {"A": 0, "B": 0}
    assert main([str(a), str(a), "--fail-on", "regression"]) == EXIT_DONE


@pytest.mark.parametrize(("by", "word"), [(-0.01, "worse"), (0.01, "better")])
def test_a_change_is_found_in_its_direction_and_only_where_it_is(tmp_path, by, word):
    found = compared(shifted(tmp_path, by))
    assert words(found, "test_accuracy") == {"norm batch": word, "norm none": "identical"}
    (change,) = (
        c for c in found.changes if c.quantity == "test_accuracy" and c.condition == "norm batch"
    )
    assert change.b - change.a == pytest.approx(by)
    assert change.estimate == pytest.approx(-by)  # above 0 where B is worse
    assert ("less" if by < 0 else "more") in change.text


def test_figures_are_those_of_the_paired_t_test_and_of_holm(tmp_path):
    paths = both(tmp_path)
    found = compared(paths)
    frames = [load_samples(p).trials.sort_values(["norm", "seed"]) for p in paths]
    change = next(c for c in found.changes if c.quantity == "steps_to_target@0.95")
    a, b = (np.log(f.loc[f["norm"] == "batch", "steps_to_target@0.95"].to_numpy()) for f in frames)
    assert change.condition == "norm batch"
    test = stats.ttest_rel(b, a)
    interval = test.confidence_interval()
    assert change.p == pytest.approx(test.pvalue)
    assert (change.low, change.high) == pytest.approx((interval.low, interval.high))
    assert change.a == pytest.approx(math.exp(a.mean()))
    family = [c.p for c in found.changes]
    assert [c.p_adjusted for c in found.changes] == pytest.approx(holm(family).tolist())
    assert len(family) > 3


def test_pairs_are_seeds_whatever_their_order_and_the_rest_is_counted(tmp_path):
    """B's store holds the seeds in another order, and others that A does not have."""
    a = store(tmp_path, "a", seeds=10)
    b = store(tmp_path, "b", seeds=10, first_seed=2)
    found = compared((a, b))
    assert {c.word for c in found.changes} == {"identical"}  # the same seeds give the same numbers
    assert {c.contrast.seeds for c in found.changes} == {tuple(range(2, 10))}
    assert found.only == {"A": 4, "B": 4}


def test_steps_are_compared_as_ratios_and_censored_ones_count(tmp_path):
    def never(trial: Trial) -> str:
        return "diverged" if trial.condition.norm == "batch" else "ok"

    found = compared((store(tmp_path, "a"), store(tmp_path, "b", Truth(fate=never))))
    change = next(
        c
        for c in found.changes
        if c.quantity == "steps_to_target@0.95" and c.condition == "norm batch"
    )
    assert change.word == "worse"
    assert change.contrast.censored["B"] == 12
    assert words(found, "test_accuracy")["norm batch"] == "worse"  # that of guessing


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        ({"data_version": "data-2"}, "data", "other images for mnist"),
        ({"code_version": "code-2"}, "code", "another code version for mnist, mlp, batch"),
        ({"epochs": 4}, "protocol", "another protocol for grid"),
    ],
)
def test_what_is_not_comparable_is_refused_by_name_unless_allowed(tmp_path, change, name, said):
    paths = both(tmp_path, **change)
    with pytest.raises(IncomparableError, match=f"{name}: {said}.*--allow {name}") as refused:
        compared(paths)
    others = {"data", "code", "protocol"} - {name}
    assert not any(f"--allow {other}" in str(refused.value) for other in others)
    found = compared(paths, allow=[name])
    assert found.allowed[0].startswith(f"{name}: {said}")


def test_all_reasons_are_named_at_once(tmp_path):
    paths = both(tmp_path, data_version="data-2", code_version="code-2", epochs=4)
    with pytest.raises(IncomparableError, match="--allow data --allow code --allow protocol"):
        compared(paths)
    with pytest.raises(IncomparableError) as refused:
        compared(paths, allow=["data", "protocol"])
    assert "--allow code" in str(refused.value)
    assert "--allow data" not in str(refused.value)


def test_with_other_budgets_both_are_watched_as_long_as_the_shorter(tmp_path):
    slow = Truth(steps=-3.0, noise=0.01, seed_noise=0.01)  # batch norm reaches nothing
    a, b = store(tmp_path, "a", slow, epochs=5), store(tmp_path, "b", slow, epochs=3)
    found = compared((a, b), allow=["protocol"])
    assert words(found, "steps_to_target@0.97")["norm batch"] == "identical"


def test_one_device_against_another(tmp_path):
    a, b = both(tmp_path, device="cuda:0")
    found = compared((a, b))
    assert found.devices == {"A": ("cpu",), "B": ("cuda:0",)}
    assert {c.contrast.n for c in found.changes} == {12}


def test_costs_are_compared_by_replicate(tmp_path):
    a, b = store(tmp_path, "a"), store(tmp_path, "b")
    write_costs(a / "store.sqlite", slower=0.1)
    write_costs(b / "store.sqlite", slower=0.3, entropy=0)
    found = compared((a, b), studies=["cost"])
    assert {c.study for c in found.changes} == {"cost"}
    seconds = words(found, "pass_seconds@train_step")
    assert seconds["norm batch, batch size 64"] == "worse"
    assert seconds["norm none, batch size 64"] == "identical"
    assert set(words(found, "training_bytes").values()) == {"identical"}


def test_costs_of_another_code_or_thread_count_are_refused(tmp_path):
    a, b = store(tmp_path, "a"), store(tmp_path, "b")
    write_costs(a / "store.sqlite")
    write_costs(b / "store.sqlite", version="v2")
    with pytest.raises(IncomparableError, match="code version of the cost for mnist, mlp"):
        compared((a, b))
    assert compared((a, b), allow=["code"]).allowed
    assert compared((a, b), studies=["grid"]).allowed == ()


def test_exit_code_and_table(tmp_path, capsys):
    a, b = map(str, shifted(tmp_path, -0.02))
    assert main([a, b]) == EXIT_DONE
    assert main([a, b, "--fail-on", "regression"]) == EXIT_REGRESSION == 10
    assert main([b, a, "--fail-on", "regression"]) == EXIT_DONE
    out = capsys.readouterr().out
    assert "worse" in out
    assert "points less" in out
    assert "norm none" not in out  # the same is shown only when asked for
    main([a, b, "--all"])
    assert "norm none" in capsys.readouterr().out


def test_json_holds_every_figure(tmp_path, capsys):
    a, b = map(str, both(tmp_path, Truth(accuracy=-0.05, noise=0.2)))
    assert main([a, b, "--format", "json", "--fail-on", "regression"]) == EXIT_REGRESSION
    found = json.loads(capsys.readouterr().out)
    (change,) = [
        c
        for c in found["changes"]
        if c["quantity"] == "test_accuracy" and c["condition"]["norm"] == "batch"
    ]
    assert change["word"] == "worse"
    assert change["n"] == 12
    assert change["low"] < change["estimate"] < change["high"]
    assert change["p"] <= change["p_adjusted"] < 0.05
    assert found["family"] == len(found["changes"])


def test_fewer_than_six_pairs_are_no_verdict_and_no_regression(tmp_path):
    a, b = shifted(tmp_path, -0.05, seeds=5)
    found = compared((a, b))
    assert set(words(found, "test_accuracy").values()) <= {"no verdict", "identical"}
    assert main([str(a), str(b), "--fail-on", "regression"]) == EXIT_DONE


def test_results_that_only_a_has_can_be_made_to_count(tmp_path, capsys):
    """Twelve seeds of two arms, and of them B has six seeds, a study less or one unfinished."""

    def one_is_missing(trial: Trial) -> Fate:
        return "missing" if trial.seed == 11 and trial.condition.norm == "batch" else "ok"

    a = store(tmp_path, "a", notebook=True)
    fewer = store(tmp_path, "fewer", notebook=True, seeds=6)
    assert compared((a, fewer)).lost == 4 * 6
    one_study = store(tmp_path, "one")
    assert compared((a, one_study)).lost == 2 * 12
    assert compared((a, one_study), studies=["grid"]).lost == 0
    unfinished = store(tmp_path, "unfinished", Truth(fate=one_is_missing))
    assert compared((one_study, unfinished)).lost == 1
    assert main([str(a), str(fewer), "--fail-on", "regression"]) == EXIT_DONE
    assert "24 results of A are not in B." in capsys.readouterr().out
    both_ways = ["--fail-on", "regression", "--fail-on", "missing"]
    assert main([str(a), str(fewer), *both_ways]) == EXIT_REGRESSION
    assert main([str(fewer), str(a), *both_ways]) == EXIT_DONE


def test_a_trial_that_breaks_is_a_regression(tmp_path, capsys):
    def last_fails(trial: Trial) -> str:
        return "failed" if trial.seed == 11 and trial.condition.norm == "batch" else "ok"

    a, b = store(tmp_path, "a"), store(tmp_path, "b", Truth(fate=last_fails))
    found = compared((a, b))
    assert [(x.seed, x.status, x.condition) for x in found.broken] == [(11, "failed", "norm batch")]
    assert main([str(a), str(b), "--fail-on", "regression"]) == EXIT_REGRESSION
    assert "Broken in B: grid, norm batch, seed 11 (failed)" in capsys.readouterr().out
    assert compared((b, a)).broken == ()


def test_more_than_a_tenth_missing_is_unclear(tmp_path):
    def two_missing(trial: Trial) -> str:
        return "missing" if trial.seed >= 10 else "ok"

    truth = Truth(accuracy=-0.02, noise=0.02)
    found = compared(
        (store(tmp_path, "a"), store(tmp_path, "b", dataclasses.replace(truth, fate=two_missing)))
    )
    assert words(found, "test_accuracy")["norm batch"] == "unclear"


def test_nothing_in_common_and_unknown_names(tmp_path, capsys):
    a, b = store(tmp_path, "a"), store(tmp_path, "b", first_seed=50)
    with pytest.raises(UsageError, match="nothing to compare"):
        compared((a, b))
    with pytest.raises(UnknownNameError, match="quantity"):
        compared((a, a), quantities=["test_acuracy"])
    with pytest.raises(UsageError, match="no better or worse"):
        compared((a, a), quantities=["steps"])
    with pytest.raises(UnknownNameError, match="study"):
        compared((a, a), studies=["grids"])
    assert main([str(a), str(tmp_path / "none")]) == EXIT_USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_other_quantities_on_request(tmp_path):
    a = store(tmp_path, "a")
    found = compared((a, a), quantities=["train_accuracy"])
    assert {c.quantity for c in found.changes} == {"train_accuracy"}
