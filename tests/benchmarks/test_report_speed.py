"""Analysis and report on 5,000 trials of all studies of the full grid, in a process of its own.

The target is 30 s and 1.5 GB on 2 cores; nothing here fails by the clock. The memory and the size
of the report stand in the benchmark's extra information.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.synthetic_registry import write_registry_store

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).parents[2]
# The child prints its own peak memory, so that no other child of the test run counts.
REPORT = (
    "import resource, sys; from analysis.report.__main__ import main; code = main(sys.argv[1:]); "
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_registry_store(tmp_path_factory.mktemp("large"), seeds=25)


def test_report_of_5000_trials(benchmark: BenchmarkFixture, store: Path) -> None:
    def build() -> str:
        done = subprocess.run(
            [sys.executable, "-c", REPORT, str(store)],
            check=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "2"},
            capture_output=True,
            text=True,
        )
        return done.stdout

    printed = benchmark.pedantic(build, rounds=1, iterations=1)
    path, kibibytes = printed.split()
    benchmark.extra_info["peak_megabytes"] = round(int(kibibytes) / 1024)
    benchmark.extra_info["report_kilobytes"] = round(Path(path).stat().st_size / 1024)
