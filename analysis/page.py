"""Samples and verdicts → the page, as ready strings."""

from __future__ import annotations

import shlex
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.answer import answer
from analysis.banners import banners
from analysis.claim_view import WORDS, claim_view, score_row
from analysis.recommend import recommendations
from analysis.render import overview_figures
from analysis.tables import csv_download, table
from analysis.view import Page, RunView, ScoreGroup, Traceback, TrialsView
from analysis.wording import axis_value, count, duration, listed, moment, several
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdict, Verdicts
    from analysis.samples import Samples
    from analysis.view import Facts, ScoreRow, Table

QUESTION: Final = "What does batch normalization buy, and what does it cost?"
GROUPS: Final = ("advantages", "limitations", "batch size", "mechanics", "notebook")
_STATUS_WORDS: Final = {
    "ok": "finished",
    "diverged": "diverged (data, counted)",
    "undefined": "undefined",
    "oom": "out of memory",
    "failed": "failed",
    "missing": "missing",
}
_COST_WORDS: Final = {"ok": "measured", "oom": "out of memory"}
_MOST_TRACEBACKS: Final = 10
_VARIED: Final = ("dataset", "model", "optimizer", "init", "depth", "train_size", "weight_decay")


def build_page(samples: Samples, verdicts: Verdicts) -> Page:
    """Make the view model of the whole report."""
    all_verdicts = tuple(verdicts)
    measured = tuple(v for v in all_verdicts if v.results)
    rows = [(v.claim.group, score_row(v)) for v in measured]
    grid = grid_name(samples)
    return Page(
        title=f"Batch normalization: {grid}",
        eyebrow=f"batchnorm-bench · {grid}",
        question=QUESTION,
        audience=_audience(samples),
        answer=answer(all_verdicts),
        banners=banners(samples, all_verdicts, verdicts.registry_hash),
        scorecard=_groups(rows),
        scorecard_note=(
            "Effect: with batch normalization against without, on the same seeds. The line shows "
            "its interval around zero, to the right what the claim says; inside the shaded part a "
            "difference is too small to matter. n counts seeds; p is adjusted for the number of "
            "claims (Holm)."
        ),
        recommendations=recommendations(samples),
        overview=overview_figures(samples, all_verdicts),
        claims=tuple(claim_view(samples, v) for v in measured),
        unmeasured=_unmeasured([v for v in all_verdicts if not v.results]),
        words=tuple(WORDS.values()),
        studies=_studies(samples),
        trials=_trials(samples),
        costs=_costs(samples),
        runs=_runs(samples),
        registry_hash=verdicts.registry_hash,
        registry_note="",
        bibtex=_bibtex(),
    )


def _unmeasured(verdicts: Sequence[Verdict]) -> Table | None:
    """List the claims for which the grid asks for nothing; None where it serves all."""
    if not verdicts:
        return None
    rows = [
        {
            "claim": v.claim.id,
            "what it says": v.claim.sentence,
            "source": v.claim.source,
            "why not": v.why,
        }
        for v in verdicts
    ]
    return table(pd.DataFrame(rows), f"{count(len(rows), 'claim')} of the registry", most=100)


def grid_name(samples: Samples) -> str:
    """Name the grids that the stores were made from."""
    names = [str((run.get("grid") or {}).get("name", "")) for run in samples.runs]
    distinct = [n for n in dict.fromkeys(names) if n]
    return " + ".join(distinct) or "results"


def _audience(samples: Samples) -> Facts:
    trials = samples.trials
    if trials.empty:
        return (("Trials", "none"),)
    seeds = trials.groupby("study", sort=False)["seed"].nunique()
    seed_words = (
        count(int(seeds.iloc[0]), "seed")
        if seeds.min() == seeds.max()
        else f"{seeds.min()} to {seeds.max()} seeds"
    )
    done = int(trials["status"].isin(["ok", "diverged"]).sum())
    return (
        ("Dataset", several(sorted(trials["dataset"].unique()))),
        ("Model", several(sorted(trials["model"].unique()))),
        ("Device", several(sorted(trials["device"].unique()))),
        ("Replication", f"{seed_words} per condition"),
        ("Trials", f"{done:,} of {len(trials):,}"),
    )


def _groups(rows: Sequence[tuple[str, ScoreRow]]) -> tuple[ScoreGroup, ...]:
    order = [*GROUPS, *sorted({g for g, _ in rows} - set(GROUPS))]
    return tuple(
        ScoreGroup(group.capitalize(), members)
        for group in order
        if (members := tuple(row for g, row in rows if g == group))
    )


def _studies(samples: Samples) -> Table:
    rows = []
    for name, why in samples.studies.items():
        trials = samples.study(name)
        varied = [a for a in AXES if len(trials[a].unique()) > 1]
        rows.append(
            {
                "study": name,
                "why": why,
                "varies": listed(
                    [
                        f"{a.replace('_', ' ')} ({several(sorted(trials[a].dropna().unique()))})"
                        for a in varied
                    ]
                ),
                "seeds": int(trials["seed"].nunique()),
                "trials": len(trials),
            }
        )
    return table(pd.DataFrame(rows), "The studies of this grid")


