import contextlib
import dataclasses
import os

import pytest
import torch

from suite.errors import DeviceError
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
def test_a_worker_for_the_cpu_alone_sees_no_gpu(monkeypatch, cpu_only, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    OpenTrainer({}, 1, cpu_only)()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible


@pytest.fixture
def on_gpu(monkeypatch):
    """A trial that raises on a simulated GPU; gives what it asks of the GPU afterwards."""
    asked = []

    def fails(*_, **__):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(training, "train_stack", fails)
    monkeypatch.setattr(StackTrainer, "_on_device", lambda *_: None)
    monkeypatch.setattr(torch.cuda, "device", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "synchronize", asked.append)
    trials = [dataclasses.replace(t, device="cuda:1") for t in shape(2)]
    return asked, lambda: StackTrainer({})(trials, lambda: False)


def test_an_error_after_which_the_gpu_answers_is_the_stack_s_own(on_gpu):
    asked, train = on_gpu
    with pytest.raises(RuntimeError, match="illegal memory access"):
        train()
    assert asked == ["cuda:1"]


def test_an_error_that_stays_on_the_gpu_is_its_loss(on_gpu, monkeypatch):
    def still(device):
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with …")

    monkeypatch.setattr(torch.cuda, "synchronize", still)
    with pytest.raises(DeviceError, match=r"cuda:1 computes no more \(CUDA error: [^\n]*\);"):
        on_gpu[1]()
