"""The calibration in parts: each is worked out by itself, kept in a file, and not done twice.

The long form takes many minutes of all cores. Its parts are independent and seeded, so it may be
stopped and gone on with, and gives the same table however it was cut.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.calibration import checks, whole_registry
from analysis.calibration.scenarios import SCENARIOS
from analysis.calibration.table import JUDGING, Row, rate_row, source_hash
from analysis.calibration.whole_registry import RegistryCount
from analysis.claims import load_registry
from analysis.files import write_whole
from suite.records import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

REPORT_SEEDS: Final = 12  # what the grids run
# Of a difference in margins: so large that any chance finding also exceeds its margin.
SPREAD: Final = 5.0
_BLOCK: Final = 20  # reports of one part
_SIMULATED: Final = (*JUDGING, "calibration/checks.py", "calibration/scenarios.py")
_REPORTS: Final = (*JUDGING, "measures", "calibration/whole_registry.py")


@dataclass(frozen=True)
class Part:
    """Rows of the table, or a number of reports.

    Parameters
    ----------
    name
        For people.
    work
        What makes it; can be sent to another process.
    settings
        What the outcome depends on beside the code and the number of simulations.
    simulations
        How many; a part that is kept from more of them serves as well.
    code
        Modules and folders of this package that it depends on.
    """

    name: str
    work: Callable[[], list[Row] | RegistryCount]
    settings: tuple[object, ...]
    simulations: int
    code: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of its file: another setting or other code is another file."""
        own = [self.name, *map(str, self.settings), _hash_of(self.code)]
        return f"{content_hash(own)[:16]}.json"


def plan(simulations: int, reports: int, seeds: Sequence[int], entropy: int) -> list[Part]:
    """List all parts in the order of the table; parameters as in ``analysis.calibrate``."""
    settings = (entropy,)
    parts = [
        Part(
            f"{scenario.name}, {n} seeds",
            functools.partial(_error_rates, position, n, simulations, entropy),
            settings,
            simulations,
            _SIMULATED,
        )
        for position, scenario in enumerate(SCENARIOS)
        for n in seeds
    ]
    for words, make in (("other tests", checks.other_tests), ("tuned", checks.tuned_rows)):
        parts += [
            Part(
                f"{words}, {n} seeds",
                functools.partial(make, n, simulations, entropy),
                settings,
                simulations,
                _SIMULATED,
            )
            for n in seeds
        ]
    parts += [
        Part(
            f"power at effect {effect:g}, margin {margin:g}",
            functools.partial(checks.power_rows, effect, margin, simulations, entropy),
            settings,
            simulations,
            _SIMULATED,
        )
        for effect, margin in checks.POWER_CASES
    ]
    for start in range(0, reports, _BLOCK):
        numbers = range(start, min(start + _BLOCK, reports))
        parts.append(
            Part(
                f"reports {numbers.start} to {numbers.stop - 1}",
                functools.partial(_judge_block, numbers, entropy),
                (entropy, _registry()),
                len(numbers),
                _REPORTS,
            )
        )
    return parts


def put_together(outcomes: Sequence[list[Row] | RegistryCount]) -> list[Row]:
    """Make the rows of the table of all parts, in their order."""
    rows: list[Row] = []
    total = RegistryCount()
    for outcome in outcomes:
        if isinstance(outcome, RegistryCount):
            total += outcome
        else:
            rows += outcome
    if total.simulations:
        reports = whole_registry.registry_rows(
            total, len(load_registry().claims), REPORT_SEEDS, SPREAD
        )
        # At most, for a report may hold both.
        either = rate_row(
            *("registry", "at least one false verdict, depends among them (at most)"),
            *(reports[0].scenario, REPORT_SEEDS),
            hits=total.false + total.depends,
            simulations=total.simulations,
            most=whole_registry.MOST_REPORTS,
        )
        rows += [*reports, either]
    return rows


def keep(folder: Path, part: Part, outcome: list[Row] | RegistryCount) -> None:
    """Write what a part gave, whole or not at all."""
    if isinstance(outcome, RegistryCount):
        raw: object = {**dataclasses.asdict(outcome), "claims": sorted(outcome.claims)}
    else:
        raw = [dataclasses.asdict(row) for row in outcome]
    text = json.dumps(
        {"part": part.name, "simulations": part.simulations, "outcome": raw},
        indent=1,
        allow_nan=False,
    )
    write_whole(folder / part.file, f"{text}\n".encode())


def kept(folder: Path, part: Part) -> list[Row] | RegistryCount | None:
    """Read what a part gave before; None where it was not done, or with fewer simulations."""
    file = folder / part.file
    if not file.exists():
        return None
    content = json.loads(file.read_text("utf-8"))
    if content["simulations"] < part.simulations:
        return None
    raw = content["outcome"]
    if isinstance(raw, dict):
        return RegistryCount(**{**raw, "claims": frozenset(raw["claims"])})
    return [Row(**row) for row in raw]


@functools.cache
def _hash_of(code: tuple[str, ...]) -> str:
    return source_hash(code)


@functools.cache
def _registry() -> str:
    return load_registry().deciding_hash


def _error_rates(position: int, n: int, simulations: int, entropy: int) -> list[Row]:
    return checks.error_rates(SCENARIOS[position], n, simulations, entropy)


def _judge_block(numbers: Sequence[int], entropy: int) -> RegistryCount:
    return whole_registry.judge_null_reports(
        load_registry(), REPORT_SEEDS, numbers, entropy, spread=SPREAD
    )
