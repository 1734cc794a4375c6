"""The loops that are compared, each in processes of its own.

A worker prepares a loop, says so, and runs it each time it is told to; so imports, data and models
are made outside the clock, and several processes start together.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import torch
from torch import nn

from suite.data import DATA_VARIABLE, load_or_fall_back, scaled
from suite.datasets.idx import default_folder
from suite.models import model_spec
from suite.norms import parse_norm
from suite.records import Budget, Condition, Protocol, Trial
from suite.torchvision_compat import import_torchvision
from suite.training.record import Record
from suite.training.sizing import fastest, time_stack_sizes
from suite.training.stacked import StackedStep, build_stacked, train

CORES = len(os.sched_getaffinity(0))
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


def data_dir() -> Path | None:
    if os.environ.get(DATA_VARIABLE):
        return None
    return SHARED_DATA if SHARED_DATA.is_dir() else None


def torchvision_root() -> Path | None:
    """Find MNIST as torchvision reads it, which the notebook's loop does; None: it is nowhere."""
    root = Path(os.environ.get(DATA_VARIABLE) or data_dir() or default_folder())
    return root if (root / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file() else None


def images():
    dataset, _ = load_or_fall_back("mnist", data_dir=data_dir(), download=False)
    return dataset


def network(norm: str) -> nn.Module:
    torch.manual_seed(0)
    return model_spec("mlp").load().serial(parse_norm(norm).serial, None, 10, (1, 28, 28))


def notebook(norm: str, batch_size: int, steps: int):
    """The teaching notebook's own loop: torchvision's dataset, transforms, a DataLoader."""
    torchvision = import_torchvision()
    transforms, datasets = torchvision.transforms, torchvision.datasets
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    mnist = datasets.MNIST(torchvision_root(), train=True, transform=transform)
    loader = torch.utils.data.DataLoader(mnist, batch_size=batch_size, shuffle=True)
    model, criterion = network(norm), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    def run() -> int:
        total = 0.0
        seen = 0
        for done, (inputs, labels) in enumerate(loader, 1):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
            seen += len(labels)
            if done == steps:
                break
        return seen

    return run


def careful(norm: str, batch_size: int, steps: int):
    """A careful loop: scaled images in memory, one gather a step, no reading back."""
    dataset = images()
    inputs, labels = scaled(dataset.train_images), dataset.train_labels
    model = network(norm)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)

    def run() -> int:
        done = seen = 0
        while done < steps:
            for batch in torch.randperm(len(labels)).split(batch_size):
                loss = nn.functional.cross_entropy(model(inputs[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                seen += len(batch)
                done += 1
                if done == steps:
                    break
        return seen

    return run


def stacked(norm: str, batch_size: int, steps: int, model: str = "mlp"):
    """Ours, as a run trains: the stack size by ``time_stack_sizes``."""
    dataset = images()

    def trial(seed: int) -> Trial:
        return Trial(
            condition=Condition(
                dataset=dataset.spec.name,
                model=model,
                norm=norm,
                batch_size=batch_size,
                learning_rate=1e-3,
            ),
            seed=seed,
            protocol=Protocol(budget=Budget(steps=steps), split="all"),
            device="cpu",
            data_fingerprint=dataset.fingerprint,
            code_version="benchmark",
        )

    size = fastest(
        time_stack_sizes(trial(0), dataset, (1, 2, 4, 6, 8, 12, 16, 24), budget_seconds=4)
    )
    trials = [trial(seed) for seed in range(size)]
    network = build_stacked(trials, dataset.spec)
    step = StackedStep(network, trials, dataset)

    def run() -> int:
        record = Record(trials, dataset)
        record.begin(network)
        train(record, step, lambda: False)
        images = len(dataset.train_labels)
        epochs, rest = divmod(steps, -(-images // batch_size))
        return size * (epochs * images + rest * batch_size)

    return run


LOOPS = {"notebook": notebook, "careful": careful, "stacked": stacked}


class Workers:
    """Processes that run one loop together."""

    def __init__(self, loop: str, processes: int, *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes = []
        self.processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            threads = max(1, CORES // processes)
            process = context.Process(target=_work, args=(theirs, threads, loop, arguments))
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)
        for pipe in self.pipes:
            assert pipe.recv() == "ready"

    def run(self) -> int:
        """Run once in every process; how many images were trained on, over all seeds."""
        for pipe in self.pipes:
            pipe.send("go")
        return sum(pipe.recv() for pipe in self.pipes)

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.send("end")
        for process in self.processes:
            process.join()


def _work(pipe, threads: int, loop: str, arguments: tuple[object, ...]) -> None:
    torch.set_num_threads(threads)
    run = LOOPS[loop](*arguments)
    pipe.send("ready")
    while pipe.recv() == "go":
        pipe.send(run())
