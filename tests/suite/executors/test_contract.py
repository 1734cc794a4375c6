"""The contract of every executor, in one suite; what only some can meet is asked of those alone."""

import dataclasses
import importlib.util
import os
import time
from collections import Counter

import psutil
import pytest

from suite.errors import InterruptedRunError
from suite.executors.base import Executor, SizeWanted, StackFinished, StackStarted
from suite.executors.by_device import ByDeviceExecutor
from suite.executors.in_process import InProcessExecutor
from suite.executors.processes import ProcessExecutor
from suite.executors.ray_cluster import Cluster, connected
from suite.executors.ray_executor import RayExecutor
from suite.planning import cut_stacks
from suite.runner import Options, run_plan
from suite.store import StoreReader, StoreWriter
from tests.fakes import choose_three, tiny_plan
from tests.suite.executors.trainers import Make, Scripted

NAMES = ("in-process", "by-device", "processes", pytest.param("ray", marks=pytest.mark.ray))


def make(name: str, trainer: Scripted, *, limit: float = 60.0) -> Executor:
    if name == "in-process":
        return InProcessExecutor(trainer, threads=1)
    if name == "ray":
        cluster = Cluster(pytest.importorskip("ray"), None)
        return RayExecutor(cluster, Make(trainer), threads=1, limit=lambda _: limit)
    processes = ProcessExecutor(Make(trainer), workers=2, threads=1, limit=lambda _: limit)
    if name == "by-device":
        return ByDeviceExecutor(InProcessExecutor(trainer, threads=1), processes)
    return processes


@pytest.fixture(scope="module", autouse=True)
def ray_for_all(request):
    """Start Ray once, where a test of this run asks for it; a connection that exists is used."""
    asked = any(item.get_closest_marker("ray") for item in request.session.items)
    if not asked or importlib.util.find_spec("ray") is None:
        yield
        return
    cluster = connected(None, 2)
    yield
    cluster.close()


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(params=NAMES[1:])
def apart(request) -> str:
    """An executor whose stacks train in other processes."""
    return request.param


@pytest.fixture
def trainer(tmp_path) -> Scripted:
    return Scripted(tmp_path / "log")


def stacks(seeds: int = 4, size: int = 2):
    plan = tiny_plan(seeds=seeds)
    return cut_stacks(plan, dict.fromkeys(plan.shapes, size))


def never() -> bool:
    return False


def finished(events) -> dict[tuple[str, int], StackFinished]:
    found = {(e.stack.shape, e.stack.number): e for e in events if isinstance(e, StackFinished)}
    assert len(found) == sum(isinstance(e, StackFinished) for e in events)
    return found


def statuses(events) -> Counter[str]:
    return Counter(r.status for e in events if isinstance(e, StackFinished) for r in e.results)


def test_nothing_to_do(name, trainer):
    executor = make(name, trainer)
    assert list(executor.run((), never)) == []
    assert list(executor.time_sizes((), never)) == []
    executor.close()
    assert trainer.lines() == []


def test_every_stack_starts_once_and_finishes_once_with_its_results_in_order(name, trainer):
    todo = stacks()
    events = list(make(name, trainer).run(todo, never))
    assert len(events) == 2 * len(todo)
    begun = []
    for event in events:
        if isinstance(event, StackStarted):
            begun.append(event.stack)
        else:
            assert event.stack in begun
            assert [r.trial for r in event.results] == list(event.stack.trials)
            assert event.seconds > 0
    assert begun == list(todo)  # they begin in their order
    assert set(finished(events)) == {(s.shape, s.number) for s in todo}
    assert statuses(events) == {"ok": 32}


def test_it_says_how_it_runs(name, trainer):
    executor = make(name, trainer)
    said = executor.describe()
    assert said["name"] == name
    assert executor.parallel == said["processes"]
    assert said["threads"] == 1


