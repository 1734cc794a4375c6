"""False and missed verdicts about time, from the clock to the word, on a simulated machine.

Each replicate is a process with its own level and its own luck for every network in it (memory
layout), each sample has noise with a heavy tail, and the machine drifts: what real ones do.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.decision import decide, judged
from analysis.measures.grouping import seed_contrast
from suite.cost.protocol import Cell, time_cells
from suite.cost_records import CostProtocol
from tests.simulated_machine import Machine

if TYPE_CHECKING:
    from analysis.contrasts import Contrast

PROTOCOL = CostProtocol(threads=1, samples=10, sample_seconds=0.005, warm_up_seconds=0.005)


def replicate(seed: int, pairs: int, slower: float) -> list[tuple[float, float]]:
    """Measure so many pairs of networks in one simulated process; the second may be slower."""
    machine = Machine(seed, noise=0.05)
    luck = random.Random(f"luck {seed}")
    level = luck.gauss(0, 0.2)

    def cell(extra: float) -> Cell:
        base = 0.006 * math.exp(level + luck.gauss(0, 0.02) + extra)

        def run() -> None:
            interrupted = 0.01 if machine.random.random() < 0.02 else 0.0
            drift = 1 + 0.1 * machine.time / (1 + machine.time)
            machine.time += base * drift * math.exp(machine.random.gauss(0, 0.05)) + interrupted

        return Cell(run, lambda: None)

    cells = [cell(extra) for _ in range(pairs) for extra in (0.0, slower)]
    times = time_cells(cells, PROTOCOL, machine, random.Random(seed))
    return [(a.median, b.median) for a, b in zip(times[::2], times[1::2], strict=True)]


def words(pairs: int, replicates: int, slower: float, seed: int) -> list[str]:
    """Give the rule's word for each comparison, as if each was a claim by itself."""
    import pandas as pd

    from analysis.claims import load_registry
    from analysis.measures.grouping import with_differences

    claim = load_registry()["L4"]
    comparison = claim.primary
    measured = [replicate(seed * 1000 + number, pairs, slower) for number in range(replicates)]
    found = []
    for place in range(pairs):
        control, treatment = zip(*(one[place] for one in measured), strict=True)
        table = pd.DataFrame(
            {"seed": range(replicates), "treatment": treatment, "control": control}
        )
        for side in ("treatment", "control"):
            table[[f"{side}_lost", f"{side}_undefined"]] = ""
            table[f"{side}_diverged"] = 0
            table[f"{side}_censored"] = False
        contrast: Contrast = seed_contrast(
            with_differences(table, comparison), {}, comparison, "A/A"
        )
        found.append(decide([(claim, [judged(contrast)])])[0].words[0])
    return found


@pytest.mark.slow
def test_equal_networks_are_rarely_called_slower_or_faster() -> None:
    """600 comparisons of 6, 8 and 12 replicates: at most 5 %, and two Monte Carlo errors."""
    found = [w for r in (6, 8, 12) for w in words(200, r, 0.0, seed=r)]
    false = np.mean([w in ("supported", "contradicted") for w in found])
    assert false <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / len(found))


@pytest.mark.slow
def test_a_network_that_is_a_tenth_slower_is_nearly_always_found() -> None:
    found = words(100, 12, 0.10, seed=77)
    assert found.count("supported") >= 95
    assert found.count("contradicted") == 0
