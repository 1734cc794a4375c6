"""Several stores as one: what must agree, and how the devices of different machines are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from suite.errors import IncomparableError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import pandas as pd

_SHOWN: Final = 12  # characters of a hash that a person needs to tell two apart


@dataclass(frozen=True)
class Place:
    """One device of one store.

    Parameters
    ----------
    store, device
        Label of the store, and the name that it has for the device.
    machine
        What is known of the machine, from ``machine_of``; equal for the same machine.
    holds
        Whatever a device can hold once: keys of trials, settings of costs.
    """

    store: str
    device: str
    machine: Hashable
    holds: frozenset[Hashable]


def device_labels(places: Sequence[Place]) -> dict[tuple[str, str], str]:
    """Name devices so that no two machines share a name.

    Stores that were filled on the same machine, with other seeds or studies, are one sample and
    keep the plain name. Where the machines differ, or hold the same trial or cost twice, they stand
    side by side, each named by its stores too: ``cpu (laptop)`` and ``cpu (server)``.

    Parameters
    ----------
    places
        In the order in which the stores were given.

    Returns
    -------
    dict
        (store, device) → name.
    """
    parts: dict[str, list[list[Place]]] = {}
    for place in places:
        known = parts.setdefault(place.device, [])
        fitting = (p for p in known if all(_one_sample(place, other) for other in p))
        part = next(fitting, None)
        if part is None:
            known.append([place])
        else:
            part.append(place)
    return {
        (place.store, device): device
        if len(known) == 1
        else f"{device} ({' + '.join(p.store for p in part)})"
        for device, known in parts.items()
        for part in known
        for place in part
    }


def machine_of(runs: Sequence[Mapping[str, Any]], device: str) -> Hashable:
    """Say on which machine a store's newest run used a device.

    Parameters
    ----------
    runs
        The store's runs, oldest first.
    device
        As the store names it.

    Returns
    -------
    Hashable
        The device's own name, the mark that the environment has for the machine, and its cores;
        all empty where no run recorded them.
    """
    for run in reversed(runs):
        described = (run.get("devices") or {}).get(device)
        if described:
            environment = run.get("environment") or {}
            cores = (environment.get("cpu") or {}).get("usable_cores")
            return str(described.get("name", "")), str(environment.get("machine", "")), cores
    return "", "", None


def refuse_different(
    frame: pd.DataFrame, column: str, within: Sequence[str], words: str, advice: str
) -> None:
    """Refuse stores that differ in what must agree wherever the same thing was done.

    Parameters
    ----------
    frame
        Rows of all stores, with ``store``.
    column
        What must be one value.
    within
        Columns that say where.
    words
        What to call several of its values: ``data fingerprints``.
    advice
        What to do about it.

    Raises
    ------
    IncomparableError
        Names the stores with their values, and the first place where they differ.
    """
    groups = frame.groupby(list(within), dropna=False, sort=False)[column]
    mixed = frame[groups.transform("nunique") > 1]
    if mixed.empty:
        return
    first = mixed.iloc[0]
    same = frame[(frame[list(within)] == first[list(within)]).all(axis=1)]
    stores = same.groupby(column, sort=False)["store"].unique()
    found = "; ".join(f"{' and '.join(s)}: {str(value)[:_SHOWN]}…" for value, s in stores.items())
    what = ", ".join(f"{axis} {first[axis]}" for axis in within if str(first[axis]))
    elsewhere = len(mixed[list(within)].drop_duplicates()) - 1
    more = f", and in {elsewhere} more place{'s' * (elsewhere > 1)}" if elsewhere else ""
    names = list(dict.fromkeys(name for s in stores for name in s))
    raise IncomparableError(
        f"{', '.join(names[:-1])} and {names[-1]} have different {words} for {what} "
        f"({found}){more}: they can't be pooled; {advice}"
    )


def _one_sample(one: Place, other: Place) -> bool:
    return one.machine == other.machine and not one.holds & other.holds
