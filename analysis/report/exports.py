"""Verdicts, trials and curves for programs: JSON with a stated schema, and CSV files.

``docs/verdicts-schema.md`` documents every key and column; what the quantities among the columns
are, ``suite.quantities`` says.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from analysis.report.claim_tables import pairs_frame
from analysis.report.provenance import shown_command
from analysis.report.tables import csv_text

if TYPE_CHECKING:
    from analysis.contrasts import ContrastResult, Verdict, Verdicts
    from analysis.samples import Samples

SCHEMA: Final = "batchnorm-bench/verdicts/1"


def exported_files(samples: Samples, verdicts: Verdicts, curves: str) -> dict[str, str]:
    """Return the content of every file that lies beside the report, by its name.

    ``curves`` is the largest of them, as :func:`curves_csv` gives it.
    """
    return {
        "verdicts.json": verdicts_json(samples, verdicts),
        "verdicts.csv": verdicts_csv(verdicts),
        "comparisons.csv": csv_text(comparisons_frame(verdicts)),
        "pairs.csv": csv_text(_concat([pairs_frame(v) for v in verdicts], verdicts)),
        "trials.csv": csv_text(samples.trials),
        "curves.csv": curves,
        "costs.csv": csv_text(samples.costs.rows),
        "cost_timings.csv": csv_text(samples.costs.timings),
    }


def curves_csv(samples: Samples) -> str:
    """Write every point of every curve."""
    return csv_text(curves_frame(samples))


def curves_frame(samples: Samples) -> pd.DataFrame:
    """List all points of all curves; ``key`` leads to the trial's row in ``trials.csv``."""
    columns = ["key", "quantity", "facet", "step", "value"]
    frames = [
        samples.curves(name).drop_duplicates(["key", "device", "facet", "step"])
        for name in samples.curve_quantities()
    ]
    named = [
        frame.assign(quantity=name)[columns]
        for name, frame in zip(samples.curve_quantities(), frames, strict=True)
    ]
    if not named:
        return pd.DataFrame(columns=columns)
    kinds = dict.fromkeys(columns[:3], "category")
    return pd.concat(named, ignore_index=True).astype(kinds)


def verdicts_json(samples: Samples, verdicts: Verdicts) -> str:
    """Write the verdicts as JSON; the same store always gives the same text."""
    runs = [
        {
            "id": run["id"],
            "store": run.get("store", ""),
            "started": run.get("started"),
            "finished": run.get("finished"),
            "command": shown_command(run.get("command")),
            "grid": (run.get("grid") or {}).get("name"),
        }
        for run in samples.runs
    ]
    document = {
        "schema": SCHEMA,
        "registry_hash": verdicts.registry_hash,
        "runs": runs,
        "verdicts": [_verdict(v) for v in verdicts],
    }
    return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def verdicts_csv(verdicts: Verdicts) -> str:
    """Write the comparison that decides each claim, a row a claim."""
    return csv_text(comparisons_frame(verdicts, primary_only=True))


def comparisons_frame(verdicts: Verdicts, *, primary_only: bool = False) -> pd.DataFrame:
    """List all comparisons of all claims, one row each."""
    rows = []
    for verdict in verdicts:
        results = (verdict.primary,) if primary_only else verdict.results
        rows += [
            {
                "claim": verdict.claim.id,
                "group": verdict.claim.group,
                "title": verdict.claim.title,
                "claim_verdict": verdict.word,
                **({} if result is None else _comparison(result)),
            }
            for result in results
        ]
    return pd.DataFrame(rows).drop(columns=["setting", "seeds", "differences"], errors="ignore")


def _verdict(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "id": claim.id,
        "group": claim.group,
        "title": claim.title,
        "sentence": claim.sentence,
        "source": claim.source,
        "hash": claim.hash,
        "verdict": verdict.word,
        "why": verdict.why,
        "change": verdict.change,
        "planned": verdict.planned,
        "missing": [str(pair) for pair in verdict.missing],
        "undefined": [str(pair) for pair in verdict.undefined],
        "primary": None if verdict.primary is None else _comparison(verdict.primary),
        "comparisons": [_comparison(r) for r in verdict.results],
        "sensitivity": [
            {"what": s.what, "verdict": s.word, "flips": s.flips} for s in verdict.sensitivity
        ],
    }


def _comparison(result: ContrastResult) -> dict[str, Any]:
    contrast = result.contrast
    return {
        "name": contrast.comparison.name,
        "condition": contrast.label,
        "setting": dict(contrast.condition),
        "role": contrast.role,
        "verdict": result.word,
        "text": result.text,
        "decision": contrast.comparison.decision,
        "scale": contrast.comparison.scale,
        "metric": contrast.comparison.metric,
        "margin": result.margin,
        "estimate": result.estimate,
        "low": result.low,
        "high": result.high,
        "n": result.n,
        "seeds": list(contrast.seeds),
        "p": result.p,
        "p_adjusted": result.p_adjusted,
        "p_permutation": result.p_permutation,
        "p_equivalence": result.p_equivalence,
        "effect_size": result.effect_size,
        "effect_size_low": result.effect_size_low,
        "effect_size_high": result.effect_size_high,
        "minimum_detectable": result.minimum_detectable,
        "seeds_needed": result.seeds_needed,
        "planned": contrast.planned,
        "missing": len(contrast.missing),
        "undefined": len(contrast.undefined),
        "diverged": sum(contrast.diverged.values()),
        "censored": sum(contrast.censored.values()),
        "differences": contrast.differences.tolist(),
    }


def _plain(value: Any) -> Any:
    """Turn numpy and pandas values into JSON types; what is not finite becomes null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _concat(frames: list[pd.DataFrame], verdicts: Verdicts) -> pd.DataFrame:
    named = [
        frame.assign(claim=verdict.claim.id)
        for frame, verdict in zip(frames, verdicts, strict=True)
        if not frame.empty
    ]
    if not named:
        return pd.DataFrame(columns=["claim"])
    joined = pd.concat(named, ignore_index=True)
    return joined[["claim", *(c for c in joined.columns if c != "claim")]]
