"""Trials of two results, row by row in the same order, and whether they may be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.costs import STUDY as COST_STUDY
from analysis.measures.labels import condition_of, label_of
from analysis.measures.pairs import BUDGETS
from analysis.samples import MISSING
from analysis.versus.records import Broken
from suite.errors import IncomparableError
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pandas as pd

    from analysis.samples import Samples

# Reason not to compare → the column that must agree, for trials and for costs, within which
# setting, and what to call it.
INCOMPARABLE: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "data": ("data_fingerprint", ("dataset",), "other images"),
    "code": (
        "code_version",
        ("dataset", "model", "norm", "optimizer", "init"),
        "another code version",
    ),
    "protocol": ("protocol", ("study",), "another protocol"),
}
_COST_INCOMPARABLE: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "code": ("code_version", ("dataset", "model", "norm"), "another code version of the cost"),
    "protocol": ("threads", ("study",), "another number of threads for the cost"),
}


FINISHED: Final = ("ok", "diverged")


@dataclass(frozen=True, eq=False)
class SharedTrials:
    """What both results plan of one study, row by row in the same order, and what only one does."""

    study: str
    samples: tuple[Samples, Samples]
    rows: tuple[pd.DataFrame, pd.DataFrame]
    only: tuple[int, int]
    only_finished: int  # of those that only A plans
    devices: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def lost(self) -> int:
        """Count what A has finished and B does not have, planned there or not."""
        a, b = self.rows
        finished = a["status"].isin(FINISHED) & (b["status"] == MISSING)
        return int(finished.sum()) + self.only_finished

    def broken(self) -> Iterator[Broken]:
        """List what worked in A and not in B."""
        a, b = self.rows
        worse = a["status"].isin(FINISHED) & b["status"].isin(("failed", "oom"))
        named = varying_axes(b)
        for row in b[worse.to_numpy()].to_dict("records"):
            condition = condition_of([*AXES, "device"], [row[c] for c in (*AXES, "device")])
            yield Broken(
                study=self.study,
                condition=label_of(condition, named),
                seed=int(row["seed"]),
                status=str(row["status"]),
            )


def shared_trials(a: Samples, b: Samples, study: str) -> SharedTrials:
    """Match the rows of a study; one device in each result may have another name in the other."""
    rows = [samples.study(study) for samples in (a, b)]
    devices = [tuple(sorted(r["device"].unique())) for r in rows]
    if len(devices[0]) == len(devices[1]) == 1 and devices[0] != devices[1]:
        both = f"{devices[0][0]} | {devices[1][0]}"
        rows = [r.assign(device=both) for r in rows]
    match = [*AXES, "device", "seed"]
    indexed = [r.assign(row=np.arange(len(r))) for r in rows]
    found = indexed[0][[*match, "row"]].merge(
        indexed[1][[*match, "row"]], on=match, suffixes=("_a", "_b"), validate="one_to_one"
    )
    alone = rows[0].drop(index=rows[0].index[found["row_a"].to_numpy()])
    taken = [
        r.iloc[found[f"row_{side}"].to_numpy()].reset_index(drop=True)
        for r, side in zip(rows, "ab", strict=True)
    ]
    for column in set(BUDGETS.values()) & set(taken[0].columns) & set(taken[1].columns):
        # Where budgets may differ, both are watched for as long as the shorter one.
        least = np.fmin(taken[0][column], taken[1][column])
        taken = [t.assign(**{column: least}) for t in taken]
    return SharedTrials(
        study,
        (a, b),
        (taken[0], taken[1]),
        (len(alone), len(rows[1]) - len(found)),
        int(alone["status"].isin(FINISHED).sum()),
        (devices[0], devices[1]),
    )


def require_comparable(pairs: Sequence[SharedTrials], allow: Collection[str]) -> list[str]:
    """Name everything in which the two differ; refuse what was not allowed."""
    faults: dict[str, list[str]] = {}
    for shared in pairs:
        rules = _COST_INCOMPARABLE if shared.study == COST_STUDY else INCOMPARABLE
        for name, (column, within, words) in rules.items():
            a, b = (r[column].astype(str) for r in shared.rows)
            other = a != b
            if not other.any():
                continue
            where = shared.rows[0].loc[other, list(within)].drop_duplicates()
            first = ", ".join(str(v) for v in where.iloc[0])
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            values = f"{a[other].iloc[0][:12]}… and {b[other].iloc[0][:12]}…"
            faults.setdefault(name, []).append(f"{words} for {first}{more} ({values})")
    texts = {name: "; ".join(dict.fromkeys(found)) for name, found in faults.items()}
    refused = [name for name in texts if name not in allow]
    if refused:
        told = "; ".join(f"{name}: {texts[name]}" for name in refused)
        raise IncomparableError(
            f"A and B are not comparable. {told}. To compare them all the same: "
            + " ".join(f"--allow {name}" for name in refused)
        )
    return [f"{name}: {text}" for name, text in texts.items()]


def varying_axes(rows: pd.DataFrame) -> list[str]:
    """Axes that tell the study's conditions apart."""
    found = [a for a in (*AXES, "device") if rows[a].nunique(dropna=False) > 1]  # noqa: PD101
    return found or ["norm"]
