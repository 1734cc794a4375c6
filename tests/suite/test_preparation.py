import dataclasses

import pytest

from suite import preparation
from suite.devices import DeviceDescription
from suite.errors import DeviceError
from suite.estimate import trial_seconds
from suite.executors.base import Executor
from suite.grid import load_grid, parse_grid
from suite.models import MODELS
from suite.planning import cut_stacks
from suite.preparation import prepare
from suite.stack_sizes import LONGEST_STACK
from tests.suite.test_grid import text


def work_of(**changes):
    grid = parse_grid(text(changes), name="g")
    return prepare(grid, "cpu", None)


@pytest.mark.parametrize(
    ("asked", "failing", "kept"),
    [
        ("auto", {"mps"}, {"cpu", "cuda:0"}),
        ("auto", {"cpu", "cuda:0", "mps"}, None),
        ("cpu,cuda:0", {"cuda:0"}, None),
        ("cpu,cuda:0", set(), {"cpu", "cuda:0"}),
    ],
)
def test_of_all_devices_those_that_fail_are_left_out(monkeypatch, asked, failing, kept):
    def check(name):
        if name in failing:
            raise DeviceError(f"device {name} is refused: output 1.0e-01")
        return {"output": 1e-7}

    there = ["cpu", "cuda:0", "mps"] if asked == "auto" else asked.split(",")
    monkeypatch.setattr(preparation, "parse_devices", lambda _: there)
    monkeypatch.setattr(preparation, "check_device", check)
    if kept is None:
        with pytest.raises(DeviceError, match="is refused"):
            preparation._checked(asked)
    else:
        checks, notices = preparation._checked(asked)
        assert set(checks) == kept
        assert notices == [f"left out: device {d} is refused: output 1.0e-01" for d in failing]


def test_the_plan_has_the_data_that_is_there():
    work = work_of(seeds="12")
    (fingerprint,) = work.fingerprints.values()
    assert {trial.data_fingerprint for trial in work.plan.trials.values()} == {fingerprint}
    assert work.used == {"mnist5k": "mnist5k"}
    assert work.notices == ()
    assert {"datasets", "fingerprints", "environment", "devices", "device_checks"} <= set(
        work.record()
    )
    assert work.checks["cpu"]


class Timing(Executor):
    """Times nothing, but notes what it was asked for."""

    def __init__(self, timings, parallel=1):
        self.asked = []
        self.timings = timings
        self._parallel = parallel

    @property
    def parallel(self):
        return self._parallel

    def run(self, stacks, should_stop):
        yield from ()

    def time_sizes(self, wanted, should_stop):
        self.asked += wanted
        yield from ((place, self.timings) for place, _ in enumerate(wanted))

    def describe(self):
        return {}


class Crowded(Timing):
    """Has a stack for each worker on a device."""

    def stacks_on(self, device):
        return self._parallel


class Apart(Timing):
    """Trains an accelerator's stacks alone."""

    def trains_alone(self, device):
        return device != "cpu"


def on_devices(work, *devices):
    """Give the same work with every trial on each device."""
    planned = tuple(
        (study, dataclasses.replace(trial, device=device))
        for study, trial in work.plan.planned
        for device in devices
    )
    return dataclasses.replace(work, plan=dataclasses.replace(work.plan, planned=planned))


def sizes(work, executor, rate):
    work = dataclasses.replace(work, executor=executor, rate=rate)
    return list(work.choose_sizes(work.plan.shapes, lambda: False))


def rate_for(work, seconds):
    """Give the rate at which all trials take so many seconds."""
    trials = work.plan.trials.values()
    return sum(trial_seconds(t.condition, t.protocol, 1.0) for t in trials) / seconds


def test_a_stack_size_is_timed_only_where_that_pays():
    work = work_of(seeds="12", batch_size="1024")
    slow = Timing({3: 0.5, 6: 0.1, 12: 0.101})
    shapes = list(work.plan.shapes)
    rate = rate_for(work, seconds=100)
    assert sizes(work, slow, rate) == [(shape, 6, slow.timings) for shape in shapes]
    assert [wanted.seconds for wanted in slow.asked] == [1.0] * len(shapes)
    # On a CPU far from the usual size, which is 4 here, nothing is worth a try.
    assert {wanted.candidates for wanted in slow.asked} == {(1, 2, 3, 4, 6, 12)}
    fast = Timing({})
    assert sizes(work, fast, 1e15) == [(shape, 4, {}) for shape in shapes]
    assert fast.asked == []


