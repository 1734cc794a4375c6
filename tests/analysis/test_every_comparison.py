"""Every registered comparison on stores where its claim is true, false, and nil.

The truth is made from the registry's own direction, margin and scale, in the metric that the
trainer stores, and the word must come out right: that tests the way from stored numbers to words.
That a direction is the sentence's is tested by the words for people, which are written beside it.
Effects are three margins, the noise between pairs is a tenth of one. Conditions are those of the
full grid, as far as the comparison needs them to vary.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from analysis.claims import load_registry
from analysis.comparison import OUTCOME
from analysis.costs import STUDY as COST_STUDY
from analysis.measures.labels import same_value
from suite.cost.plan import CostStudy, plan_costs
from suite.cost_records import CostProtocol, CostResult
from suite.grid import load_grid
from suite.records import Budget, Outcome
from suite.store import StoreWriter
from tests.handmade import noise, verdict, write_trials

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.comparison import Comparison
    from suite.records import Condition
    from tests.handmade import Made

REGISTRY, FULL = load_registry(), load_grid("full")
SEEDS = 12
CHOOSING = 4  # the first third chooses
TARGETS = (0.9, 0.95, 0.97)
STEPS, IMAGES = 1000, 64_000
# A level from which three margins either way are possible values.
LEVELS = {"accuracy": 0.9, "loss": 0.3, "share": 0.5, "target": 300.0}
WORDS = {
    "superiority": {1: "supported", -1: "contradicted", 0: "no practical difference"},
    # There a difference of 0 is what the claim says; at the margin itself neither is shown.
    "equality": {1: "supported", -1: "contradicted", 0: "inconclusive"},
    "typical": {1: "supported", -1: "contradicted", 0: "inconclusive"},
}
# Tested on stores with measured cost, in test_costs.
ELSEWHERE = ("time_to_target",)
CASES = [(c.id, t) for c in REGISTRY for t in c.comparisons if t.measure not in ELSEWHERE]
IDS = [f"{claim}: {t.name}" for claim, t in CASES]


def level_of(metric: str) -> float:
    return next((level for name, level in LEVELS.items() if name in metric), 1.0)


def conditions_of(comparison: Comparison) -> list[Condition]:
    """The first place of the full grid, with what the comparison varies there."""
    if comparison.study == COST_STUDY:
        assert FULL.cost is not None
        everything: tuple[Condition, ...] = FULL.cost.conditions
    else:
        (study,) = (s for s in FULL.studies if s.name == comparison.study)
        everything = study.conditions
    everything = tuple(
        c
        for c in everything
        if all(any(same_value(getattr(c, a), v) for v in vs) for a, vs in comparison.where.items())
    )
    arms = comparison.arms
    varies = {arms.axis, comparison.over, *comparison.mean_over}
    if comparison.measure == "best":
        varies |= {"learning_rate"}
    fits = [
        c
        for c in everything
        if all(same_value(getattr(c, a), v) for a, v in comparison.primary.items())
        and (arms.axis != "norm" or comparison.measure != "exact" or c.norm == arms.treatment)
    ]
    first = vars(fits[0])
    return [c for c in fits if all(first[a] == v for a, v in vars(c).items() if a not in varies)]


class Truth:
    """Trials of one comparison whose effect is ``times`` margins in the claimed direction."""

    def __init__(self, comparison: Comparison, times: float) -> None:
        self.comparison = comparison
        self.margin = comparison.scaled_margin
        self.effect = times * comparison.sign * self.margin
        self.times = times
        self.conditions = conditions_of(comparison)
        self.settings = sorted(
            {getattr(c, comparison.over) for c in self.conditions} if comparison.over else ()
        )

    def at(self, shift: float, *parts: object, level: float | None = None) -> float:
        """The level, shifted on the comparison's scale, with a little noise of its own."""
        level = level_of(self.comparison.metric) if level is None else level
        shift += 0.1 * self.margin * noise(self.comparison.name, *parts)
        ratio = self.comparison.scale == "log_ratio"
        return level * math.exp(shift) if ratio else level + shift

    def __call__(self, condition: Condition, seed: int) -> Made:
        """What a trial gave."""
        make = getattr(self, f"_{self.comparison.measure}", self._plain)
        made: Made = make(condition, seed)
        return made

    def treated(self, condition: Condition) -> bool:
        arms = self.comparison.arms
        return same_value(getattr(condition, arms.axis), arms.treatment)

    def stored(self, value: float, **more: float) -> dict[str, float]:
        """The value under the names that the comparison reads, and what goes with it."""
        c = self.comparison
        if c.facet in ("first", "middle", "last") and c.measure != "largest":
            names = [f"{c.metric}@{t:g}" for t in TARGETS]
        else:
            names = [f"{c.metric}@{c.facet}" if c.facet else c.metric]
        found = dict.fromkeys(names, value)
        if c.minus:  # the gap is the metric less this
            found[c.minus] = level_of(c.metric)
            found = {n: v + (0.02 if n in names else 0.0) for n, v in found.items()}
        if c.metric.endswith("to_target"):  # what the budget is known from
            found |= {"steps": STEPS, "samples": IMAGES}
        return {**found, **more}

    def _plain(self, condition: Condition, seed: int) -> Made:
        c = self.comparison
        if c.arms.axis == OUTCOME:
            return {
                str(c.arms.treatment): self.at(self.effect, condition, seed),
                str(c.arms.control): self.at(0.0, condition, seed, "control"),
            }
        value = self.at(self.effect * self.treated(condition), condition, seed)
        if c.after is None:
            return self.stored(value)
        end = IMAGES // condition.batch_size
        curve = ([0, end], [value - 0.05 * c.after / IMAGES, value + 0.05 * (1 - c.after / IMAGES)])
        return {"steps": end, "samples": IMAGES}, {c.metric: curve}

    def _tuned(self, condition: Condition, seed: int) -> Made:
        """Both arms lose half a margin from one setting to the next."""
        c = self.comparison
        away = 0.5 * self.margin * self.settings.index(getattr(condition, str(c.over)))
        chooser = c.select_by or c.metric
        better = 1 if chooser.endswith("accuracy") else -1
        if c.after is not None:
            outcomes, curves = self._plain(condition, seed)  # type: ignore[misc]
            (steps, values), *_ = curves.values()  # type: ignore[union-attr]
            return outcomes, {c.metric: (steps, [v + better * -away for v in values])}
        shift = self.effect * self.treated(condition)
        if not c.minus:
            shift -= better * away
        value = self.at(shift, condition, seed)
        extra = {} if chooser == c.metric else {chooser: 0.9 - away}
        return self.stored(value, **extra)

    def _trend(self, condition: Condition, seed: int) -> Made:
        arms = self.comparison.arms
        of = [math.log2(float(x)) for x in (condition.batch_size, arms.control, arms.treatment)]
        share = (of[0] - of[1]) / (of[2] - of[1])
        return self.stored(self.at(self.effect * share, condition, seed))

    def _spread(self, condition: Condition, seed: int) -> Made:
        """Values fall evenly over the settings, by ten margins without treatment."""
        fall = (10 * self.margin + self.effect * self.treated(condition)) / (len(self.settings) - 1)
        at = self.settings.index(getattr(condition, str(self.comparison.over)))
        return self.stored(self.at(-fall * at, condition, seed))

    def _largest(self, condition: Condition, seed: int) -> Made:
        """Limits lie one setting apart, which is more than the margin."""
        middle = (len(self.settings) - 1) // 2
        up = int(np.sign(self.effect)) if self.treated(condition) else 0
        limit = self.settings[min(max(middle + up, 0), len(self.settings) - 1)]
        trains = getattr(condition, str(self.comparison.over)) <= limit
        accuracy = 0.95 if trains else 0.2
        return {
            self.comparison.metric: accuracy,
            **{f"steps_to_target@{t:g}": 9.0 for t in TARGETS},
        }

    def _interaction(self, condition: Condition, seed: int) -> Made:
        c = self.comparison
        away = not same_value(getattr(condition, str(c.over)), c.baseline)
        shift = (2 * self.margin + self.effect * away) * self.treated(condition)
        return self.stored(self.at(shift, condition, seed, level=0.8))

    def _matched(self, condition: Condition, seed: int) -> Made:
        steps = np.unique(np.geomspace(1, STEPS, 20).round())
        trained = 2.0 * steps ** (-1.2 if self.treated(condition) else -0.8)
        factor = self.at(self.effect * self.treated(condition), condition, seed, level=1.0)
        held_out = factor * (0.3 - 0.05 * np.log(trained))
        at = steps.astype(int).tolist()
        return (
            {"validation_loss": held_out[-1]},
            {"train_loss": (at, trained.tolist()), "validation_loss": (at, held_out.tolist())},
        )

    def _best(self, condition: Condition, seed: int) -> Made:
        """True: each place has a best setting of its own. False: it had for those that chose."""
        place = self.conditions.index(
            next(
                c for c in self.conditions
                if (c.dataset, c.model) == (condition.dataset, condition.model)
            )
        )  # fmt: skip
        own = self.settings[(place * len(self.settings)) // len(self.conditions) % 3]
        shared = self.settings[0]  # which is the best on average in either case
        likes = {1: own, 0: shared, -1: own if seed < CHOOSING else shared}
        good = condition.batch_size == likes[int(np.sign(self.times))]
        value = self.at(6 * self.margin * good, condition, seed)
        return {self.comparison.metric: value, self.comparison.select_by: value}

    def _exact(self, condition: Condition, seed: int) -> Made:
        """Off by a tenth of the margin, by three margins, or by the margin."""
        off = {1: 0.1, -1: 3.0, 0: 1.0}[int(np.sign(self.times))]
        return self.stored(abs(self.margin * (off + 0.1 * noise(condition, seed))))

    def _typical(self, condition: Condition, seed: int) -> Made:
        """The published run lies at our mean, six standard deviations away, or at the edge."""
        away = {1: 0.0, -1: 6.0, 0: 1.96}[int(np.sign(self.times))]
        published = self.comparison.reference[condition.norm]
        # Mean 0 and standard deviation 1 over the seeds.
        spread = math.sqrt(2 * (SEEDS - 1) / SEEDS) * math.cos(2 * math.pi * seed / SEEDS)
        return self.stored(published - 0.002 * away + 0.002 * spread)


def write_costs(path: Path, truth: Truth) -> Path:
    """Write a store of measured cost; a replicate stands for a seed."""
    study = CostStudy("why", tuple(truth.conditions), SEEDS, CostProtocol(threads=1))
    plan = plan_costs(study, ["cpu"], lambda _: "code")
    with StoreWriter(path) as store:
        run = store.begin_run("2026-01-01T00:00:00Z", {}, [], [])
        store.plan_costs(task for replicate in plan for task in replicate.tasks)
        for replicate in plan:
            results = []
            for task in replicate.tasks:
                made = truth(task.condition, replicate.number)
                assert isinstance(made, dict)
                if task.condition.norm == "none":  # where nothing is folded the two are one
                    made = {k.removesuffix("_folded"): v for k, v in made.items()}
                else:
                    made |= {k.removesuffix("_folded"): v for k, v in made.items()}
                outcomes = tuple(
                    Outcome(name, value, facet)
                    for key, value in made.items()
                    for name, _, facet in (key.partition("@"),)
                )
                results.append(
                    CostResult(task=task, status="ok", hardware="simulated", outcomes=outcomes)
                )
            store.add_costs(run, results)
    return path


@pytest.mark.parametrize("times", [3.0, -3.0, 0.0], ids=["true", "false", "nil"])
@pytest.mark.parametrize(("claim", "comparison"), CASES, ids=IDS)
def test_the_word_is_right(
    tmp_path: Path, claim: str, comparison: Comparison, times: float
) -> None:
    truth = Truth(comparison, times)
    if comparison.study == COST_STUDY:
        store = write_costs(tmp_path, truth)
    else:
        axes: dict[str, Any] = {
            axis: list(dict.fromkeys(vars(c)[axis] for c in truth.conditions))
            for axis in vars(truth.conditions[0])
        }
        assert math.prod(map(len, axes.values())) == len(truth.conditions), claim
        store = write_trials(
            tmp_path, truth, study=comparison.study, seeds=SEEDS, budget=Budget(steps=STEPS), **axes
        )
    found = verdict(store, comparison.model_copy(update={"role": "primary"}))
    assert found.primary is not None
    assert found.primary.n >= SEEDS - CHOOSING
    expected = WORDS[comparison.decision][int(np.sign(times))]
    if comparison.measure == "largest" and not times:
        # The grid's settings lie further apart than the margin: equal limits show no equality.
        expected = "inconclusive"
    assert found.word == expected, found.why
    if comparison.decision == "superiority" and times:
        # In the words for people too: the first of "reads" is for the claim, the second against.
        assert comparison.reads[0 if times > 0 else 1] in found.primary.text


FEWER = ("fewer", "less", "lower", "smaller", "closer", "steadier", "smoother", "shorter", "sooner")
MORE = ("more", "higher", "larger", "rougher", "longer", "farther")


@pytest.mark.parametrize(("claim", "comparison"), CASES, ids=IDS)
def test_the_direction_is_that_of_the_words_for_people(claim: str, comparison: Comparison) -> None:
    """``reads`` says in words what an effect as claimed is, and its opposite."""
    if comparison.decision != "superiority":
        return  # nothing is claimed to be higher or lower
    first, second = (reads.split()[0] for reads in comparison.reads)
    as_claimed = {"lower": FEWER, "higher": MORE}[comparison.direction]
    against = {"lower": MORE, "higher": FEWER}[comparison.direction]
    assert first in as_claimed, f"{claim}: {comparison.reads} goes {comparison.direction}"
    # "less steady" is the opposite of "steadier".
    assert second in against or (second == "less" and first in ("steadier", "smoother"))
