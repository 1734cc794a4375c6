"""Marks that can't be missed: what makes this report less than it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.report.view import Banner
from analysis.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdict
    from analysis.samples import Samples

FEWEST_SEEDS: Final = 6
SMOKE: Final = "smoke"


def banners(
    samples: Samples, verdicts: Sequence[Verdict], registry_hash: str
) -> tuple[Banner, ...]:
    """Collect what a reader must know before the first number."""
    return tuple(
        banner
        for banner in (
            _partial(samples),
            _smoke(samples),
            *_fallbacks(samples),
            _few_seeds(samples),
            _registry(samples, registry_hash),
        )
        if banner is not None
    )


def _partial(samples: Samples) -> Banner | None:
    statuses = pd.concat([samples.trials["status"], samples.costs.rows["status"]])
    missing = int((statuses == "missing").sum())
    latest = {run["store"]: run for run in samples.runs}
    running = [run for run in latest.values() if not run.get("finished")]
    if not missing and not running:
        return None
    done = len(statuses) - missing
    if not missing:
        return Banner(
            "partial", "Unfinished run.", "All trials are there, but the run did not end."
        )
    return Banner(
        "partial",
        "Partial run.",
        f"{done:,} of {len(statuses):,} planned trials are done. Every figure and verdict may "
        "still change; the same command goes on where it stopped.",
    )


def _smoke(samples: Samples) -> Banner | None:
    names = {str((run.get("grid") or {}).get("name", "")) for run in samples.runs}
    if SMOKE not in names:
        return None
    return Banner(
        "smoke",
        "Smoke grid.",
        "This run only shows that everything works. It is far too short and too small to learn "
        "anything about batch normalization from it.",
    )


def _fallbacks(samples: Samples) -> list[Banner]:
    found = []
    swapped: dict[str, str] = {}
    notices: dict[str, None] = {}
    for run in samples.runs:
        for asked, used in (run.get("datasets") or {}).items():
            if asked != used:
                swapped[str(asked)] = str(used)
        notices.update(dict.fromkeys(str(n) for n in run.get("notices") or ()))
    if swapped:
        names = listed([f"{used} instead of {asked}" for asked, used in swapped.items()])
        found.append(
            Banner(
                "fallback",
                f"Trained on {names}.",
                "The dataset that was asked for was neither on disk nor reachable. "
                "mnist5k is a tenth of the size: accuracies and steps differ from those on the "
                "whole.",
            )
        )
    elif notices:
        found.append(Banner("fallback", "Note.", " ".join(notices)))
    return found


def _few_seeds(samples: Samples) -> Banner | None:
    seeds = samples.trials.groupby("study")["seed"].nunique()
    if seeds.empty or int(seeds.max()) >= FEWEST_SEEDS:
        return None
    return Banner(
        "seeds",
        "Too few seeds for verdicts.",
        f"At most {int(seeds.max())} a condition; verdicts need {FEWEST_SEEDS}. "
        "What follows are estimates only.",
    )


def _registry(samples: Samples, registry_hash: str) -> Banner | None:
    recorded = {str(run["registry_hash"]) for run in samples.runs if run.get("registry_hash")}
    if not recorded - {registry_hash}:
        return None
    return Banner(
        "registry",
        "Older registry of claims.",
        "The claims or their margins have changed since this run was started; the verdicts here "
        "follow the newer registry.",
    )
