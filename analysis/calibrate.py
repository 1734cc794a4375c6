"""``python -m analysis.calibrate``: simulated data through the very code that gives verdicts.

Writes ``calibration.json`` and ``calibration.csv``: type-I error, coverage, equivalence exactly at
the margin, seeds needed against simulated power, and how often a whole registry of claims says
something false where there is nothing.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analysis.calibration.parts import keep, kept, plan, put_together
from analysis.calibration.table import make_table
from analysis.command_line import Parser, answer
from analysis.files import write_whole
from analysis.stats.inputs import MINIMUM_SEEDS
from suite.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_TRIALS_FAILED,
    BenchError,
    UsageError,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from analysis.calibration.parts import Part
    from analysis.calibration.table import CalibrationTable, Row
    from analysis.calibration.whole_registry import RegistryCount

SEEDS: Final = (6, 12, 24)
PARTS: Final = "parts"  # folder beside the table


class UnfinishedError(BenchError):
    """The time given is over; what is done is kept."""

    exit_code = EXIT_INTERRUPTED


def calibrate(
    simulations: int,
    reports: int,
    *,
    seeds: Sequence[int] = SEEDS,
    entropy: int = 0,
    processes: int = 1,
    folder: Path | None = None,
    minutes: float = float("inf"),
    progress: Callable[[str], None] = lambda _: None,
) -> CalibrationTable:
    """Run the whole calibration, or what is left of it.

    Parameters
    ----------
    simulations
        Data sets per scenario and number of seeds.
    reports
        Registries on null data.
    seeds
        Numbers of seeds to test at, each at least 6.
    entropy
        Seed of all draws; the same gives the same table, on any number of processes.
    processes
        At once.
    folder
        Where parts are kept and looked for; None keeps nothing.
    minutes
        No part is begun after that long.
    progress
        Told of each part that is done.

    Raises
    ------
    UnfinishedError
        The time was over before all parts were done.
    """
    parts = plan(simulations, reports, seeds, entropy)
    done: dict[int, list[Row] | RegistryCount] = {}
    if folder is not None:
        before = {i: kept(folder, part) for i, part in enumerate(parts)}
        done = {i: outcome for i, outcome in before.items() if outcome is not None}
    until = time.monotonic() + 60 * minutes
    waiting = [i for i in range(len(parts)) if i not in done]
    running: dict[Future[list[Row] | RegistryCount], int] = {}
    with ProcessPoolExecutor(processes) as pool:
        while running or (waiting and time.monotonic() < until):
            while waiting and len(running) < processes and time.monotonic() < until:
                position = waiting.pop(0)
                running[pool.submit(parts[position].work)] = position
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                position = running.pop(future)
                done[position] = future.result()
                _keep(folder, parts[position], done[position])
                progress(f"{parts[position].name} ({len(done)} of {len(parts)})")
    if len(done) < len(parts):
        raise UnfinishedError(
            f"{len(done)} of {len(parts)} parts are done; the same command goes on with the rest"
        )
    return make_table(put_together([done[i] for i in range(len(parts))]), simulations)


def _keep(folder: Path | None, part: Part, outcome: list[Row] | RegistryCount) -> None:
    if folder is not None:
        keep(folder, part, outcome)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="python -m analysis.calibrate",
        description=(
            "How often the statistics are wrong: simulated data with a known truth through the "
            "code that gives verdicts."
        ),
        epilog=(
            "Parts that are done are kept in DIR/parts and not done again. Exit codes: 0 every "
            "promise holds, 1 one does not, 2 time was over (the same command goes on), 4 bad "
            "arguments."
        ),
    )
    parser.add_argument(
        "--simulations", type=int, default=10_000, metavar="N", help="data sets a cell (10000)"
    )
    parser.add_argument(
        "--reports",
        type=int,
        default=1_000,
        metavar="N",
        help="registries on null data (1000)",
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(SEEDS), metavar="N", help="6 12 24"
    )
    parser.add_argument("--entropy", type=int, default=0, metavar="S", help="seed of all draws (0)")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="all cores"
    )
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), metavar="M", help="begin no part after M"
    )
    parser.add_argument("--out", type=Path, default=Path("results/calibration"), metavar="DIR")
    options = parser.parse_args(argv)
    if min(options.simulations, options.processes) < 1 or options.reports < 0:
        raise UsageError("--simulations and --processes must be at least 1, --reports at least 0")
    if not options.minutes > 0:
        raise UsageError("--minutes must be more than 0")
    if min(options.seeds) < MINIMUM_SEEDS:
        raise UsageError(f"--seeds: no test is made below {MINIMUM_SEEDS}")
    if options.entropy < 0:
        raise UsageError("--entropy must not be negative")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    return answer(lambda: _calibrate(argv), "stopped; the same command goes on")


def _calibrate(argv: Sequence[str] | None) -> int:
    options = _arguments(argv)
    table = calibrate(
        options.simulations,
        options.reports,
        seeds=options.seeds,
        entropy=options.entropy,
        processes=options.processes,
        folder=options.out / PARTS,
        minutes=options.minutes,
        progress=lambda part: print(f"done: {part}", flush=True),  # noqa: T201
    )
    for name, text in (
        ("calibration.json", table.to_json()),
        ("calibration.csv", table.to_csv()),
    ):
        write_whole(options.out / name, text.encode())
    broken = [row for row in table.rows if row.holds is False]
    promised = sum(row.holds is not None for row in table.rows)
    for row in broken:
        print(  # noqa: T201
            f"not kept: {row.question}, {row.test}, {row.scenario}, n = {row.n}: {row.value:.4f} "
            f"[{row.low:.4f}, {row.high:.4f}]"
        )
    print(  # noqa: T201
        f"{promised - len(broken)} of {promised} promises hold over {table.simulations} "
        f"simulations each: {options.out / 'calibration.csv'}"
    )
    return EXIT_TRIALS_FAILED if broken else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
