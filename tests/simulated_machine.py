"""A machine whose true times are known, with a seeded clock."""

from __future__ import annotations

import itertools
import math
import random

from suite.cost.protocol import Cell


class Machine:
    """A clock that moves only when something runs, and a log of what ran."""

    def __init__(self, seed: int = 0, *, noise: float = 0.0, tick: float = 1e-9) -> None:
        self.time = 0.0
        self.tick = tick
        self.noise = noise
        self.random = random.Random(seed)
        self.log: list[str] = []

    def now(self) -> float:
        self.log.append("read")
        return math.floor(self.time / self.tick) * self.tick

    def cell(self, name: str, seconds: float, warm_after: int = 0, cold: float = 0.0) -> Cell:
        count = itertools.count()

        def run() -> None:
            self.log.append(name)
            extra = cold if next(count) < warm_after else 0.0
            self.time += (seconds + extra) * math.exp(self.random.gauss(0, self.noise))

        return Cell(run, lambda: self.log.append("synchronise"))
