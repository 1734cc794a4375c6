import pytest

from suite.errors import BenchError, InterruptedRunError, TrialUndefinedError
from suite.executors.base import Guard
from suite.planning import cut_stacks
from tests.fakes import FakeTrainer, tiny_plan


def stack(size=8):
    plan = tiny_plan(seeds=8)
    return cut_stacks(plan, dict.fromkeys(plan.shapes, size))[0]


def never():
    return False


def test_results_come_in_the_stacks_order():
    finished = Guard(FakeTrainer())(stack(), never)
    assert [r.trial for r in finished.results] == list(stack().trials)
    assert finished.seconds > 0


def following(error, first):
    """An error that came up while another one was handled."""
    error.__context__ = first
    return error


class OutOfMemoryError(RuntimeError):  # as torch calls its own
    pass


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("no more"),
        OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA driver error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        following(RuntimeError("CUDA error: capture invalidated"), OutOfMemoryError("no memory")),
    ],
)
def test_out_of_memory_halves_the_stack_and_remembers(error):
    def breaks(trials):
        if len(trials) > 3:
            raise error

    trainer = FakeTrainer(breaks=breaks)
    guard = Guard(trainer)
    finished = guard(stack(), never)
    assert [r.status for r in finished.results] == ["ok"] * 8
    assert [r.trial for r in finished.results] == list(stack().trials)
    assert [len(s) for s in trainer.stacks] == [2, 2, 2, 2]
    tries = []
    trainer.breaks = lambda trials: tries.append(len(trials))
    guard(stack(), never)
    assert tries == [2, 2, 2, 2]


def test_a_trial_that_does_not_fit_alone_is_oom():
    def breaks(trials):
        if any(trial.seed == 5 for trial in trials):
            raise MemoryError("seed 5 is too large")

    finished = Guard(FakeTrainer(breaks=breaks))(stack(), never)
    assert [r.status for r in finished.results] == ["ok"] * 5 + ["oom"] + ["ok"] * 2
    assert finished.results[5].reason == "out of memory: seed 5 is too large"


def test_an_undefined_stack_is_no_failure():
    def breaks(_):
        raise TrialUndefinedError("a batch of one has no variance")

    finished = Guard(FakeTrainer(breaks=breaks))(stack(), never)
    assert {(r.status, r.reason) for r in finished.results} == {
        ("undefined", "a batch of one has no variance")
    }


def test_an_ordinary_runtime_error_is_a_failure_with_its_traceback():
    def breaks(_):
        raise RuntimeError("shapes differ")

    finished = Guard(FakeTrainer(breaks=breaks))(stack(), never)
    assert {r.status for r in finished.results} == {"failed"}
    assert finished.results[0].reason.endswith("RuntimeError: shapes differ\n")


def test_interrupts_and_our_own_faults_are_raised():
    with pytest.raises(InterruptedRunError):
        Guard(FakeTrainer())(stack(), lambda: True)
    with pytest.raises(BenchError, match="one result for each trial"):
        Guard(lambda trials, _: FakeTrainer()(trials, never)[1:])(stack(), never)
    with pytest.raises(BenchError, match="in order"):
        Guard(lambda trials, _: FakeTrainer()(trials, never)[::-1])(stack(), never)


def test_a_keyboard_interrupt_is_no_failure():
    def breaks(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guard(FakeTrainer(breaks=breaks))(stack(), never)
