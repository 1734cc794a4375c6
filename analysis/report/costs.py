"""What every network costs on every device, and the time to a target in seconds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from analysis.cost_tables import cost_table, wall_clock_table
from analysis.costs import STUDY
from analysis.devices import device_table
from analysis.figures import FIGURES
from analysis.figures.evidence import Evidence
from analysis.report.render import figure_view
from analysis.report.tables import csv_download
from analysis.report.view import Cell, Column, CostBlock, CostsView, Table
from analysis.wording import NOTHING, absent, count, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from analysis.contrasts import Verdict
    from analysis.report.studio import Studio
    from analysis.report.view import FigureView
    from analysis.samples import Samples

_FIGURES: Final = ("times", "effect_by_batch", "memory_kinds", "throughput")
_TIMES: Final = {
    "train_step": "training step",
    "inference": "inference",
    "inference_folded": "inference, folded",
}
_STATUS: Final = {"undefined": "can’t train", "oom": "out of memory"}
_COLUMNS: Final = (
    ("network", False),
    ("batch size", True),
    ("norm", False),
    *((title, True) for name in _TIMES.values() for title in (f"{name} (ms)", "against none")),
    ("memory (MB)", True),
    ("peak (MB)", True),
    ("images per second", True),
    ("share of peak (%)", True),
    ("energy (mJ)", True),
    ("flags", False),
)


@dataclass(frozen=True, eq=False)
class _OnDevice(Evidence):
    """Evidence of another device than the one that decides the claim."""

    device: str = ""

    def condition(self) -> dict[str, object]:
        return {**super().condition(), "device": self.device}


def cost_tables(samples: Samples, verdicts: Sequence[Verdict], studio: Studio) -> CostsView | None:
    """Make a table for each device, and one of the time to the target; None without costs.

    Parameters
    ----------
    samples
        Of one or more stores.
    verdicts
        Of the whole registry; figures of other devices than the deciding one and times to a
        target come from those about cost.
    """
    found = cost_table(samples.costs)
    if found.empty:
        return None
    hardware = dict(zip(*(device_table(samples)[c] for c in ("device", "hardware")), strict=True))
    measured = samples.costs.rows
    blocks = []
    for device, rows in found.groupby("device", sort=False):
        name = str(device)
        threads = sorted(measured.loc[measured["device"] == name, "threads"].unique())
        flagged = int((rows["flags"] != "").sum())
        blocks.append(
            CostBlock(
                title=f"On {name}" + (f": {hardware[name]}" if hardware.get(name) else ""),
                text=_about(rows, [int(t) for t in threads], flagged),
                table=_device_table(rows, name),
                csv=(csv_download(rows, f"costs-{_slug(name)}.csv"),),
                figures=_figures(samples, verdicts, name, studio),
            )
        )
    times = wall_clock_table(verdicts)
    if len(times):
        blocks.append(_wall_clock(times))
    about_cost = (v for v in verdicts if v.claim.primary.study == STUDY)
    return CostsView(tuple((v.claim.id, v.claim.title) for v in about_cost), tuple(blocks))


def _about(rows: pd.DataFrame, threads: Sequence[int], flagged: int) -> str:
    replicates = int(rows["replicates"].max())
    peak = rows["matmul_peak"].mean() / 1e9
    kinds = sorted({str(k) for k in rows["peak_kind"]} - {""})
    memory = {
        "allocator": "Peak: what the device’s allocator gave out.",
        "resident set": "Peak: how far the process’s resident set rose, an allocator’s slack "
        "included.",
    }
    sentences = [
        f"{count(replicates, 'fresh process', 'fresh processes')} with "
        f"{' or '.join(map(str, threads))} CPU {'thread' if threads == [1] else 'threads'}; "
        "ratios are paired by process, with their 95 % interval.",
        "Memory: exact bytes that a training step keeps.",
        *(memory[k] for k in kinds),
    ]
    if math.isfinite(peak):
        sentences.append(
            f"The fastest matrix product measured here ran at {number(peak, 3)} GFLOP/s; the share "
            "is that of a training step."
        )
    sentences.append(
        f"{count(flagged, 'row')} of {len(rows)} {'carries' if flagged == 1 else 'carry'} a flag."
        if flagged
        else "No row carries a flag."
    )
    return " ".join(sentences)


def _device_table(rows: pd.DataFrame, device: str) -> Table:
    ordered = rows.assign(_none=rows["norm"] != "none").sort_values(
        ["model", "depth", "optimizer", "batch_size", "_none"], kind="stable"
    )
    kept = [
        i
        for i, (title, _) in enumerate(_COLUMNS)
        if title != "energy (mJ)" or rows["energy_joules"].notna().any()
    ]
    lines = tuple(tuple(line[i] for i in kept) for line in map(_line, ordered.to_dict("records")))
    columns = tuple(Column(_COLUMNS[i][0], numeric=_COLUMNS[i][1]) for i in kept)
    return Table(f"Time and memory of every network on {device}", columns, lines, filter=True)


def _line(row: dict[Any, Any]) -> tuple[Cell, ...]:
    depth = "" if absent(row["depth"]) else f" {int(row['depth'])}"
    times = []
    for activity in _TIMES:
        times += [_cell(1e3 * row[f"{activity}_seconds"]), _ratio(row, activity)]
    if row["status"] in _STATUS:
        times[0] = Cell(_STATUS[row["status"]])
    return (
        Cell(f"{row['model']}{depth}"),
        Cell(str(row["batch_size"]), repr(float(row["batch_size"]))),
        Cell(str(row["norm"])),
        *times,
        _cell(row["training_bytes"] / 1e6),
        _cell(row["peak_bytes"] / 1e6),
        _cell(row["images_per_second"]),
        _cell(100 * row["matmul_peak_share"], 2),
        _cell(1e3 * row["energy_joules"]),
        Cell(_flags(str(row["flags"]))),
    )


def _flags(by_activity: str) -> str:
    """Count a row's flags over all of its timings; the CSV says which activities have them."""
    counts: dict[str, list[int]] = {}
    for part in filter(None, by_activity.split("; ")):
        for words in part.partition(": ")[2].split(", "):
            flag, _, share = words.rpartition(" ")
            have, of = map(int, share.split("/"))
            total = counts.setdefault(flag, [0, 0])
            total[0] += have
            total[1] += of
    return ", ".join(f"{flag} in {have} of {of}" for flag, (have, of) in counts.items())