def test_it_can_run_twice_and_be_closed_twice(name, trainer):
    executor = make(name, trainer)
    for _ in range(2):
        assert statuses(list(executor.run(stacks(), never))) == {"ok": 32}
    executor.close()
    executor.close()


def test_a_trainer_that_raises_fails_its_own_stack_with_the_traceback(name, trainer):
    broken = dataclasses.replace(trainer, seed=3, action="raise")
    events = list(make(name, broken).run(stacks(), never))
    assert statuses(events) == {"ok": 16, "failed": 16}
    reasons = {r.reason for e in finished(events).values() for r in e.results if r.reason}
    assert all("ZeroDivisionError: a fault in training" in reason for reason in reasons)
    assert all("Traceback" in reason for reason in reasons)
    # An error is an answer: it is not tried again.
    assert len(broken.lines()) == len(stacks())


def test_an_undefined_stack_is_no_failure(name, trainer):
    odd = dataclasses.replace(trainer, seed=0, action="undefined")
    assert statuses(list(make(name, odd).run(stacks(), never))) == {"ok": 16, "undefined": 16}


def test_out_of_memory_halves_a_stack(name, trainer):
    narrow = dataclasses.replace(trainer, seed=1, action="oom", larger=1)
    assert statuses(list(make(name, narrow).run(stacks(size=4), never))) == {"ok": 32}
    hopeless = dataclasses.replace(trainer, seed=1, action="oom")
    events = list(make(name, hopeless).run(stacks(size=4), never))
    assert statuses(events) == {"ok": 24, "oom": 8}


def test_sizes_are_timed_and_a_timing_that_raises_gives_none(name, trainer):
    shapes = tuple(tiny_plan(seeds=2).shapes.values())
    wanted = [SizeWanted(trials, (1, 2, 4), 0.1) for trials in shapes]
    executor = make(name, trainer)
    found = dict(executor.time_sizes(wanted, never))
    assert found == {place: {1: 1.0, 2: 0.5, 4: 0.25} for place in range(len(shapes))}
    executor.close()
    broken = dataclasses.replace(trainer, seed=0, action="raise")
    executor = make(name, broken)
    assert dict(executor.time_sizes(wanted, never)) == {place: {} for place in range(len(shapes))}
    executor.close()


def test_a_stop_before_anything_has_begun(name, trainer):
    executor = make(name, trainer)
    with pytest.raises(InterruptedRunError):
        list(executor.run(stacks(), lambda: True))
    with pytest.raises(InterruptedRunError):
        list(executor.time_sizes([SizeWanted(stacks()[0].trials, (1,), 0.1)], lambda: True))
    assert trainer.lines() == []


def test_a_stop_comes_between_steps_and_leaves_nobody_behind(name, trainer):
    slow = dataclasses.replace(trainer, steps=1_000)  # 20 s
    executor = make(name, slow)
    began = time.monotonic()
    seen: list[object] = []
    with pytest.raises(InterruptedRunError):
        seen.extend(executor.run(stacks(), lambda: bool(slow.lines())))
    assert time.monotonic() - began < 15
    assert not finished(seen)
    executor.close()
    assert_gone(slow.processes() - {os.getpid()})


def test_whoever_stops_listening_ends_the_training(name, trainer):
    executor = make(name, dataclasses.replace(trainer, steps=10))
    events = executor.run(stacks(), never)
    for event in events:
        if isinstance(event, StackFinished):
            break
    del event
    events.close()
    executor.close()
    assert_idle(name, trainer)


def test_a_run_stores_the_rows_of_an_in_process_run(name, trainer, tmp_path):
    plan = tiny_plan()
    rows = {}
    for which in {"in-process", name}:
        with StoreWriter(tmp_path / which) as store:
            run_plan(
                plan,
                store,
                make(which, trainer),
                choose_three,
                {},
                options=Options(),
                should_stop=never,
                on_event=lambda _: None,
            )
        with StoreReader(tmp_path / which) as store:
            rows[which] = list(store.results())
            assert store.runs()[0]["executor"]["name"] == which
    assert len(rows[name]) == 32
    assert rows[name] == rows["in-process"]


