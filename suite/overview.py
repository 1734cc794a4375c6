"""Tables for people: the grids, the plan of a run, and the verdicts at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from suite.wording import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from suite.estimate import Estimate
    from suite.grid import Grid
    from suite.planning import Plan

STYLES = {
    "supported": "green",
    "contradicted": "red",
    "depends": "yellow",
    "no practical difference": "cyan",
}


def _table(*columns: str | tuple[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name, side = (column, "left") if isinstance(column, str) else column
        table.add_column(name, justify="right" if side == "right" else "left")
    return table


def grids_table(grids: Iterable[Grid]) -> Table:
    """List grids with their studies and sizes."""
    table = _table(
        "grid", "what it is for", "studies", ("conditions", "right"), ("trials", "right")
    )
    for grid in grids:
        table.add_row(
            Text(grid.name, style="bold"),
            Text(grid.title),
            Text(", ".join(study.name for study in grid.studies)),
            f"{sum(len(study.conditions) for study in grid.studies):,}",
            f"{grid.trials:,}",
        )
    return table


def plan_table(
    grid: Grid, plan: Plan, wanted: set[str], estimates: Mapping[str, Estimate]
) -> Table:
    """List a plan's studies with what is still to be done, and estimates for that."""
    table = _table(
        "study",
        "why",
        ("conditions", "right"),
        ("seeds", "right"),
        ("trials", "right"),
        ("to do", "right"),
        ("est. time", "right"),
    )
    for column in table.columns:  # a line a study; the grid file has the whole sentence
        column.no_wrap = True
    table.columns[1].overflow, table.columns[1].ratio = "ellipsis", 1
    table.expand = True
    for study in grid.studies:
        keys = {trial.key for name, trial in plan.planned if name == study.name}
        estimate = estimates[study.name]
        table.add_row(
            Text(study.name, style="bold"),
            Text(study.why),
            f"{len(study.conditions):,}",
            f"{len(study.seeds):,}",
            f"{len(keys):,}",
            f"{len(keys & wanted):,}",
            duration(estimate.seconds) if keys & wanted else "—",
        )
    return table


class VerdictRow(NamedTuple):
    """What the end of a run says of one claim."""

    claim: str
    title: str
    word: str
    estimate: str
    seeds: int
    p: float | None


def verdicts_table(rows: Iterable[VerdictRow]) -> Table:
    """List claims with their verdicts."""
    table = _table("claim", "", "verdict", "estimate [95 % interval]", ("n", "right"), "p (Holm)")
    for row in rows:
        table.add_row(
            Text(row.claim, style="bold"),
            Text(row.title),
            Text(row.word, style=STYLES.get(row.word, "")),
            Text(row.estimate),
            str(row.seeds),
            "" if row.p is None else _p(row.p),
        )
    return table


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")
