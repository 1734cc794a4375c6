"""A verdict → the tables of its comparisons and pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.wording import NOTHING, p_value

if TYPE_CHECKING:
    from analysis.contrasts import Verdict

_ROLES: Final = {"primary": "decides", "evidence": "evidence", "context": "context"}


def results_frame(verdict: Verdict) -> pd.DataFrame:
    """List every comparison with its statistics, in the unit of its scale."""
    return pd.DataFrame(
        [
            {
                "comparison": r.contrast.comparison.name,
                "condition": r.contrast.label,
                "role": _ROLES[r.contrast.role],
                "verdict": r.word,
                "effect": r.text or NOTHING,
                "n": r.n,
                "p": p_value(r.p) if r.n > 1 else NOTHING,
                "adjusted p": p_value(r.p_adjusted) if r.n > 1 else NOTHING,
                "permutation p": p_value(r.p_permutation) if r.n > 1 else NOTHING,
                "effect size": r.effect_size,
                "planned": r.contrast.planned,
                "missing": len(r.contrast.missing),
                "diverged": sum(r.contrast.diverged.values()),
                "not reached": sum(r.contrast.censored.values()),
            }
            for r in verdict.results
        ]
    )


def pairs_frame(verdict: Verdict) -> pd.DataFrame:
    """List every pair of every comparison: the numbers that the tests were made from."""
    rows = []
    for result in verdict.results:
        contrast = result.contrast
        for i, seed in enumerate(contrast.seeds):
            rows.append(
                {
                    "comparison": contrast.comparison.name,
                    "condition": contrast.label,
                    "role": contrast.role,
                    "seed": seed,
                    **{f"value {arm}": float(v[i]) for arm, v in contrast.arms.items()},
                    "difference": float(contrast.differences[i]),
                    "scale": contrast.comparison.scale,
                }
            )
    return pd.DataFrame(rows)
