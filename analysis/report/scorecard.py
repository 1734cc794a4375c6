"""A verdict → its row in the scorecard, and the words for its effect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from analysis.report.view import Glyph, ScoreRow, VerdictView
from analysis.wording import NOTHING, p_value

if TYPE_CHECKING:
    from analysis.contrasts import ContrastResult, Verdict, Word

WORDS: Final[dict[Word, VerdictView]] = {
    "supported": VerdictView(
        "supported",
        "supported",
        "1",
        "Adjusted p below .05, the whole interval on the claim's side of zero, and an estimate of "
        "at least the margin.",
    ),
    "contradicted": VerdictView(
        "contradicted", "contradicted", "2", "The same, on the other side of zero."
    ),
    "depends": VerdictView(
        "depends",
        "depends",
        "3",
        "The conditions named in advance disagree: at least one lies beyond the margin each way.",
    ),
    "no practical difference": VerdictView(
        "no practical difference",
        "same",
        "4",
        "Two one-sided tests show that the difference is smaller than the margin.",
    ),
    "inconclusive": VerdictView(
        "inconclusive",
        "inconclusive",
        "5",
        "None of these, or more than 10 % of the pairs are missing.",
    ),
    "no verdict": VerdictView(
        "no verdict",
        "none",
        "6",
        "Fewer than 6 seeds, or nothing measured for this claim: estimates only.",
    ),
}
_GLYPH: Final = (132.0, 6.0)  # width, and room for a point at either end


def score_row(verdict: Verdict) -> ScoreRow:
    """Make the claim's row in the scorecard."""
    result = verdict.primary
    estimate, interval = effect_words(result)
    if result is None:
        n, n_sort, p, p_sort = "0", "0", NOTHING, ""
    else:
        n, n_sort = str(result.n), str(result.n)
        p = p_value(result.p_adjusted) if tested(result) else NOTHING
        p_sort = repr(result.p_adjusted) if p != NOTHING else ""
    return ScoreRow(
        id=verdict.claim.id,
        title=verdict.claim.title,
        verdict=WORDS[verdict.word],
        estimate=estimate,
        interval=interval,
        glyph=_glyph(result),
        n=n,
        n_sort=n_sort,
        p=p,
        p_sort=p_sort,
    )


def effect_words(result: ContrastResult | None) -> tuple[str, str]:
    """Split the effect in natural units into the estimate and its interval."""
    if result is None or result.n == 0:
        return "not measured", ""
    estimate, bracket, interval = result.text.partition(" [")
    if not (math.isfinite(result.low) and math.isfinite(result.high)):
        return estimate or NOTHING, ""
    return estimate or NOTHING, f"[{interval}" if bracket else ""


def tested(result: ContrastResult) -> bool:
    """Whether a p value means something: enough data, and a claim about a difference."""
    comparing = result.contrast.comparison.decision == "superiority"
    return comparing and result.word != "no verdict"


def _glyph(result: ContrastResult | None) -> Glyph | None:
    """Lay the interval out on a line that holds zero, the margin and the estimate."""
    if result is None or not math.isfinite(result.estimate) or not math.isfinite(result.margin):
        return None
    width, pad = _GLYPH
    reach = max(1.6 * result.margin, 1.25 * abs(result.estimate))
    ends = [e for e in (result.low, result.high) if math.isfinite(e) and abs(e) < 3 * reach]
    low = min(-1.3 * result.margin, result.estimate, *ends)
    high = max(1.3 * result.margin, result.estimate, *ends)

    def place(value: float) -> float:
        inside = min(max(value, low), high)
        return pad + (width - 2 * pad) * (inside - low) / (high - low)

    zone = place(-result.margin)
    estimate, interval = effect_words(result)
    return Glyph(
        zero=f"{place(0):.1f}",
        zone_x=f"{zone:.1f}",
        zone_width=f"{place(result.margin) - zone:.1f}",
        low=f"{place(result.low):.1f}",
        high=f"{place(result.high):.1f}",
        estimate=f"{place(result.estimate):.1f}",
        label=f"{estimate} {interval}; the shaded part is too small to matter".strip(),
    )
