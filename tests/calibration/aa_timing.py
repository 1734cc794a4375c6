"""A/A check of real times: the same network as both arms; how often is one called slower?

    python -m tests.calibration.aa_timing --comparisons 200 --replicates 12

Every process holds many copies of one network; two copies and one activity are a comparison. To be
run on an otherwise idle machine; a figure is printed, nothing is asserted. With ``--keep FILE``
every replicate is written there, and a later call with the same flags goes on from it.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from pathlib import Path

import numpy as np

from analysis.claims import load_registry
from analysis.rule import Figures, contrast_word
from analysis.stats.equivalence import equivalence
from analysis.stats.paired import paired
from suite.cost.plan import Replicate
from suite.cost.processes import measure_in_process
from suite.cost_records import CostProtocol, CostTask
from suite.environment import usable_cores
from suite.records import Condition
from tests.kept import keep, read_kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=200)
    parser.add_argument("--replicates", type=int, default=12)
    parser.add_argument("--norm", default="batch")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--warm-up", type=float, default=0.02, help="seconds for each copy")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--keep", type=Path, help="file of the replicates that are done")
    options = parser.parse_args()
    done = read_kept(options.keep)
    condition = Condition(
        dataset="mnist",
        model="mlp",
        norm=options.norm,
        batch_size=options.batch_size,
        learning_rate=1e-3,
    )
    protocol = CostProtocol(
        threads=options.threads, samples=options.samples, warm_up_seconds=options.warm_up
    )
    activities = 4 if options.norm == "batch" else 3
    copies = 2 * math.ceil(options.comparisons / activities)
    for number in range(len(done), options.replicates):
        task = CostTask(
            condition=condition,
            replicate=number,
            protocol=protocol,
            device=options.device,
            code_version="A/A",
        )
        results = measure_in_process(
            Replicate(options.device, number, (task,) * copies), lambda: False
        )
        timings = [t for r in results for t in r.timings]
        done.append(
            {
                "medians": {
                    name: [float(np.median(t.seconds)) for t in timings if t.activity == name]
                    for name in dict.fromkeys(t.activity for t in timings)
                },
                "flags": Counter(f for t in timings for f in t.flags),
            }
        )
        keep(options.keep, done[-1])
    medians = {  # activity → (replicates, copies)
        name: [one["medians"][name] for one in done] for name in done[0]["medians"]
    }
    flags = sum((Counter(one["flags"]) for one in done), Counter())
    margin = load_registry()["L4"].primary.scaled_margin
    words: Counter[str] = Counter()
    rejected, spreads = 0, []
    for copies_of in medians.values():
        logs = np.log(copies_of)
        for differences in (logs[:, ::2] - logs[:, 1::2]).T:
            test = paired(differences, margin=margin)
            rejected += test.p < 0.05
            spreads.append(test.sd)
            figures = Figures(
                n=test.n,
                missing=0,
                estimate=test.estimate,
                low=test.low,
                high=test.high,
                p=test.p,
                p_equivalence=equivalence(differences, margin).p,
                margin=margin,
            )
            words[contrast_word(figures)[0]] += 1
    total = sum(words.values())
    declared = words["supported"] + words["contradicted"]
    print(f"{total} comparisons of {len(done)} replicates")
    print(f"declared slower or faster: {declared} ({declared / total:.1%})")
    print(f"p < .05 before the margin: {rejected} ({rejected / total:.1%})")
    print(f"words: {dict(words)}")
    print(f"standard deviation of a log ratio, median: {np.median(spreads):.4f}")
    print(f"flags: {dict(flags)} of {total * 2 * len(done)} timings")


if __name__ == "__main__":
    main()
