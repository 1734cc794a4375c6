"""Frozen records between measures, verdicts and report: what was compared, and what it gave."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.claims import Claim
    from analysis.comparison import Comparison

Role = Literal["primary", "evidence", "context"]
Word = Literal[
    "supported",
    "contradicted",
    "no practical difference",
    "depends",
    "inconclusive",
    "no verdict",
]
WORDS: Final[tuple[Word, ...]] = get_args(Word)

Values = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class LostPair:
    """A planned pair without a number: which one, and why.

    Parameters
    ----------
    seed
        The seed of the pair.
    condition
        Where it belongs, in words.
    reason
        The arm and its status: ``batch: missing``.
    """

    seed: int
    condition: str
    reason: str

    def __str__(self) -> str:
        return f"{self.condition}, seed {self.seed} ({self.reason})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrast:
    """One number per seed for one comparison, with everything that was left out.

    Parameters
    ----------
    comparison
        The registered comparison that it belongs to: scale, margin and words for the unit.
    label
        The condition in words: ``batch size 64, learning rate 0.001``.
    condition
        Axis → value of what was held fixed; the axes that vary between contrasts of one comparison.
    role
        ``primary`` decides the claim, ``evidence`` may turn it into ``depends``, ``context`` is
        shown only.
    seeds
        Seeds with a complete pair, rising.
    differences
        Shape (n,), one a seed, on the comparison's scale (difference in the stored unit, or natural
        logarithm of a ratio), oriented so that the claim predicts a value above 0.
    arms
        Arm → its values, shape (n,) each, in the metric's own unit, treatment first.
    planned
        Pairs that the grid asks for.
    missing
        Pairs that should be here and are not (missing, failed, out of memory).
    undefined
        Pairs that have no meaning (BN over a batch of one); not missing, never imputed.
    diverged, censored
        Arm → trials that diverged, or that did not reach the target within the budget; they count.
    notes
        Sentences for the report.
    """

    comparison: Comparison
    label: str
    condition: dict[str, object] = field(default_factory=dict)
    role: Role
    seeds: tuple[int, ...]
    differences: Values
    arms: dict[str, Values] = field(default_factory=dict)
    planned: int
    missing: tuple[LostPair, ...] = ()
    undefined: tuple[LostPair, ...] = ()
    diverged: dict[str, int] = field(default_factory=dict)
    censored: dict[str, int] = field(default_factory=dict)
    censored_pairs: int = 0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shapes = {len(self.seeds), *map(len, (self.differences, *self.arms.values()))}
        if len(shapes) != 1:
            raise ValueError(f"{self.label}: seeds, differences and arms differ in length")
        if not np.isfinite(self.differences).all():
            raise ValueError(f"{self.label}: a difference is not finite")

    @property
    def n(self) -> int:
        """Complete pairs, one a seed."""
        return len(self.seeds)

    @property
    def missing_share(self) -> float:
        """Missing pairs over pairs that could have been; 1 where nothing is there."""
        possible = self.n + len(self.missing)
        return len(self.missing) / possible if possible else 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ContrastResult:
    """A contrast with its statistics and the word that the rule gives it.

    All numbers are on the comparison's scale and oriented as the contrast is (for the decision
    ``typical`` they are in standard deviations between seeds, published above ours). Where there is
    too little data the interval is infinite, p is 1 and what can't be computed is NaN (None for a
    count).

    Parameters
    ----------
    word
        Verdict on this contrast alone, after Holm over its family.
    why
        One sentence: which part of the rule gave the word.
    estimate, low, high
        Mean over seeds and its 95 % interval.
    p, p_adjusted
        Two-sided paired t, raw and after Holm; for ``typical`` the test that the published run lies
        outside the central 95 %, for ``equality`` that the deviation lies beyond the margin.
    p_permutation
        Exact sign-flip permutation; NaN for ``typical`` and ``equality``.
    tests_disagree
        The two differ about p < .05.
    p_equivalence
        Two one-sided tests against the margin, after Holm; for ``typical`` that it lies inside.
    effect_size, effect_size_low, effect_size_high
        d_z, mean over standard deviation of the differences, and its interval.
    minimum_detectable
        Smallest true effect found with 80 % power at this n and spread, at the level that Holm asks
        for at worst (.05 over the number of tests in the family).
    seeds_needed
        Seeds that would settle it at the observed spread, at the same level, with those that only
        choose a setting; None where it is settled or can't be.
    text
        Estimate and interval in natural units: ``58 % fewer steps [51, 64]``.
    """

    contrast: Contrast
    word: Word
    why: str
    estimate: float
    low: float
    high: float
    p: float
    p_adjusted: float
    p_permutation: float
    tests_disagree: bool
    p_equivalence: float
    effect_size: float = math.nan
    effect_size_low: float = -math.inf
    effect_size_high: float = math.inf
    minimum_detectable: float = math.inf
    seeds_needed: int | None = None
    text: str = ""

    @property
    def n(self) -> int:
        """Seeds with a complete pair."""
        return self.contrast.n

    @property
    def margin(self) -> float:
        """Smallest effect worth knowing, on the comparison's scale."""
        return self.contrast.comparison.scaled_margin


@dataclass(frozen=True)
class Sensitivity:
    """What the verdict would have been, analysed another way.

    Parameters
    ----------
    what
        ``Wilcoxon signed rank``, ``at target 0.90``, ``without seed 3`` …
    word
        The word it gives.
    flips
        Whether that is another word than the claim's.
    detail
        Figures behind it.
    """

    what: str
    word: Word
    flips: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """Everything that the report prints about a claim.

    Parameters
    ----------
    claim
        The registered claim.
    word
        The verdict.
    why
        One sentence: which part of the rule gave it.
    primary
        Result of the primary contrast; None where the store holds none of it.
    results
        All results, primary first, in the registry's order.
    planned, missing, undefined
        Pairs of the comparison that decides, over all of its conditions: how many, and which are
        lost.
    change
        What would change the verdict.
    sensitivity
        The verdict under other analyses; ``flips`` of any is stated.
    """

    claim: Claim
    word: Word
    why: str
    primary: ContrastResult | None
    results: tuple[ContrastResult, ...] = ()
    planned: int = 0
    missing: tuple[LostPair, ...] = ()
    undefined: tuple[LostPair, ...] = ()
    change: str = ""
    sensitivity: tuple[Sensitivity, ...] = ()

    @property
    def evidence(self) -> tuple[ContrastResult, ...]:
        """Results of the evidence conditions."""
        return tuple(r for r in self.results if r.contrast.role == "evidence")

    @property
    def context(self) -> tuple[ContrastResult, ...]:
        """Results that are shown but decide nothing."""
        return tuple(r for r in self.results if r.contrast.role == "context")

    @property
    def flips(self) -> tuple[Sensitivity, ...]:
        """Other analyses that give another word."""
        return tuple(s for s in self.sensitivity if s.flips)


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The verdicts of a whole registry, in its order, with the registry's hash."""

    verdicts: tuple[Verdict, ...]
    registry_hash: str

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __getitem__(self, claim_id: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.claim.id == claim_id:
                return verdict
        raise KeyError(claim_id)
