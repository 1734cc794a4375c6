"""Measured costs of a store → frames; a replicate takes the place of a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from suite.errors import IncomparableError
from suite.records import AXES
from suite.store import StoreReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from suite.cost_records import CostResult, CostTask

STUDY: Final = "cost"
_IDENTITY: Final = ("study", "key", *AXES, "seed", "device", "threads", "code_version", "store")
_RESULT: Final = ("status", "reason", "hardware")
_TIMING: Final = ("activity", "passes", "samples", "median", "low", "high", "spread", "flags")


@dataclass(frozen=True, eq=False)
class Costs:
    """Everything measured about cost in one or more stores.

    Parameters
    ----------
    rows
        One row per planned (condition, replicate), with the columns of ``Samples.trials`` as far as
        they apply: ``study`` (``cost``), ``key``, the axes, ``seed`` (the replicate), ``device``,
        ``status``, ``reason``, ``store``, ``code_version`` and one column per outcome; and
        ``threads``, ``hardware``. A network in which nothing can be folded is its own folded form,
        so its ``…@inference_folded`` is its ``…@inference``.
    timings
        One row per (condition, replicate, activity): identity as above, ``activity``, ``passes``
        in a sample, ``samples``, their ``median``, quartiles ``low`` and ``high`` in seconds of one
        pass, ``spread`` (high − low over the median) and ``flags``, joined by commas.
    """

    rows: pd.DataFrame
    timings: pd.DataFrame


def load_costs(stores: Mapping[str, Path]) -> Costs:
    """Read the costs that the newest grid of each store asks for.

    Parameters
    ----------
    stores
        Label → path. Where several hold the same setting on the same device, each store's device
        carries the store's name.

    Raises
    ------
    StoreError
        A store can't be read.
    IncomparableError
        Two stores were measured by different code.
    """
    rows: list[dict[str, Any]] = []
    timings: list[dict[str, Any]] = []
    for label, path in stores.items():
        with StoreReader(path) as store:
            store.rows("BEGIN")  # one view of the store, also while a run writes to it
            planned, results = store.planned_costs(), {r.task.key: r for r in store.costs()}
        for task in planned:
            identity, result = _identity(label, task), results.get(task.key)
            rows.append({**identity, **_outcomes(result)})
            timings += [{**identity, **row} for row in _timings(result)]
    costs = _frame(rows, [*_IDENTITY, *_RESULT])
    _refuse_incomparable(costs)
    for column in [c for c in costs.columns if c.endswith("@inference_folded")]:
        costs[column] = costs[column].fillna(costs[column.removesuffix("_folded")])
    setting = [*AXES, "seed", "device"]
    several = costs.groupby(setting, dropna=False)["store"].transform("nunique") > 1
    renamed = set(costs.loc[several, "device"])
    return Costs(
        _side_by_side(costs, renamed),
        _side_by_side(_frame(timings, [*_IDENTITY, *_TIMING]), renamed),
    )


def _identity(label: str, task: CostTask) -> dict[str, Any]:
    return {
        "study": STUDY,
        "key": task.key,
        **{axis: getattr(task.condition, axis) for axis in AXES},
        "seed": task.replicate,
        "device": task.device,
        "threads": task.protocol.threads,
        "code_version": task.code_version,
        "store": label,
    }


def _outcomes(result: CostResult | None) -> dict[str, Any]:
    if result is None:
        return {"status": "missing", "reason": "", "hardware": ""}
    return {
        "status": result.status,
        "reason": result.reason,
        "hardware": result.hardware,
        **{f"{o.quantity}@{o.facet}" if o.facet else o.quantity: o.value for o in result.outcomes},
    }


def _timings(result: CostResult | None) -> list[dict[str, Any]]:
    rows = []
    for timing in () if result is None else result.timings:
        low, median, high = pd.Series(timing.seconds).quantile([0.25, 0.5, 0.75])
        rows.append(
            {
                "activity": timing.activity,
                "passes": timing.passes,
                "samples": len(timing.seconds),
                "median": median,
                "low": low,
                "high": high,
                "spread": (high - low) / median if median > 0 else math.inf,
                "flags": ", ".join(timing.flags),
            }
        )
    return rows


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    order = [*AXES, "device", "seed", "store"]
    return frame.astype({"depth": "Int64", "train_size": "Int64"}).sort_values(
        order, kind="stable", ignore_index=True
    )


def _side_by_side(frame: pd.DataFrame, devices: set[str]) -> pd.DataFrame:
    named = frame["device"] + " (" + frame["store"] + ")"
    return frame.assign(device=frame["device"].mask(frame["device"].isin(devices), named))


def _refuse_incomparable(costs: pd.DataFrame) -> None:
    setting = ["dataset", "model", "norm"]
    mixed = costs.groupby(setting)["code_version"].transform("nunique") > 1
    if mixed.any():
        first = costs[mixed].iloc[0]
        what = ", ".join(str(first[axis]) for axis in setting)
        raise IncomparableError(
            f"the costs of {what} in {', '.join(costs.loc[mixed, 'store'].unique())} were measured "
            "by different versions of the code; measure both with the same version"
        )
