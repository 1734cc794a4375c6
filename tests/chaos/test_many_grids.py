"""Grids made by chance, in great number: no traceback, no second, no growing memory.

The long form tries 10,000, the short one 300.
"""

from __future__ import annotations

import os
import resource
import sys

from hypothesis import HealthCheck, Phase, given, settings

from tests.grid_inputs import ATTACKS, grids, only_grid_errors

COUNT = 10_000 if os.environ.get("CHAOS") == "long" else 300
GROWTH_MIB = 200


def peak_mib() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def test_many_grids() -> None:
    contents: list[bytes] = []

    @settings(
        max_examples=COUNT,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # what fails is found in a short form and shrunk there
        suppress_health_check=list(HealthCheck),
    )
    @given(grids)
    def make(content: bytes) -> None:
        contents.append(content)

    make()  # apart, for Hypothesis remembers what it has made
    assert len(contents) >= COUNT
    before = peak_mib()
    for content in contents:
        only_grid_errors(content)
    grown = peak_mib() - before
    assert grown < GROWTH_MIB
    print(f"{len(contents):,} grids, {grown:.0f} MiB more at the peak")


def test_attacks_take_bounded_memory() -> None:
    before = peak_mib()
    for content in ATTACKS.values():
        only_grid_errors(content)
    assert peak_mib() - before < GROWTH_MIB
