"""Samples and verdicts → the page, as ready strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.report.answer import answer
from analysis.report.banners import banners
from analysis.report.claim_view import claim_view
from analysis.report.costs import cost_tables
from analysis.report.devices import devices_view
from analysis.report.provenance import bibtex, runs_view
from analysis.report.recommend import recommendation_scope, recommendations
from analysis.report.render import page_figures
from analysis.report.scorecard import WORDS, score_row
from analysis.report.tables import table
from analysis.report.trials import costs_view, trials_view
from analysis.report.view import Page, ScoreGroup
from analysis.wording import count, listed, several
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdict, Verdicts
    from analysis.report.studio import Studio
    from analysis.report.view import Facts, ScoreRow, Table, TrustView
    from analysis.report.workers import Work
    from analysis.samples import Samples

QUESTION: Final = "What does batch normalization buy, and what does it cost?"
GROUPS: Final = ("advantages", "limitations", "batch size", "mechanics", "notebook")


def build_page(
    samples: Samples, verdicts: Verdicts, trust: Work[TrustView], studio: Studio
) -> Page:
    """Make the view model of the whole report.

    Parameters
    ----------
    samples, verdicts
        The evidence and what was found in it.
    trust
        How far it can be trusted; perhaps still under way.
    studio
        Draws the figures.
    """
    all_verdicts = tuple(verdicts)
    measured = sorted((v for v in all_verdicts if v.results), key=lambda v: _place(v.claim.group))
    rows = [(v.claim.group, score_row(v)) for v in measured]
    grid = grid_name(samples)
    return Page(
        title=f"Batch normalization: {grid}",
        eyebrow=f"batchnorm-bench · {grid}",
        question=QUESTION,
        audience=_audience(samples),
        answer=answer(all_verdicts),
        banners=banners(samples, verdicts.registry_hash),
        scorecard=_groups(rows),
        scorecard_note=(
            "Effect: what the claim is about against what it is set against, on the same seeds; in "
            "most claims that is with batch normalization against without. Points are percentage "
            "points. The line shows the interval around zero, to the right what the claim says; "
            "inside the shaded part a difference is too small to matter. n counts seeds, or fresh "
            "processes where cost was measured; p is adjusted for the number of claims (Holm)."
        ),
        recommendations=recommendations(samples),
        recommendation_scope=recommendation_scope(samples),
        overview=page_figures(samples, all_verdicts, "overview", studio),
        mechanics=page_figures(samples, all_verdicts, "mechanics", studio),
        claims=tuple(claim_view(samples, v, studio) for v in measured),
        unmeasured=_unmeasured([v for v in all_verdicts if not v.results]),
        words=tuple(WORDS.values()),
        studies=_studies(samples),
        trust=trust.result,
        trials=trials_view(samples),
        costs=costs_view(samples),
        devices=devices_view(samples, measured),
        cost_tables=cost_tables(samples, measured, studio),
        runs=runs_view(samples),
        registry_hash=verdicts.registry_hash,
        registry_note="",
        bibtex=bibtex(verdicts.registry_hash),
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
    names = [str((run.get("grid") or {}).get("name", "")) for run in samples.latest_runs]
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
    distinct = samples.distinct_trials["status"]
    done = int(distinct.isin(["ok", "diverged", "undefined"]).sum())
    return (
        ("Dataset", several(_most_first(trials["dataset"]))),
        ("Model", several(_most_first(trials["model"]))),
        ("Device", several(sorted(trials["device"].unique()))),
        ("Replication", f"{seed_words} per condition"),
        ("Trials", f"{done:,} of {len(distinct):,}"),
    )


def _most_first(column: pd.Series) -> list[Any]:
    """Give the values of a column, those that most trials have first."""
    counts = column.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return counts.index.tolist()


def _place(group: str) -> int:
    """Give a group's place in the order of the scorecard; groups of other registries come last."""
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


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
