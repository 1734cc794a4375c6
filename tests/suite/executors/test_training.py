from suite.executors.base import SizeWanted
from suite.executors.training import StackTrainer
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