# --- what is asked of executors with processes of their own ------------------------------------


def test_stacks_train_at_the_same_time_and_not_in_this_process(apart, trainer):
    slow = dataclasses.replace(trainer, steps=25)
    most = running = 0
    for event in make(apart, slow).run(stacks(), never):
        running += 1 if isinstance(event, StackStarted) else -1
        most = max(most, running)
    assert most in {2, 3}  # the next may be handed out before a result is told
    assert len(slow.processes()) == 2 or apart == "ray"  # which may have started more
    assert os.getpid() not in slow.processes()


@pytest.mark.parametrize("action", ["kill", "exit"])
def test_a_worker_that_dies_loses_its_stack_which_is_tried_again(apart, trainer, action):
    mortal = dataclasses.replace(trainer, seed=2, action=action, times=1)
    todo = stacks()
    events = list(make(apart, mortal).run(todo, never))
    assert statuses(events) == {"ok": 32}
    assert sum(isinstance(e, StackStarted) for e in events) == len(todo)
    tries = Counter(line.split()[2] for line in mortal.lines())
    assert Counter(tries.values()) == {1: 8, 2: 8}


@pytest.mark.parametrize(
    ("action", "reason"), [("kill", "killed by SIGKILL"), ("exit", "exit code 7")]
)
def test_a_stack_that_kills_two_workers_has_failed(apart, trainer, action, reason):
    if apart == "ray":
        reason = "the worker or its node died ("
    deadly = dataclasses.replace(trainer, seed=2, action=action)
    events = list(make(apart, deadly).run(stacks(), never))
    assert statuses(events) == {"ok": 16, "failed": 16}
    bad = [e for e in finished(events).values() if e.results[0].status == "failed"]
    assert {t.trial.seed for e in bad for t in e.results} == {2, 3}
    assert all(reason in r.reason for e in bad for r in e.results)
    assert all(r.reason.endswith(", 2 times") for e in bad for r in e.results)


def test_a_worker_that_hangs_is_killed_and_its_stack_tried_again(apart, trainer):
    stuck = dataclasses.replace(trainer, seed=2, action="hang", times=1)
    todo = [s for s in stacks() if s.number in (0, 1)][:4]
    executor = make(apart, stuck, limit=2.0)
    assert statuses(list(executor.run(todo, never))) == {"ok": sum(len(s.trials) for s in todo)}
    hopeless = dataclasses.replace(trainer, seed=0, action="hang", log=trainer.log.with_name("l"))
    (first, *_) = todo
    events = list(make(apart, hopeless, limit=3.0).run([first], never))
    assert statuses(events) == {"failed": len(first.trials)}
    assert "ed after 3 s without an answer" in events[-1].results[0].reason
    if apart == "processes":  # a cluster keeps idle workers
        assert_gone(stuck.processes() | hopeless.processes())


def test_a_timing_that_kills_its_worker_gives_none(apart, trainer):
    deadly = dataclasses.replace(trainer, seed=0, action="kill")
    executor = make(apart, deadly)
    (trials, *_) = tiny_plan(seeds=2).shapes.values()
    assert list(executor.time_sizes([SizeWanted(trials, (1, 2), 0.1)], never)) == [(0, {})]
    executor.close()


def assert_idle(name: str, trainer: Scripted) -> None:
    """Nobody trains any more: what trained has ended, or on a cluster that goes on, trains not."""
    if name != "ray":
        assert_gone(trainer.processes() - {os.getpid()})
        return
    time.sleep(1)
    before = trainer.lines()
    time.sleep(1)
    assert trainer.lines() == before


def assert_gone(processes: set[int], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(_is_alive(process) for process in processes):
            return
        time.sleep(0.05)
    raise AssertionError(f"still there: {[p for p in processes if _is_alive(p)]}")


def _is_alive(process: int) -> bool:
    """Say whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
