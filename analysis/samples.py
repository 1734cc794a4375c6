"""Stores → tidy frames keyed by condition and seed.

Everything that the grid asked for is a row, done or not: a planned trial without a result has
status ``missing``. What an earlier grid left in the store and this one doesn't ask for is no row.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.costs import STUDY as COST_STUDY
from analysis.costs import Costs, load_costs, planned_costs, renamed
from analysis.merge import Place, device_labels, machine_of, refuse_different
from suite.errors import UsageError
from suite.quantities import quantity as known_quantity
from suite.records import AXES, canonical_json
from suite.store import StoreReader

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from suite.records import Protocol, Trial

MISSING: Final = "missing"
# Column → what it must agree within, what to call it, and what to do. Same setting but another of
# these is another experiment, and pooling it would be wrong.
_IDENTITY: Final[dict[str, tuple[tuple[str, ...], str, str]]] = {
    "data_fingerprint": (("dataset",), "data fingerprints", "run both on the same files"),
    "code_version": (
        ("dataset", "model", "norm", "optimizer", "init", "probes"),
        "code versions",
        "run both with the same version",
    ),
    "protocol": (("study",), "protocols", "give that study the same budget and split in both"),
}
# Budget → outcome that shows it where the protocol states another one.
_BUDGETS: Final = {"budget_steps": "steps", "budget_samples": "samples"}
_RESULT: Final = ("status", "reason", "diverged_step", "stack_size", "seconds")


@dataclass(frozen=True, eq=False)
class Samples:
    """The evidence of one or more stores.

    Parameters
    ----------
    trials
        One row per planned (study, trial): ``study``, ``key``, the axes, ``seed``, ``device``,
        ``status``, ``reason``, ``diverged_step``, ``stack_size``, ``seconds``, ``budget_steps``
        and ``budget_samples`` (what the budget allows; NaN where no trial of that setting has shown
        it), ``split``, ``data_fingerprint``, ``code_version``, ``protocol``, ``store``, and one
        column per outcome, named ``quantity`` or ``quantity@facet``. NaN where there is no number;
        ``inf`` in a time-to-target says that it was not reached.
    studies
        Name → reason, in the grid's order.
    runs
        The runs of every store, oldest first, each with its ``store`` and the number of trials in
        it that it ``trained``.
    stores
        Label → path of what was read.
    devices
        (store, device as the store names it) → device as it is named here.
    """

    trials: pd.DataFrame
    studies: dict[str, str]
    runs: tuple[dict[str, Any], ...]
    stores: dict[str, Path]
    devices: dict[tuple[str, str], str] = field(default_factory=dict)
    _curves: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    # Store → quantity → its points, whatever the trials: samples made from these share them.
    _points: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict, repr=False)

    @property
    def latest_runs(self) -> tuple[dict[str, Any], ...]:
        """The newest run of each store: the one whose plan is shown."""
        return tuple({run["store"]: run for run in self.runs}.values())

    @property
    def distinct_trials(self) -> pd.DataFrame:
        """Trials, each once, though two studies may share it."""
        return self.trials.drop_duplicates(["store", "key"])

    def study(self, name: str) -> pd.DataFrame:
        """Rows of one study; empty where the grid has none of that name.

        The measured costs are the study ``cost``, a replicate in the place of a seed.
        """
        if name == COST_STUDY:
            return self.costs.rows
        rows = self._by_study.get(name)
        return self.trials.iloc[:0] if rows is None else rows.copy(deep=False)

    @cached_property
    def _by_study(self) -> dict[str, pd.DataFrame]:
        """Split once: every comparison asks for its study, and the table is wide."""
        return {str(name): rows for name, rows in self.trials.groupby("study", sort=False)}

    def facets(self, quantity: str) -> list[str]:
        """Facets that an outcome has: numbers in rising order, then words."""
        prefix = f"{quantity}@"
        columns = [c for c in self.trials.columns if c.startswith(prefix)] or [
            c for c in self.costs.rows.columns if c.startswith(prefix)
        ]
        return sorted((c.removeprefix(prefix) for c in columns), key=_facet_order)

    @cached_property
    def costs(self) -> Costs:
        """What was measured about cost; read at the first call."""
        return load_costs(self.stores, self.devices)

    def curve_quantities(self) -> list[str]:
        """Names of all quantities that have a curve, in order."""
        return sorted({name for points in self._all_points().values() for name in points})

    def _all_points(self) -> dict[str, dict[str, pd.DataFrame]]:
        for label, path in self.stores.items():
            if label not in self._points:
                self._points[label] = _read_curves(label, path)
        return self._points

    def curves(self, quantity: str, study: str | None = None) -> pd.DataFrame:
        """Give one quantity along training; read at the first call, then kept.

        Parameters
        ----------
        quantity
            A name in ``suite.quantities``.
        study
            Limit it to one study.

        Returns
        -------
        pandas.DataFrame
            ``study``, ``key``, the axes, ``seed``, ``device``, ``facet``, ``step``, ``value``; one
            row a point, steps rising within a trial.
        """
        known_quantity(quantity)
        if quantity not in self._curves:
            stores = self._all_points().values()
            points = [found[quantity] for found in stores if quantity in found]
            # One that was stored since the trials were read would have a curve and no outcomes.
            done = self.trials["status"] != MISSING
            trials = self.trials.loc[done, ["study", "key", *AXES, "seed", "device", "store"]]
            joined = trials.merge(
                pd.concat(points or [_points([], {})], ignore_index=True), on=["store", "key"]
            )
            self._curves[quantity] = joined.drop(columns="store")
        frame = self._curves[quantity]
        return frame if study is None else frame[frame["study"] == study]


def load_samples(paths: Sequence[Path] | Path) -> Samples:
    """Read stores into frames.

    Parameters
    ----------
    paths
        Stores, or the folders that hold them, any number. Their devices are put side by side, as
        ``analysis.merge.device_labels`` names them.

    Raises
    ------
    StoreError
        A store can't be read.
    IncomparableError
        Stores hold other data, another trainer or another protocol for what would be pooled.
    """
    stores = _labels([paths] if isinstance(paths, Path) else paths)
    frames, runs, studies = [], [], dict[str, str]()
    for label, path in stores.items():
        frame, found, reasons = _read(label, path)
        frames.append(frame)
        runs += found
        studies = {**reasons, **studies}
    trials = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    if len(frames) > 1:
        # What a trial runs depends on its probes too, which two studies of one store may differ in.
        probes = {p: ", ".join(json.loads(p)["probes"]) for p in trials["protocol"].unique()}
        compared = trials.assign(probes=trials["protocol"].map(probes))
        for column, (within, words, advice) in _IDENTITY.items():
            refuse_different(compared, column, within, words, advice)
    devices = device_labels(_places(trials, planned_costs(stores), runs))
    trials["device"] = renamed(trials, devices)
    for column, done in _BUDGETS.items():
        trials[column] = _budget(trials, column, done)
    order = {name: i for i, name in enumerate(studies)}
    trials = trials.sort_values(
        ["study", *AXES, "device", "seed"],
        key=lambda c: c.map(order) if c.name == "study" else c,
        kind="stable",
        ignore_index=True,
    )
    return Samples(trials, studies, tuple(runs), stores, devices)


def _labels(paths: Sequence[Path]) -> dict[str, Path]:
    """Name each store by its folder, with a number where two folders have one name."""
    labels: dict[str, Path] = {}
    for path in paths:
        if path.resolve() in {p.resolve() for p in labels.values()}:
            raise UsageError(f"{path} is given twice")
        folder = path.resolve() if path.is_dir() else path.resolve().parent
        label, count = folder.name, 1
        while label in labels:
            count += 1
            label = f"{folder.name} {count}"
        labels[label] = path
    return labels


def _read(label: str, path: Path) -> tuple[pd.DataFrame, list[dict[str, Any]], dict[str, str]]:
    with StoreReader(path) as store:
        store.verify()
        trained = dict(store.rows("SELECT run, count(*) FROM trials GROUP BY run"))
        runs = [
            {**run, "store": label, "trained": trained.get(run["id"], 0)} for run in store.runs()
        ]
        studies = dict(store.studies())
        planned = store.planned()
        done = store.rows(
            "SELECT id, key, status, reason, diverged_step, stack_size, seconds FROM trials"
        )
        outcomes = store.rows("SELECT trial, quantity, facet, value FROM outcomes")
    frame = pd.DataFrame(
        [_row(study, key, trial) for study, key, trial in planned],
        columns=["study", "key", *AXES, "seed", "device", *_IDENTITY, "split", *_BUDGETS],
    )
    kinds = {"depth": "Int64", "train_size": "Int64", **dict.fromkeys(_BUDGETS, "float64")}
    frame = frame.astype(kinds)
    results = pd.DataFrame(done, columns=["id", "key", *_RESULT])
    frame = frame.merge(results, on="key", how="left")
    frame["status"] = frame["status"].fillna(MISSING)
    frame["reason"] = frame["reason"].fillna("")
    frame = frame.astype(
        {"diverged_step": "Int64", "stack_size": "Int64", "seconds": "float64", "status": "str"}
    )
    frame["store"] = label
    wide = _wide(outcomes)
    return frame.join(wide, on="id").drop(columns="id"), runs, studies


def _row(study: str, key: str, trial: Trial) -> tuple[Any, ...]:
    condition = (getattr(trial.condition, axis) for axis in AXES)
    identity = (trial.data_fingerprint, trial.code_version, _protocol_text(trial.protocol))
    budget = trial.protocol.budget
    return (
        *(study, key, *condition, trial.seed, trial.device),
        *(*identity, trial.protocol.split, budget.steps, budget.samples),
    )


@cache
def _protocol_text(protocol: Protocol) -> str:
    """Write a protocol as text; a store has thousands of trials and a dozen protocols."""
    return canonical_json(dataclasses.asdict(protocol))


def _wide(outcomes: list[tuple[Any, ...]]) -> pd.DataFrame:
    """One row a trial, one column an outcome."""
    long = pd.DataFrame(outcomes, columns=["id", "quantity", "facet", "value"])
    faceted = long["facet"] != ""
    long["quantity"] = long["quantity"].mask(faceted, long["quantity"] + "@" + long["facet"])
    return long.pivot(index="id", columns="quantity", values="value")  # noqa: PD010


def _read_curves(label: str, path: Path) -> dict[str, pd.DataFrame]:
    """Read all curves of a store at once, for to open one means to copy it; by quantity."""
    found = {}
    with StoreReader(path) as store:
        keys = dict(store.rows("SELECT id, key FROM trials"))
        for (quantity,) in store.rows("SELECT DISTINCT quantity FROM curves"):
            # CROSS: trials first, so that the curves' key (trial, quantity) leads to each.
            points = store.rows(
                "SELECT c.trial, c.facet, c.step, c.value FROM trials t CROSS JOIN curves c "
                "ON c.trial = t.id AND c.quantity = ?",
                (quantity,),
            )
            found[str(quantity)] = _points(points, keys).assign(store=label)
    return found


def _points(rows: list[tuple[Any, ...]], keys: Mapping[int, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["key", "facet", "step", "value"]).assign(store="")
    frame["key"] = frame["key"].map(keys)  # the same text for all points of a trial
    return frame.astype({"key": "str", "facet": "str", "step": "int64", "value": "float64"})


def _budget(trials: pd.DataFrame, column: str, done: str) -> pd.Series[float]:
    """Give a budget as it was stated, else as the most that any trial of the setting did."""
    if done not in trials.columns:
        return trials[column]
    setting = ["study", "dataset", "batch_size", "train_size"]
    most = trials.groupby(setting, dropna=False)[done].transform("max")
    return trials[column].fillna(most)


def _places(
    trials: pd.DataFrame, costs: pd.DataFrame, runs: Sequence[dict[str, Any]]
) -> list[Place]:
    """Say what every device of every store holds, in the order of the stores."""
    holds: dict[tuple[str, str], set[Hashable]] = {}
    for store, device, key in trials[["store", "device", "key"]].itertuples(index=False):
        holds.setdefault((store, device), set()).add(key)
    for store, device, *setting in costs.itertuples(index=False, name=None):
        holds.setdefault((store, device), set()).add(tuple(setting))
    return [
        Place(store, device, machine_of([r for r in runs if r["store"] == store], device), held)
        for (store, device), held in ((at, frozenset(found)) for at, found in holds.items())
    ]


def _facet_order(facet: str) -> tuple[bool, float, str]:
    try:
        return (False, float(facet), facet)
    except ValueError:
        return (True, 0.0, facet)
