"""How every trial and every measurement of cost ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from analysis.report.tables import csv_download, table
from analysis.report.view import Traceback, TrialsView
from analysis.wording import axis_value, count, duration, listed
from suite.records import AXES

if TYPE_CHECKING:
    from analysis.samples import Samples

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


def trials_view(samples: Samples) -> TrialsView:
    """Count how every trial ended, and list those that did not finish."""
    once = samples.distinct_trials
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
        + ": all in the CSV below, and none left out of a verdict without being counted."
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


def costs_view(samples: Samples) -> TrialsView | None:
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
