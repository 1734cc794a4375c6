"""Batch norm's overhead by our protocol and by pytest-benchmark: do the two agree?

    python -m tests.benchmarks.agreement --replicates 12

Both measure the same step in as many fresh processes, in turns. Ours interleaves the arms in each
process; pytest-benchmark runs one after the other. To be run on an otherwise idle machine; figures
are printed, nothing is asserted. With ``--keep FILE`` every replicate is written there, and a later
call goes on from it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from analysis.stats.paired import paired
from suite.cost.plan import CostStudy, plan_costs
from suite.cost.processes import measure_in_process
from suite.cost_records import CostProtocol
from suite.environment import usable_cores
from suite.records import Condition
from tests.kept import keep, read_kept

BATCH_SIZES = (16, 64, 256, 1024)
NORMS = ("none", "batch")

Seconds = dict[str, float]  # norm and batch size, as in "batch 64" → median


def by_pytest_benchmark(folder: Path) -> Seconds:
    file = folder / "benchmark.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--benchmark-only"),
            *("--benchmark-max-time=0.5", f"--benchmark-json={file}"),
            "tests/benchmarks/test_cost_overhead.py",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return {
        _name(b["extra_info"]["norm"], b["extra_info"]["batch_size"]): b["stats"]["median"]
        for b in json.loads(file.read_text())["benchmarks"]
    }


def _name(norm: str, batch_size: int) -> str:
    return f"{norm} {batch_size}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="file of the replicates that are done")
    options = parser.parse_args()
    conditions = tuple(
        Condition(dataset="mnist", model="mlp", norm=n, batch_size=b, learning_rate=1e-3)
        for b in BATCH_SIZES
        for n in NORMS
    )
    protocol = CostProtocol(threads=usable_cores())
    plan = plan_costs(
        CostStudy("agreement", conditions, options.replicates, protocol), ["cpu"], lambda c: ""
    )
    done = read_kept(options.keep)
    for replicate in plan[len(done) :]:
        ours = {
            _name(r.task.condition.norm, r.task.condition.batch_size): statistics.median(t.seconds)
            for r in measure_in_process(replicate, lambda: False)
            for t in r.timings
            if t.activity == "train_step"
        }
        with tempfile.TemporaryDirectory() as folder:
            theirs = by_pytest_benchmark(Path(folder))
        done.append({"suite.cost": ours, "pytest-benchmark": theirs})
        keep(options.keep, done[-1])
    for batch in BATCH_SIZES:
        intervals = []
        for name in ("suite.cost", "pytest-benchmark"):
            pairs = [
                (one[name][_name("batch", batch)], one[name][_name("none", batch)]) for one in done
            ]
            test = paired([math.log(treated / control) for treated, control in pairs])
            middle, low, high = (math.exp(v) for v in (test.estimate, test.low, test.high))
            intervals.append((low, high))
            print(f"batch {batch:>5}  {name:<16}  ratio {middle:.3f} [{low:.3f}, {high:.3f}]")
        (a, b), (c, d) = intervals
        print(f"             {'the intervals overlap' if a <= d and c <= b else 'THEY DIFFER'}")


if __name__ == "__main__":
    main()
