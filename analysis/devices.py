"""Devices beside each other: what they are, and whether they train to the same accuracy."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.measures.pairs import trial_values
from analysis.stats.equivalence import equivalence
from analysis.stats.multiplicity import holm
from analysis.stats.paired import paired
from suite.records import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.samples import Samples

ACCURACY: Final = "test_accuracy"
LEVEL: Final = 0.05
DESCRIPTION: Final = (
    "device", "stores", "hardware", "memory_bytes", "capability", "cores", "threads", "torch",
    "platform", "largest_error",
)  # fmt: skip
AGREEMENT: Final = (
    "device", "other_device", "norm", "n", "conditions", "lost", "difference", "low", "high",
    "largest", "p_equivalence", "p_difference", "word",
)  # fmt: skip


def device_table(samples: Samples) -> pd.DataFrame:
    """Describe every device, as the newest run of its store that used it recorded it.

    Returns
    -------
    pandas.DataFrame
        One row a device and machine: ``device``, ``stores`` (joined by commas), ``hardware`` (the
        maker's name), ``memory_bytes``, ``capability``, ``cores`` and ``threads`` of the CPU,
        ``torch``, ``platform``, and ``largest_error`` of batch normalization there (see
        ``gate_table``); NaN or empty where it was not recorded.
    """
    rows: dict[str, dict[str, Any]] = {}
    for (store, device), name in samples.devices.items():
        if name in rows:
            rows[name]["stores"] += f", {store}"
            continue
        run = _newest(samples, store, device)
        environment = run.get("environment") or {}
        described = (run.get("devices") or {}).get(device) or {}
        checks = (run.get("device_checks") or {}).get(device) or {}
        rows[name] = {
            "device": name,
            "stores": store,
            "hardware": str(described.get("name", "")),
            "memory_bytes": described.get("memory_bytes"),
            "capability": str(described.get("capability", "")),
            "cores": (environment.get("cpu") or {}).get("usable_cores"),
            "threads": environment.get("threads"),
            "torch": str((environment.get("torch") or {}).get("build", ""))
            if isinstance(environment.get("torch"), dict)
            else str(environment.get("torch", "")),
            "platform": str(environment.get("platform", "")),
            "largest_error": max(checks.values(), default=None),
        }
    numbers = dict.fromkeys(("memory_bytes", "cores", "threads", "largest_error"), "float64")
    return pd.DataFrame(list(rows.values()), columns=list(DESCRIPTION)).astype(numbers)


def gate_table(samples: Samples) -> pd.DataFrame:
    """List the figures of the check that every device passed before any of its numbers counted.

    Returns
    -------
    pandas.DataFrame
        ``device``, ``quantity``, ``error``: the largest error of batch normalization in float32
        there against float64 on the CPU, relative to the quantity's own scale.
    """
    rows = []
    shown: set[str] = set()
    for (store, device), name in samples.devices.items():
        checks = (_newest(samples, store, device).get("device_checks") or {}).get(device) or {}
        if name not in shown:
            rows += [(name, quantity, float(error)) for quantity, error in checks.items()]
        shown.add(name)
    return pd.DataFrame(rows, columns=["device", "quantity", "error"])


def device_agreement(samples: Samples, margin: float, chance: Mapping[str, float]) -> pd.DataFrame:
    """Test whether devices train to the same test accuracy: two one-sided tests on paired seeds.

    A seed starts from the same numbers on every device, so devices are paired by study, condition
    and seed. Each seed is first reduced to its mean difference over all conditions that both
    devices hold. Holm's correction runs over all rows, for either test.

    Parameters
    ----------
    samples
        Of one or more stores.
    margin
        Smallest difference of accuracy worth knowing, as a fraction.
    chance
        Dataset → accuracy of guessing, for trials that diverged.

    Returns
    -------
    pandas.DataFrame
        One row for each two devices and norm: ``device``, ``other_device``, ``norm``, ``n`` seeds,
        ``conditions``, ``lost`` (pairs where either trial has no accuracy), ``difference`` (the
        first minus the other) with its 95 % interval ``low`` and ``high``, ``largest`` (the mean
        difference of the condition where it is largest), both adjusted p values, and ``word``:
        ``equivalent``, ``different``, ``not shown`` or ``too few seeds``. No row where devices
        share nothing.
    """
    trials = samples.trials
    if trials["device"].nunique() < 2 or ACCURACY not in trials:
        return pd.DataFrame(columns=list(AGREEMENT))
    values = trial_values(samples, trials, ACCURACY, "", chance)
    where = ["study", *AXES, "seed"]
    of = {d: values.loc[values["device"] == d, [*where, "value"]] for d in _devices(samples)}
    rows = []
    for one, other in itertools.combinations(of, 2):
        pairs = of[one].merge(of[other], on=where, suffixes=("", "_other"))
        pairs["difference"] = pairs["value"] - pairs["value_other"]
        rows += [
            _agreement(one, other, str(norm), group, margin)
            for norm, group in pairs.groupby("norm", sort=False)
        ]
    frame = pd.DataFrame(rows, columns=list(AGREEMENT[:-1]))
    for column in ("p_equivalence", "p_difference"):
        frame[column] = holm(frame[column])
    return frame.assign(word=[_word(row, margin) for row in frame.to_dict("records")])


def _devices(samples: Samples) -> list[str]:
    """Name the devices in the order of their stores."""
    present = set(samples.trials["device"])
    return [name for name in dict.fromkeys(samples.devices.values()) if name in present]


def _agreement(
    one: str, other: str, norm: str, pairs: pd.DataFrame, margin: float
) -> dict[str, Any]:
    setting = ["study", *AXES]
    kept = pairs.dropna(subset=["difference"])
    means = kept.groupby("seed")["difference"].mean()
    by_condition = kept.groupby(setting, dropna=False)["difference"].mean().to_numpy()
    test = paired(means)
    return {
        "device": one,
        "other_device": other,
        "norm": norm,
        "n": test.n,
        "conditions": len(by_condition),
        "lost": len(pairs) - len(kept),
        "difference": test.estimate,
        "low": test.low,
        "high": test.high,
        "largest": max(by_condition, key=abs, default=math.nan),
        "p_equivalence": equivalence(means, margin).p,
        "p_difference": test.p,
    }


def _word(row: dict[Any, Any], margin: float) -> str:
    if not row["low"] > -float("inf"):
        return "too few seeds"
    if row["p_equivalence"] < LEVEL:
        return "equivalent"
    if row["p_difference"] < LEVEL and abs(row["difference"]) >= margin:
        return "different"
    return "not shown"


def _newest(samples: Samples, store: str, device: str) -> dict[str, Any]:
    """Give the newest run of a store that recorded a device; empty where none did."""
    for run in reversed(samples.runs):
        if run["store"] == store and device in (run.get("devices") or {}):
            return dict(run)
    return {}
