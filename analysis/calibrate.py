"""``python -m analysis.calibrate``: simulated data through the very code that gives verdicts.

Writes ``calibration.json`` and ``calibration.csv``: type-I error, coverage, equivalence exactly at
the margin, seeds needed against simulated power, and how often a whole registry of claims says
something false where there is nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analysis.calibration import checks, whole_registry
from analysis.calibration.scenarios import SCENARIOS
from analysis.calibration.table import make_table
from analysis.claims import load_registry
from analysis.files import write_whole
from analysis.stats.inputs import MINIMUM_SEEDS
from suite.errors import EXIT_DONE, EXIT_TRIALS_FAILED, BenchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from analysis.calibration.table import CalibrationTable, Row
    from analysis.calibration.whole_registry import RegistryCount
    from analysis.claims import Registry

SEEDS: Final = (6, 12, 24)
# Of a difference in margins: so large that any chance finding also exceeds its margin.
SPREAD: Final = 5.0
_BLOCK: Final = 25  # reports that one process judges before it takes the next lot


def calibrate(
    simulations: int,
    reports: int,
    *,
    seeds: Sequence[int] = SEEDS,
    entropy: int = 0,
    processes: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> CalibrationTable:
    """Run the whole calibration.

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
    progress
        Told of each part that is done.
    """
    with ProcessPoolExecutor(processes) as pool:
        parts: list[tuple[str, Future[list[Row]]]] = [
            (f"{scenario.name}, {n} seeds",
             pool.submit(_error_rates, position, n, simulations, entropy))
            for position, scenario in enumerate(SCENARIOS)
            for n in seeds
        ]  # fmt: skip
        parts += [
            (f"other tests, {n} seeds", pool.submit(checks.other_tests, n, simulations, entropy))
            for n in seeds
        ]
        parts += [
            (f"power at effect {effect:g}, margin {margin:g}",
             pool.submit(checks.power_rows, effect, margin, simulations, entropy))
            for effect, margin in checks.POWER_CASES
        ]  # fmt: skip
        registry = load_registry()
        blocks = [
            pool.submit(_judge_block, registry, range(start, min(start + _BLOCK, reports)), entropy)
            for start in range(0, reports, _BLOCK)
        ]
        rows: list[Row] = []
        for name, part in parts:
            rows += part.result()
            progress(name)
        total = whole_registry.RegistryCount()
        for block in blocks:
            total += block.result()
            progress(f"{total.simulations} of {reports} reports")
        rows += whole_registry.registry_rows(total, len(registry.claims), _REPORT_SEEDS, SPREAD)
    return make_table(rows, simulations)


_REPORT_SEEDS: Final = 12  # what the grids run


def _error_rates(position: int, n: int, simulations: int, entropy: int) -> list[Row]:
    return checks.error_rates(SCENARIOS[position], n, simulations, entropy)


def _judge_block(registry: Registry, numbers: Sequence[int], entropy: int) -> RegistryCount:
    return whole_registry.judge_null_reports(
        registry, _REPORT_SEEDS, numbers, entropy, spread=SPREAD
    )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.calibrate",
        description=(
            "How often the statistics are wrong: simulated data with a known truth through the "
            "code that gives verdicts."
        ),
        epilog="Exit codes: 0 every promise holds, 1 one does not, 4 bad arguments.",
    )
    parser.add_argument(
        "--simulations", type=int, default=10_000, metavar="N", help="data sets a cell (10000)"
    )
    parser.add_argument(
        "--reports", type=int, default=1_000, metavar="N", help="registries on null data (1000)"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(SEEDS), metavar="N", help="6 12 24"
    )
    parser.add_argument("--entropy", type=int, default=0, metavar="S", help="seed of all draws (0)")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="all cores"
    )
    parser.add_argument("--out", type=Path, default=Path("results/calibration"), metavar="DIR")
    options = parser.parse_args(argv)
    if min(options.simulations, options.reports, options.processes) < 1:
        raise UsageError("--simulations, --reports and --processes must be at least 1")
    if min(options.seeds) < MINIMUM_SEEDS:
        raise UsageError(f"--seeds: no test is made below {MINIMUM_SEEDS}")
    if options.entropy < 0:
        raise UsageError("--entropy must not be negative")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    try:
        options = _arguments(argv)
        table = calibrate(
            options.simulations,
            options.reports,
            seeds=options.seeds,
            entropy=options.entropy,
            processes=options.processes,
            progress=lambda part: print(f"done: {part}", flush=True),  # noqa: T201
        )
        for name, text in (
            ("calibration.json", table.to_json()),
            ("calibration.csv", table.to_csv()),
        ):
            write_whole(options.out / name, text.encode())
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
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