def _ratio(row: dict[Any, Any], activity: str) -> Cell:
    ratio, low, high = (row[f"{activity}_{what}"] for what in ("ratio", "low", "high"))
    if math.isnan(ratio):
        return Cell(NOTHING)
    text = f"× {ratio:.2f}"
    if math.isfinite(high) and low > 0:
        text += f" [{low:.2f}, {high:.2f}]"
    return Cell(text, repr(float(ratio)))


def _cell(value: float, digits: int = 3) -> Cell:
    return Cell(NOTHING) if math.isnan(value) else Cell(number(value, digits), repr(float(value)))


def _wall_clock(times: pd.DataFrame) -> CostBlock:
    titles = ("device", "setting", "norm", "pairs", "seconds to the target", "not reached", "ratio")
    numeric = (False, False, False, True, True, True, True)
    rows = tuple(
        (
            Cell(str(t["device"])),
            Cell(str(t["setting"])),
            Cell(str(t["norm"])),
            Cell(str(t["n"]), repr(float(t["n"]))),
            Cell(_interval(t["seconds"], t["low"], t["high"], 3), repr(float(t["seconds"]))),
            Cell(str(t["not_reached"]), repr(float(t["not_reached"]))),
            Cell(NOTHING)
            if math.isnan(t["ratio"])
            else Cell(
                f"× {_interval(t['ratio'], t['ratio_low'], t['ratio_high'], 3)}",
                repr(float(t["ratio"])),
            ),
        )
        for t in times.to_dict("records")
    )
    columns = tuple(Column(t, numeric=n) for t, n in zip(titles, numeric, strict=True))
    return CostBlock(
        title="Time to the target",
        text=(
            "Steps to the target times the measured time of a step: one interval for each arm and "
            "for their ratio, with the uncertainty of both. A run that did not reach the target "
            "counts with its whole budget. Evaluation and loading of data cost nothing here."
        ),
        table=Table("Seconds to the target by arm", columns, rows, filter=True),
        csv=(csv_download(times, "time_to_target.csv"),),
    )


def _interval(value: float, low: float, high: float, digits: int) -> str:
    text = number(value, digits)
    if not (math.isfinite(high) and low > 0):
        return text
    return f"{text} [{number(low, digits)}, {number(high, digits)}]"


def _figures(
    samples: Samples, verdicts: Sequence[Verdict], device: str, studio: Studio
) -> tuple[FigureView, ...]:
    """Draw a device that decides no claim; those that do have their figures with the claims."""
    found = []
    for spec in FIGURES:
        if spec.name not in _FIGURES:
            continue
        for verdict in verdicts:
            if not spec.suits(verdict.claim.primary):
                continue
            if Evidence(samples, verdict).condition().get("device", device) == device:
                continue
            evidence = _OnDevice(samples, verdict, device=device)
            place = f"{_slug(device)}-{verdict.claim.id}"
            found.append(figure_view(spec, evidence, place, studio))
    return tuple(view for view in found if view is not None)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
