"""Marks that can't be missed: what makes this report less than it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from analysis.report.view import Banner
from analysis.wording import listed, sentence

if TYPE_CHECKING:
    from analysis.samples import Samples

FEWEST_SEEDS: Final = 6
SMOKE: Final = "smoke"


def banners(samples: Samples, registry_hash: str) -> tuple[Banner, ...]:
    """Collect what a reader must know before the first number."""
    return tuple(
        banner
        for banner in (
            _partial(samples),
            _smoke(samples),
            *_fallbacks(samples),
            _few_seeds(samples),
            _registry(samples, registry_hash),
            *_mixed(samples),
        )
        if banner is not None
    )


def _partial(samples: Samples) -> Banner | None:
    trials = samples.distinct_trials["status"] == "missing"
    costs = samples.costs.rows["status"] == "missing"
    running = [run for run in samples.latest_runs if not run.get("finished")]
    if not trials.any() and not costs.any() and not running:
        return None
    if not trials.any() and not costs.any():
        return Banner(
            "partial", "Unfinished run.", "All trials are there, but the run did not end."
        )
    parts = [
        f"{int((~missing).sum()):,} of {len(missing):,} planned {what}"
        for missing, what in ((trials, "trials"), (costs, "measurements of cost"))
        if missing.any()
    ]
    return Banner(
        "partial",
        "Partial run.",
        f"{listed(parts)} are done. Every figure and verdict may still change; the same command "
        "goes on where it stopped.",
    )


def _smoke(samples: Samples) -> Banner | None:
    names = {str((run.get("grid") or {}).get("name", "")) for run in samples.latest_runs}
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
    for run in samples.latest_runs:
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
    # What the banner says already is not said twice.
    said = [f"Using {used} instead" for used in swapped.values()]
    others = [n for n in notices if not any(words in n for words in said)]
    if others:
        found.append(Banner("fallback", "Note.", " ".join(map(sentence, others))))
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


def _mixed(samples: Samples) -> list[Banner]:
    """Say where runs of one store trained under different settings, which last digits depend on."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for run in samples.runs:
        if run.get("trained"):
            settings = found.setdefault(run["store"], {})
            for what, value in _settings(run).items():
                settings.setdefault(what, {})[value] = None
    mixed = {
        store: [
            f"{what} {listed(list(values))}" for what, values in settings.items() if len(values) > 1
        ]
        for store, settings in found.items()
    }
    return [
        Banner(
            "mixed",
            "Trained under different settings.",
            f"Runs of {store} had {listed(words)}. Trials of the same seed may differ in their "
            "last digits for that alone; run the grid with --force to have all of them alike.",
        )
        for store, words in mixed.items()
        if words
    ]


def _settings(run: dict[str, Any]) -> dict[str, str]:
    """Give what a trial's last digits depend on beside its own condition; only what is recorded."""
    environment = _table(run.get("environment"))
    versions = _table(environment.get("versions"))
    recorded = {
        "threads": _table(run.get("executor")).get("threads", environment.get("threads")),
        "CPU instructions": _table(environment.get("cpu")).get("capability"),
        "Python": environment.get("python"),
        **{name: versions.get(name) for name in ("torch", "torchvision", "numpy")},
    }
    return {what: str(value) for what, value in recorded.items() if value is not None}


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
