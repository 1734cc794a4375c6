"""Trials and curves narrowed to what one figure shows: every other axis holds one value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pandas as pd

    from analysis.figures.evidence import Evidence

FINISHED = ("ok", "diverged")


def narrowed(
    rows: pd.DataFrame, vary: Collection[str], condition: Mapping[str, object]
) -> pd.DataFrame:
    """Keep one value on every axis, and one device, but for the axes that the figure shows.

    Parameters
    ----------
    rows
        Trials, or points of their curves.
    vary
        Axes that stay as they are.
    condition
        Axis → the value to keep where the rows have it; else it is the first in order.
    """
    for axis in (*AXES, "device"):
        if axis in vary or rows.empty:
            continue
        values = rows[axis].dropna().unique()
        if len(values) > 1:
            wanted = condition.get(axis)
            kept = wanted if wanted in set(values) else sorted(values, key=str)[0]
            rows = rows[rows[axis] == kept]
    return rows


def trials_of(
    evidence: Evidence, vary: Collection[str], study: str = "", *, all_statuses: bool = False
) -> pd.DataFrame:
    """Finished and diverged trials of a study, all norms, narrowed.

    Parameters
    ----------
    study
        Its name; empty for the study of the claim's primary comparison.
    all_statuses
        Keep the trials that did not finish, too.
    """
    rows = evidence.samples.study(study or evidence.comparison.study)
    if rows.empty:
        return rows
    rows = narrowed(rows, {"norm", *vary}, evidence.condition())
    return rows if all_statuses else rows[rows["status"].isin(FINISHED)]


def points_of(
    evidence: Evidence, quantity: str, vary: Collection[str] = (), study: str = "", facet: str = ""
) -> pd.DataFrame:
    """Points of a curve over all norms of a study, narrowed; empty where there is none."""
    curves = evidence.samples.curves(quantity, study or evidence.comparison.study)
    curves = curves[curves["facet"] == facet]
    return narrowed(curves, {"norm", *vary}, evidence.condition())


def study_with(evidence: Evidence, quantity: str, preferred: str) -> str:
    """Name a study whose curves hold a quantity: the preferred one where it does; else empty."""
    curves = evidence.samples.curves(quantity)
    names = curves["study"].unique()
    if preferred in names:
        return preferred
    return str(names[0]) if len(names) else ""


def layer_numbers(names: Iterable[str]) -> dict[str, int]:
    """Count the layers of a facet from the network's input on: norm10 comes after norm9."""

    def natural(name: str) -> list[tuple[int, str]]:
        parts = re.split(r"(\d+)", name)
        return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]

    return {name: i + 1 for i, name in enumerate(sorted(set(names), key=natural))}
