"""Seed-epochs a second on a CUDA device against the size of the stack, and where a step goes.

    python -m tests.benchmarks.cuda [stack ...]

prints a table for batch 64, and at the largest stack one with orders that the host draws, one for
other batch sizes, and the kernels of a step. A seed-epoch is one network's training on 60,000
images; evaluation is left out, as the notebook's loop does between its epochs. It needs the device
for itself.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Final

import torch

from suite.data import Dataset, load_or_fall_back
from suite.devices import describe_device, use_full_precision
from suite.records import Budget, Condition, Protocol, Trial
from suite.training.batches import batches
from suite.training.build import build_stacked
from suite.training.stacked import StackedStep, step_for_device
from tests.benchmarks.loops import data_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from suite.training.captured import CapturedStep

    Form: TypeAlias = Callable[..., StackedStep | CapturedStep]

DEVICE: Final = "cuda:0"
IMAGES: Final = 60_000
STACKS: Final = (1, 4, 12, 48, 120, 250, 500, 1000, 2000)
ROUNDS: Final = 5


def trials(norm: str, batch_size: int, stack: int, data: Dataset) -> list[Trial]:
    """Make the notebook's trials, one for each seed."""
    condition = Condition(
        dataset=data.spec.name, model="mlp", norm=norm, batch_size=batch_size, learning_rate=1e-3
    )
    return [
        Trial(
            condition=condition,
            seed=seed,
            protocol=Protocol(budget=Budget(epochs=1), split="all"),
            device=DEVICE,
            data_fingerprint=data.fingerprint,
            code_version="benchmark",
        )
        for seed in range(stack)
    ]


class Loop:
    """Trains a stack on batches drawn beforehand; the order of images is not what is timed."""

    def __init__(
        self,
        form: Form,
        norm: str,
        batch_size: int,
        stack: int,
        data: Dataset,
    ) -> None:
        members = trials(norm, batch_size, stack, data)
        self.step = form(build_stacked(members, data.spec).to(DEVICE), members, data)
        self.batch_size = batch_size
        self.stack = stack
        source = torch.Generator(DEVICE).manual_seed(0)
        self.batches = [
            torch.randint(
                len(data.train_labels), (stack, batch_size), generator=source, device=DEVICE
            )
            for _ in range(8)
        ]
        for _ in range(2):
            for batch in self.batches:
                self.step(batch)

    def seconds(self, steps: int) -> float:
        """Time so many steps."""
        torch.cuda.synchronize()
        started = time.perf_counter()
        for number in range(steps):
            self.step(self.batches[number % len(self.batches)])
        torch.cuda.synchronize()
        return time.perf_counter() - started

    def rate(self) -> float:
        """Seed-epochs a second: the median of several rounds of about a tenth of a second."""
        steps = max(5, round(0.1 / (self.seconds(5) / 5)))
        seconds = statistics.median(self.seconds(steps) / steps for _ in range(ROUNDS))
        return self.stack / (seconds * IMAGES / self.batch_size)


def by_stack(data: Dataset, stacks: tuple[int, ...]) -> Iterator[str]:
    """Seed-epochs a second at batch 64, eager and captured."""
    yield "| stack | norm | eager | captured | µs a seed-step |\n|---|---|---|---|---|"
    for stack in stacks:
        for norm in ("none", "batch"):
            plain, captured = (
                Loop(form, norm, 64, stack, data).rate() for form in (StackedStep, step_for_device)
            )
            micro = 1e6 * 64 / (captured * IMAGES)
            yield f"| {stack} | {norm} | {plain:.0f} | {captured:.0f} | {micro:.2f} |"


def by_batch_size(data: Dataset, stack: int) -> Iterator[str]:
    """Seed-epochs a second against batch size."""
    yield f"| batch size | norm | stack {stack} |\n|---|---|---|"
    for batch_size in (4, 16, 256, 1024):
        for norm in ("none", "batch"):
            rate = Loop(step_for_device, norm, batch_size, stack, data).rate()
            yield f"| {batch_size} | {norm} | {rate:.0f} |"


def whole_epoch(data: Dataset, stack: int) -> Iterator[str]:
    """Three epochs with their orders drawn on the host, against steps alone."""
    yield f"| norm | stack {stack}, seed-epochs a second with orders |\n|---|---|"
    for norm in ("none", "batch"):
        members = trials(norm, 64, stack, data)
        step = step_for_device(build_stacked(members, data.spec).to(DEVICE), members, data)
        train = torch.arange(len(data.train_labels), device=DEVICE).expand(stack, -1)
        steps = 3 * -(-train.shape[1] // 64)
        torch.cuda.synchronize()
        started = time.perf_counter()
        for batch in batches(train, range(stack), 64, steps):
            step(batch)
        torch.cuda.synchronize()
        seconds = time.perf_counter() - started
        yield f"| {norm} | {3 * stack * train.shape[1] / IMAGES / seconds:.0f} |"


def kernels(data: Dataset, stack: int) -> Iterator[str]:
    """Kernels of a step, longest first."""
    for norm in ("none", "batch"):
        loop = Loop(StackedStep, norm, 64, stack, data)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            loop.seconds(10)
        found = [e for e in profile.key_averages() if e.self_device_time_total > 0]
        found.sort(key=lambda e: -e.self_device_time_total)
        yield f"| kernel ({norm}, stack {stack}) | µs a step | calls |\n|---|---|---|"
        for event in found[:16]:
            micro = event.self_device_time_total / 10
            yield f"| {event.key[:100]} | {micro:.0f} | {event.count / 10:g} |"


if __name__ == "__main__":
    use_full_precision()
    chosen = tuple(map(int, sys.argv[1:])) or STACKS
    dataset, notice = load_or_fall_back("mnist", data_dir=data_dir(), download=False)
    here = dataset.to(DEVICE)
    print(f"{describe_device(DEVICE)}, torch {torch.__version__}, {notice or 'mnist'}")
    largest = min(1000, max(chosen))
    for table in (
        by_stack(here, chosen),
        whole_epoch(here, largest),
        by_batch_size(here, largest),
        kernels(here, largest),
    ):
        print(flush=True)
        for line in table:
            print(line, flush=True)
