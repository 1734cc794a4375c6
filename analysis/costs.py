"""Measured costs of a store → frames; a replicate takes the place of a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.merge import refuse_different
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


def load_costs(stores: Mapping[str, Path], devices: Mapping[tuple[str, str], str]) -> Costs:
    """Read the costs that the newest grid of each store asks for.

    Parameters
    ----------
    stores
        Label → path.
    devices
        (store, device as the store names it) → device as it is named here.

    Raises
    ------
    StoreError
        A store can't be read.
    IncomparableError
        Stores were measured by different code.
    """
    rows: list[dict[str, Any]] = []
    timings: list[dict[str, Any]] = []
    for label, path in stores.items():
        with StoreReader(path) as store:
            planned, results = store.planned_costs(), {r.task.key: r for r in store.costs()}
        for task in planned:
            identity, result = _identity(label, task), results.get(task.key)
            rows.append({**identity, **_outcomes(result)})
            timings += [{**identity, **row} for row in _timings(result)]
    costs = _frame(rows, [*_IDENTITY, *_RESULT])
    refuse_different(
        costs,
        "code_version",
        ("dataset", "model", "norm"),
        "code versions of the costs",
        "measure both with the same version",
    )
    for column in [c for c in costs.columns if c.endswith("@inference_folded")]:
        costs[column] = costs[column].fillna(costs[column.removesuffix("_folded")])
    times = _frame(timings, [*_IDENTITY, *_TIMING])
    return Costs(
        _sorted(costs.assign(device=renamed(costs, devices))),
        _sorted(times.assign(device=renamed(times, devices))),
    )


def planned_costs(stores: Mapping[str, Path]) -> pd.DataFrame:
    """List what each store's newest grid measures: ``store``, ``device``, the axes and ``seed``."""
    columns = ["store", "device", *AXES, "seed"]
    rows = []
    for label, path in stores.items():
        with StoreReader(path) as store:
            rows += [_identity(label, task) for task in store.planned_costs()]
    return pd.DataFrame(rows, columns=list(_IDENTITY))[columns]


def renamed(frame: pd.DataFrame, devices: Mapping[tuple[str, str], str]) -> pd.Series[str]:
    """Give the devices of a frame with ``store`` and ``device`` their names across stores."""
    pairs = zip(frame["store"], frame["device"], strict=True)
    return pd.Series([devices.get(p, p[1]) for p in pairs], frame.index, dtype="str")


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
    return frame.astype({"depth": "Int64", "train_size": "Int64"})


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    order = [*AXES, "device", "seed", "store"]
    return frame.sort_values(order, kind="stable", ignore_index=True)
