"""Times on a simulated machine with a seeded clock: what must come out is known."""

from __future__ import annotations

import gc
import math
import random
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.cost.clock import PerformanceClock
from suite.cost.protocol import Cell, relative_spread, sample_flags, time_cells
from suite.cost_records import CostProtocol
from tests.simulated_machine import Machine

PROTOCOL = CostProtocol(threads=1, samples=20, sample_seconds=0.01, warm_up_seconds=0.05)


def test_times_of_an_exact_machine_are_exact() -> None:
    machine = Machine()
    cells = [machine.cell("a", 0.003), machine.cell("b", 0.0101)]
    a, b = time_cells(cells, PROTOCOL, machine, random.Random(1))
    assert a.passes == 4  # the fewest that take .01 s
    assert b.passes == 1
    assert len(a.seconds) == len(b.seconds) == 20
    assert a.seconds == pytest.approx([0.003] * 20)
    assert b.median == pytest.approx(0.0101)
    assert a.flags == b.flags == ()


def test_warm_up_is_not_counted() -> None:
    """Fifty passes that take twenty times as long leave no trace in the samples."""
    machine = Machine()
    (found,) = time_cells(
        [machine.cell("a", 0.001, warm_after=4, cold=0.02)], PROTOCOL, machine, random.Random(0)
    )
    assert found.seconds == pytest.approx([0.001] * 20)


def test_warm_up_lasts_for_the_passes_and_the_time_that_the_protocol_says() -> None:
    protocol = CostProtocol(
        threads=1, samples=1, sample_seconds=1e-6, warm_up_passes=37, warm_up_seconds=0.001
    )
    machine = Machine()
    time_cells([machine.cell("a", 0.001)], protocol, machine, random.Random(0))
    assert machine.log.count("a") == 37 + 1 + 1  # warm-up, untimed pass, the sample
    machine = Machine()
    protocol = CostProtocol(
        threads=1, samples=1, sample_seconds=1e-6, warm_up_passes=1, warm_up_seconds=0.1
    )
    time_cells([machine.cell("a", 0.001)], protocol, machine, random.Random(0))
    assert machine.log.count("a") in (102, 103)  # .1 s, one more where the sum rounds below it


def test_the_device_is_synchronised_before_every_reading() -> None:
    machine = Machine()
    time_cells([machine.cell("a", 0.01)], PROTOCOL, machine, random.Random(0))
    before = [machine.log[i - 1] for i, word in enumerate(machine.log) if word == "read"]
    assert set(before) == {"synchronise"}


def test_every_round_takes_each_cell_once_in_a_new_order() -> None:
    machine = Machine()
    names = "abcdef"
    time_cells([machine.cell(n, 0.02) for n in names], PROTOCOL, machine, random.Random(3))
    ran = [w for w in machine.log if w in names]
    turns = [ran[-2 * 20 * 6 :][i] for i in range(0, 2 * 20 * 6, 2)]  # untimed and timed pass
    rounds = [tuple(turns[i : i + 6]) for i in range(0, len(turns), 6)]
    assert all(sorted(r) == list(names) for r in rounds)
    assert len(set(rounds)) >= 18
    assert {r[0] for r in rounds} == set(names)


def test_the_first_pass_of_a_turn_is_not_timed() -> None:
    """A pass that finds cold caches would make cells look slow by what ran before them."""
    machine = Machine()
    last = [""]

    def cell(name: str) -> Cell:
        def run() -> None:
            machine.time += 0.01 if last[0] == name else 0.05
            last[0] = name

        return Cell(run, lambda: None)

    for found in time_cells([cell("a"), cell("b")], PROTOCOL, machine, random.Random(0)):
        assert found.seconds == pytest.approx([0.01] * 20)


def test_a_drifting_machine_does_not_favour_an_arm() -> None:
    """The machine slows down by half over the measurement; the ratio of equal arms stays 1."""
    machine = Machine(noise=0.01)
    start = machine.time

    def drifting(cell: Cell) -> Cell:
        def run() -> None:
            before = machine.time
            cell.run()
            machine.time += (machine.time - before) * 0.5 * (machine.time - start)

        return Cell(run, cell.synchronise)

    cells = [drifting(machine.cell(n, 0.01)) for n in "ab"]
    a, b = time_cells(cells, PROTOCOL, machine, random.Random(5))
    assert max(a.seconds) / min(a.seconds) > 1.2  # the drift is there
    assert abs(math.log(a.median / b.median)) < 0.05


def test_the_same_seed_gives_the_same_times() -> None:
    def measure(seed: int) -> list[tuple[float, ...]]:
        machine = Machine(seed, noise=0.1)
        cells = [machine.cell("a", 0.01), machine.cell("b", 0.02)]
        return [t.seconds for t in time_cells(cells, PROTOCOL, machine, random.Random(seed))]

    assert measure(1) == measure(1)
    assert measure(1) != measure(2)


def test_garbage_collection_is_off_while_samples_are_taken_and_on_again_after() -> None:
    seen: list[bool] = []
    machine = Machine()

    def run() -> None:
        seen.append(gc.isenabled())
        machine.time += 0.01

    time_cells([Cell(run, lambda: None)], PROTOCOL, machine, random.Random(0))
    assert not any(seen)
    assert gc.isenabled()


def test_a_clock_too_coarse_is_flagged_and_does_not_hang() -> None:
    machine = Machine(tick=0.5)
    protocol = CostProtocol(
        threads=1, samples=10, sample_seconds=0.001, warm_up_passes=1, warm_up_seconds=0.001
    )
    (found,) = time_cells([machine.cell("a", 1e-6)], protocol, machine, random.Random(0))
    assert "coarse clock" in found.flags


def test_flags() -> None:
    steady = [1.0] * 20
    assert sample_flags(steady, 1, 1e-9) == ()
    assert sample_flags(steady[:9], 1, 1e-9) == ("few samples",)
    assert sample_flags(steady, 1, 0.011) == ("coarse clock",)
    assert sample_flags(steady, 2, 0.011) == ()  # a sample of two passes is twice as long
    wide = [0.9] * 7 + [1.0] * 6 + [1.1] * 7
    assert sample_flags(wide, 1, 1e-9) == ("spread",)


def test_spread_at_its_limit_is_flagged() -> None:
    assert "spread" in sample_flags([95.0] * 6 + [100.0] * 4 + [105.0] * 6, 1, 1e-9)
    assert "spread" not in sample_flags([95.1] * 6 + [100.0] * 4 + [105.0] * 6, 1, 1e-9)


@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=50))
def test_spread_is_that_of_numpy(seconds: list[float]) -> None:
    low, high = np.quantile(seconds, [0.25, 0.75])
    assert relative_spread(seconds) == pytest.approx((high - low) / statistics.median(seconds))


def test_spread_of_one_sample_is_not_zero() -> None:
    assert relative_spread([1.0]) == math.inf


def test_the_real_clock_runs_and_knows_its_tick() -> None:
    clock = PerformanceClock()
    first = clock.now()
    assert 0 < clock.tick < 0.1
    assert clock.now() > first