def _trials(samples: Samples) -> TrialsView:
    trials = samples.trials
    # The same trial may serve two studies; a trial is counted once.
    once = trials.drop_duplicates(["store", "key"])
    counts = once["status"].value_counts()
    bad = once[once["status"] != "ok"]
    fixed = [
        a
        for a in AXES
        if a not in ("norm", "batch_size", "learning_rate") and len(once[a].unique()) > 1
    ]
    columns = [
        "study",
        "norm",
        "batch_size",
        "learning_rate",
        *fixed,
        "seed",
        "device",
        "status",
        "detail",
    ]
    listing = bad.assign(detail=[_detail(r) for r in bad.to_dict("records")])[columns]
    seconds = float(once["seconds"].fillna(0).sum())
    lines = [f"The grid asks for {count(len(once), 'trial')}."]
    lines.append(
        f"{count(int(counts.get('ok', 0)), 'trial')} finished, in {duration(seconds)} of training."
    )
    others = [s for s in _STATUS_WORDS if s != "ok" and counts.get(s, 0)]
    lines.append(
        "None diverged, failed or is missing."
        if not others
        else listed([f"{int(counts[s]):,} {_STATUS_WORDS[s]}" for s in others]).capitalize()
        + ": all listed here, and none left out of a verdict without being counted."
    )
    failed = bad[bad["status"] == "failed"]
    return TrialsView(
        summary=" ".join(lines),
        counts=tuple(
            (_STATUS_WORDS[s].capitalize(), f"{int(counts[s]):,}")
            for s in _STATUS_WORDS
            if counts.get(s, 0)
        ),
        table_title=f"{count(len(listing), 'trial')} that did not finish",
        table=table(
            listing, "Trials that diverged, failed, are undefined or missing", searchable=True
        )
        if len(listing)
        else None,
        tracebacks=tuple(
            Traceback(f"{r['norm']}, batch {r['batch_size']}, seed {r['seed']}", str(r["reason"]))
            for r in failed.head(_MOST_TRACEBACKS).to_dict("records")
        ),
        csv=(csv_download(listing, "unfinished.csv", "Unfinished trials as CSV"),)
        if len(listing)
        else (),
    )


def _costs(samples: Samples) -> TrialsView | None:
    """Say how the measurements of cost went; None where the grid asks for none."""
    rows, timings = samples.costs.rows, samples.costs.timings
    if rows.empty:
        return None
    counts = rows["status"].value_counts()
    flagged = timings[timings["flags"] != ""] if len(timings) else timings
    words = [f"{int(n):,} {_COST_WORDS.get(str(s), str(s))}" for s, n in counts.items()]
    unstable = (
        f"{count(len(flagged), 'timing')} of {len(timings):,} carry a flag; they are used all the "
        "same."
        if len(flagged)
        else "No timing carries a flag."
    )
    columns = ["norm", "batch_size", "device", "seed", "activity", "samples", "median", "spread"]
    columns.append("flags")
    listing = flagged[columns].rename(columns={"seed": "replicate", "median": "median_seconds"})
    return TrialsView(
        summary=(
            f"The grid asks for {count(len(rows), 'measurement')} of cost, each in a process of "
            f"its own: {listed(words)}. {unstable}"
        ),
        counts=(),
        table_title=f"{count(len(listing), 'timing')} with a flag",
        table=table(listing, "Timings that are unstable or disturbed", searchable=True)
        if len(listing)
        else None,
        tracebacks=(),
        csv=tuple(
            csv_download(frame, name, f"{label} as CSV ({len(frame):,} rows)")
            for frame, name, label in (
                (rows, "costs.csv", "All costs"),
                (timings, "timings.csv", "All timings"),
            )
            if len(frame)
        ),
    )


def _detail(row: dict[Any, Any]) -> str:
    if row["status"] == "diverged":
        return f"at step {axis_value(row['diverged_step'])}"
    lines = str(row["reason"]).strip().splitlines()
    return lines[-1] if lines else "not run yet"


def _runs(samples: Samples) -> tuple[RunView, ...]:
    found = []
    for run in samples.runs:
        command = run.get("command")
        words = [str(w) for w in command] if isinstance(command, list) else [str(command or "")]
        facts = {"started": moment(run.get("started")), "finished": moment(run.get("finished"))}
        facts |= _flat(run.get("environment"))
        frame = pd.DataFrame({"what": list(facts), "value": list(facts.values())})
        found.append(
            RunView(
                title=f"Run {run['id']}"
                + (f" of {run['store']}" if len(samples.stores) > 1 else ""),
                command=shlex.join(words),
                table=table(frame, "Where and when it ran", most=200),
            )
        )
    return tuple(found)


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Flatten stored JSON into rows: ``devices.cpu.threads`` → text."""
    if isinstance(value, dict):
        return {
            k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}.").items()
        }
    if isinstance(value, list):
        return {prefix.rstrip("."): ", ".join(str(v) for v in value)}
    return {prefix.rstrip("."): str(value)} if prefix else {}


def _bibtex() -> str:
    try:
        version = metadata.version("batchnorm-bench")
    except metadata.PackageNotFoundError:
        version = "unreleased"
    return (
        "@software{batchnorm_bench,\n"
        "  title   = {batchnorm-bench: what batch normalization buys and what it costs},\n"
        "  author  = {{The batchnorm-bench authors}},\n"
        f"  version = {{{version}}},\n"
        "}"
    )