def test_only_short_stacks_may_be_larger_than_usual():
    work = work_of(seeds="12", batch_size="64", learning_rate="[1e-4, 1e-3, 1e-2]")
    work = dataclasses.replace(work, share=1)
    for stacks, largest in ((1.7, 36), (2.7, 18), (10, 12), (100, 12)):
        executor = Timing({})
        sizes(work, executor, rate_for(work, stacks * LONGEST_STACK))
        assert {max(wanted.candidates) for wanted in executor.asked} == {largest}


def test_a_cuda_device_gets_all_of_a_shape_at_once(monkeypatch):
    work = work_of(seeds="100", batch_size="64", learning_rate="[1e-4, 1e-3, 1e-2]")
    described = DeviceDescription("cuda:0", "a GPU", 8 << 30)
    monkeypatch.setattr(preparation, "describe_device", lambda _: described)
    work = on_devices(work, "cuda:0")
    executor = Timing({1: 1.0})
    assert {size for _, size, _ in sizes(work, executor, 1e5)} == {300}
    assert executor.asked == []


def test_workers_share_the_memory_of_a_cuda_device(monkeypatch):
    work = work_of(seeds="100", norm='["none"]')
    monkeypatch.setattr(preparation, "filling_stack", lambda _trials, memory: memory)
    described = DeviceDescription("cuda:0", "a GPU", 8000)
    monkeypatch.setattr(preparation, "describe_device", lambda _: described)
    work = on_devices(work, "cuda:0")
    for executor, memory in ((Timing({}, 4), 8000), (Crowded({}, 4), 2000)):
        assert {size for _, size, _ in sizes(work, executor, 1e5)} == {memory}


def test_what_trains_alone_goes_first_and_counts_whole():
    work = on_devices(work_of(seeds="12"), "cpu", "cuda:0")
    work = dataclasses.replace(work, executor=Apart({}, parallel=2), rate=1e9)
    stacks = cut_stacks(work.plan, dict.fromkeys(work.plan.shapes, 12))
    order = [stack.trials[0].device for stack in work.arranged(stacks[::-1])]
    assert order == sorted(order, reverse=True)
    seconds = {d: [] for d in ("cpu", "cuda:0")}
    for stack in stacks:
        seconds[stack.trials[0].device].append(work.stack_seconds(stack))
    on_cpu = max(sum(seconds["cpu"]) / 2, *seconds["cpu"])
    assert work.forecast(stacks).left() == pytest.approx(sum(seconds["cuda:0"]) + on_cpu)


def test_where_timing_fails_the_usual_size_is_taken():
    work = work_of(seeds="12", batch_size="1024")
    assert {size for _, size, _ in sizes(work, Timing({}), 1e5)} == {4}


def test_stacks_are_small_enough_to_keep_all_workers_busy():
    work = work_of(seeds="12", norm='["none"]', batch_size="64", learning_rate="1e-3")
    for parallel, largest in ((1, 12), (2, 6), (6, 2), (100, 1)):
        executor = Timing({}, parallel)
        ((_, size, _),) = sizes(work, executor, 1e5)
        assert all(max(wanted.candidates) == largest for wanted in executor.asked)
        assert bool(executor.asked) == (largest >= 4)  # one candidate needs no timing
        assert size == largest


def test_a_model_without_a_stacked_twin_is_stored_trial_by_trial(monkeypatch):
    monkeypatch.setitem(MODELS, "mlp", dataclasses.replace(MODELS["mlp"], has_stacked=False))
    work = work_of()
    assert {size for _, size, _ in work.choose_sizes(work.plan.shapes, lambda: False)} == {1}


def test_costs_are_planned_where_the_grid_asks_for_them():
    assert work_of().costs == ()
    smoke = load_grid("smoke")
    assert bool(prepare(smoke, "cpu", None).costs) == (smoke.cost is not None)
