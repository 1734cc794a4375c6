"""Measured costs summed up: each network with its ratio to no norm, and the time to a target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from analysis.stats.paired import log_ratios, paired
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.contrasts import ContrastResult, Verdict
    from analysis.costs import Costs

CONTROL: Final = "none"
ACTIVITIES: Final = ("forward", "train_step", "inference", "inference_folded")
_SETTING: Final = ("device", *(axis for axis in AXES if axis != "norm"))
_COUNTED: Final = ("training_bytes", "energy_joules@train_step")
_MEANS: Final = ("images_per_second@train_step", "matmul_peak_share@train_step", "matmul_peak")
_PEAKS: Final = ("peak_memory_bytes@allocator", "peak_memory_bytes@resident set")


def cost_table(costs: Costs) -> pd.DataFrame:
    """Sum up what every network costs on every device.

    Returns
    -------
    pandas.DataFrame
        One row a device and condition: ``device``, the axes, ``status`` (of the first replicate
        that is not ``ok``, else ``ok``), ``replicates``; for each activity ``<activity>_seconds``
        (geometric mean over replicates) and ``<activity>_ratio`` to the network without a norm at
        the same setting, paired by replicate, with its 95 % interval ``_low`` and ``_high`` (NaN
        for that network itself); ``training_bytes``, ``peak_bytes`` with ``peak_kind``,
        ``images_per_second``, ``matmul_peak_share``, ``matmul_peak``, ``energy_joules`` of a
        training step; and ``flags``: activity and flag with the number of replicates that have it.
        NaN where nothing was measured.
    """
    found: list[dict[str, Any]] = []
    for key, group in costs.rows.groupby(list(_SETTING), dropna=False, sort=False):
        where = dict(zip(_SETTING, key, strict=True))
        control = group[group["norm"] == CONTROL].set_index("seed")
        for norm, rows in group.groupby("norm", sort=False):
            arm = rows.set_index("seed")
            row = {**where, "norm": norm, **_ended(arm)}
            for activity in ACTIVITIES:
                row |= _times(arm, None if norm == CONTROL else control, activity)
            found.append({**row, **_other(arm), "flags": _flags(costs.timings, rows)})
    if not found:
        return pd.DataFrame(columns=["device", *AXES, "status", "replicates", "flags"])
    frame = pd.DataFrame(found)
    first = ["device", *AXES]
    return frame[[*first, *(c for c in frame.columns if c not in first)]]


def wall_clock_table(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """Give the time to a target of both arms, each with one interval for steps and their time.

    Returns
    -------
    pandas.DataFrame
        One row an arm and setting: ``comparison``, ``setting`` in words, the axes of the setting,
        ``norm``, ``n`` (independent pairs of a seed and a replicate), ``seconds`` (geometric mean)
        with ``low`` and ``high`` (95 %), ``not_reached`` (pairs of this arm that count with the
        whole budget), and for the arm with the norm ``ratio`` to the other with ``ratio_low`` and
        ``ratio_high``.
    """
    rows = []
    for result in (r for v in verdicts for r in v.results):
        if result.contrast.comparison.measure == "time_to_target":
            rows += [_arm(result, norm) for norm in result.contrast.arms]
    return pd.DataFrame(rows)


def _ended(arm: pd.DataFrame) -> dict[str, Any]:
    unlike = arm.loc[arm["status"] != "ok", "status"]
    return {
        "status": unlike.iloc[0] if len(unlike) else "ok",
        "replicates": int((~arm["status"].isin(("missing", "failed", "oom"))).sum()),
    }


def _times(arm: pd.DataFrame, control: pd.DataFrame | None, activity: str) -> dict[str, float]:
    column = f"pass_seconds@{activity}"
    names = [f"{activity}_{what}" for what in ("seconds", "ratio", "low", "high")]
    values = arm[column].dropna() if column in arm else pd.Series(dtype="float64")
    if values.empty:
        return dict.fromkeys(names, math.nan)
    seconds = float(np.exp(np.log(values).mean()))
    if control is None or control.empty:
        return dict(zip(names, (seconds, math.nan, math.nan, math.nan), strict=True))
    pairs = pd.concat([values, control[column]], axis=1, keys=["arm", "control"]).dropna()
    test = paired(log_ratios(pairs["arm"], pairs["control"]))
    ratio = (math.exp(v) for v in (test.estimate, test.low, test.high))
    return dict(zip(names, (seconds, *ratio), strict=True))


def _other(arm: pd.DataFrame) -> dict[str, Any]:
    def mean(column: str) -> float:
        return float(arm[column].mean()) if column in arm else math.nan

    peaks = {c.partition("@")[2]: mean(c) for c in _PEAKS}
    kind = next((k for k, value in peaks.items() if not math.isnan(value)), "")
    return {
        **{name.partition("@")[0]: mean(name) for name in (*_COUNTED, *_MEANS)},
        "peak_bytes": peaks.get(kind, math.nan),
        "peak_kind": kind,
    }


def _flags(timings: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Say which activities carry which flags, and in how many replicates."""
    mine = timings[timings["key"].isin(set(rows["key"])) & timings["store"].isin(rows["store"])]
    counts = (
        mine.assign(flag=mine["flags"].str.split(", "))
        .explode("flag")
        .loc[lambda t: t["flag"].fillna("") != ""]
        .groupby(["activity", "flag"], sort=False)
        .size()
        .reset_index(name="count")
    )
    texts = []
    for activity in ACTIVITIES:
        here = counts[counts["activity"] == activity]
        if len(here):
            words = [
                f"{f} {n}/{len(rows)}" for f, n in zip(here["flag"], here["count"], strict=True)
            ]
            texts.append(f"{activity.replace('_', ' ')}: {', '.join(words)}")
    return "; ".join(texts)


def _arm(result: ContrastResult, norm: str) -> dict[str, Any]:
    contrast = result.contrast
    comparison = contrast.comparison
    test = paired(np.log(contrast.arms[norm]))
    row = {
        "comparison": comparison.name,
        "setting": contrast.label,
        **contrast.condition,
        "norm": norm,
        "n": test.n,
        **dict(
            zip(("seconds", "low", "high"), _exp(test.estimate, test.low, test.high), strict=True)
        ),
        "not_reached": contrast.censored.get(norm, 0),
    }
    if norm != str(comparison.arms.treatment):
        return row
    ends = sorted((comparison.sign * result.low, comparison.sign * result.high))
    ratio = _exp(comparison.sign * result.estimate, *ends)
    return {**row, **dict(zip(("ratio", "ratio_low", "ratio_high"), ratio, strict=True))}


def _exp(*logs: float) -> tuple[float, ...]:
    return tuple(math.inf if v > 700 else math.exp(v) for v in logs)
