import os

import pytest
import torch

from suite.executors import training
from suite.executors.base import SizeWanted
from suite.executors.training import OpenTrainer, StackTrainer
from tests.fakes import tiny_plan


def shape(seeds, rates=(1e-3,)):
    return next(iter(tiny_plan(seeds=seeds, rates=rates).shapes.values()))


def test_a_stack_is_trained_on_its_dataset_and_sized():
    from suite.data import load_dataset

    trials = shape(2)
    trainer = StackTrainer({"mnist5k": load_dataset("mnist5k", data_dir=None)})
    results = trainer(trials, lambda: False)
    assert [r.trial for r in results] == list(trials)
    assert {r.status for r in results} == {"ok"}
    timings = trainer.time_sizes(SizeWanted(trials, (1, 2), seconds=0.1))
    assert set(timings) == {1, 2}


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("cpu_only", "visible"), [(True, ""), (False, "1")])
def test_a_worker_keeps_memory_and_for_the_cpu_alone_sees_no_gpu(monkeypatch, cpu_only, visible):
    kept = []
    monkeypatch.setattr(training, "keep_freed_memory", lambda: kept.append(True))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    OpenTrainer({}, 1, cpu_only)()
    assert kept
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible
