"""What a figure may look at: a verdict and the trials behind it, narrowed to one plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.costs import STUDY as COST_STUDY
from analysis.figures.grammar import plain
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.comparison import Comparison
    from analysis.contrasts import Verdict
    from analysis.samples import Samples

PLOTTED: Final = ("batch_size", "learning_rate", "norm")
_ORDER: Final = ("batch", "none")


@dataclass(frozen=True, eq=False)
class Evidence:
    """One verdict beside the samples that it was made from.

    Parameters
    ----------
    samples
        All trials and curves.
    verdict
        The verdict to be shown.
    all_verdicts
        Those of the whole registry, for figures that set claims side by side.
    """

    samples: Samples
    verdict: Verdict
    all_verdicts: tuple[Verdict, ...] = ()

    @property
    def comparison(self) -> Comparison:
        """The claim's primary comparison."""
        return self.verdict.claim.primary

    def arms(self) -> tuple[str, str]:
        """Treatment and control, values of the norm axis; empty where another axis is compared."""
        arms = self.comparison.arms
        return (str(arms.treatment), str(arms.control)) if arms.axis == "norm" else ("", "")

    @property
    def unit(self) -> str:
        """What one pair is: a seed, or a replicate where costs were measured."""
        return unit_of(self.comparison)

    def condition(self) -> dict[str, object]:
        """Axis → value of the condition that decides the claim."""
        fixed: dict[str, object] = dict(self.comparison.primary)
        if self.verdict.primary is not None:
            fixed.update(self.verdict.primary.contrast.condition)
        return fixed

    def trials(self, *, primary: bool = False) -> pd.DataFrame:
        """Trials of the claim's study and arms; every axis but the plotted ones holds one value.

        Parameters
        ----------
        primary
            Keep only the condition that decides the claim.
        """
        trials = self.samples.study(self.comparison.study)
        found = trials[trials["norm"].isin(self.arms())]
        condition = self.condition()
        for axis in (*AXES, "device"):
            if found.empty or axis in ("norm", "seed"):
                continue
            if axis in PLOTTED and not primary:
                continue
            values = found[axis].dropna().unique()
            wanted = condition.get(axis)
            if wanted is not None and (primary or len(values) > 1):
                found = found[found[axis] == wanted]
            elif len(values) > 1 and axis not in PLOTTED:
                found = found[found[axis] == sorted(values, key=str)[0]]
        return found

    def curves(self, quantity: str, *, primary: bool = False) -> pd.DataFrame:
        """Curves of the same trials, one row a point, with the axes that are plotted."""
        trials = self.trials(primary=primary)
        curves = self.samples.curves(quantity, self.comparison.study)
        if trials.empty or curves.empty:
            return pd.DataFrame()
        return curves[curves["key"].isin(set(trials["key"]))]

    def targets(self) -> list[str]:
        """Facets of steps-to-target in this study, lowest first."""
        trials = self.samples.study(self.comparison.study)
        dataset = self.condition().get("dataset")
        if dataset is not None:
            trials = trials[trials["dataset"] == dataset]
        facets = [c.partition("@")[2] for c in trials.columns if c.startswith("steps_to_target@")]
        return sorted(
            (f for f in facets if trials[f"steps_to_target@{f}"].notna().any()), key=float
        )

    def target(self) -> str:
        """Return the target that the claim is judged at; the middle one where it names none."""
        targets = self.targets()
        if not targets:
            return ""
        middle = (len(targets) - 1) // 2
        places = {"first": 0, "middle": middle, "last": len(targets) - 1}
        facet = self.comparison.facet
        if facet in targets:
            return facet
        return targets[places.get(facet, middle)]


def unit_of(comparison: Comparison) -> str:
    """Name what a comparison counts: seeds, or replicates where costs were measured."""
    return "replicate" if comparison.study == COST_STUDY else "seed"


def arms_of(norms: Iterable[Any]) -> list[str]:
    """Norms that are there, in the order in which every figure shows them."""
    found = {str(n) for n in norms}
    return [n for n in _ORDER if n in found] + sorted(found.difference(_ORDER))


def setting_words(batch_size: Any, learning_rate: Any, *, short: bool = False) -> str:
    """Name a batch size and learning rate as titles do."""
    if short:
        return f"batch {plain(batch_size)}, rate {plain(learning_rate)}"
    return f"batch size {plain(batch_size)}, learning rate {plain(learning_rate)}"
