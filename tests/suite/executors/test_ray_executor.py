"""What is asked of a Ray cluster, with a simulated one: GPUs, room, nodes that are lost."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from suite import device_check
from suite.code_version import cost_version
from suite.cost.plan import CostStudy, plan_costs
from suite.cost_records import CostProtocol
from suite.errors import BenchError, UsageError
from suite.executors import ray_worker
from suite.executors.base import StackFinished, StackStarted
from suite.executors.ray_cluster import Cluster
from suite.executors.ray_executor import RayExecutor
from suite.executors.ray_worker import answered
from suite.planning import cut_stacks
from tests.fakes import tiny_plan

ROOT = Path(__file__).parents[3]


class RayError(Exception):
    pass


class RayTaskError(RayError):
    cause = ZeroDivisionError()


class OutOfMemoryError(RayError):
    pass


class Simulated(Cluster):
    """A cluster whose tasks end one at a time, in their order, when they are waited for.

    ``answers`` maps what was submitted to what it gives; an exception is raised.
    """

    def __init__(self, nodes, answers):
        exceptions = SimpleNamespace(
            RayError=RayError, RayTaskError=RayTaskError, OutOfMemoryError=OutOfMemoryError
        )
        ray = SimpleNamespace(
            put=lambda value: value,
            nodes=lambda: nodes,
            wait=lambda refs, **_: (refs[:1], refs[1:]),
            get=self._get,
            exceptions=exceptions,
        )
        super().__init__(ray, None)
        self.answers = answers
        self.asked = []
        self.submitted = []

    def remote(self, function, **options):
        def submit(*arguments):
            self.asked.append(options)
            self.submitted.append(Ref(arguments))
            return self.submitted[-1]

        return SimpleNamespace(remote=submit)

    def bound_to(self, node):
        return node["NodeID"]

    def cancel(self, ref):
        pass

    def _get(self, ref):
        answer = self.answers(ref)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Ref:
    def __init__(self, arguments):
        self.arguments = arguments


def node(name, cores, gpus=0, alive=True):
    resources = {"CPU": float(cores)} | ({"GPU": float(gpus)} if gpus else {})
    return {"NodeID": name, "Alive": alive, "Resources": resources}


def executor(cluster, *devices, **options):
    return RayExecutor(
        cluster, lambda: None, threads=1, limit=lambda _: 600.0, devices=devices, **options
    )


def never():
    return False


def stacks(*devices):
    plan = tiny_plan(devices=len(devices))
    names = dict(zip(("cpu", "cpu:1"), devices, strict=False))
    return [
        dataclasses.replace(
            stack,
            trials=tuple(dataclasses.replace(t, device=names[t.device]) for t in stack.trials),
        )
        for stack in cut_stacks(plan, dict.fromkeys(plan.shapes, 2))
    ]


def largest_crowd(events, device):
    """Count how many stacks of a kind of device were out at the same time, at most."""
    out = most = 0
    for event in events:
        if event.stack.trials[0].device.startswith(device):
            out += 1 if isinstance(event, StackStarted) else -1
            most = max(most, out)
    assert out == 0
    return most


def done(ref):
    stack = ref.arguments[2]
    return StackFinished(stack, (), 0.0)


@pytest.mark.parametrize(
    ("devices", "most", "crowds", "parallel"),
    [
        (("cpu",), None, (6, 0), 6),
        (("cuda:0",), None, (0, 3), 3),
        (("cuda:0",), 2, (0, 2), 2),
        (("cpu", "cuda:0"), None, (6, 3), 6),
    ],
)
def test_no_more_stacks_are_out_than_nodes_have_cores_and_gpus_for(devices, most, crowds, parallel):
    # A node has more GPUs than cores, one more cores than GPUs, one is gone.
    nodes = [node("a", 1, 8), node("b", 4, 2), node("c", 1), node("d", 64, 8, alive=False)]
    cluster = Simulated(nodes, done)
    trains = executor(cluster, *devices, most=most)
    assert trains.parallel == parallel
    todo = stacks(*devices)
    events = list(trains.run(todo, never))
    assert len(events) == 2 * len(todo)
    found = tuple(largest_crowd(events, kind) for kind in ("cpu", "cuda"))
    assert found[1] == crowds[1]
    assert found[0] <= crowds[0]
    assert bool(found[0]) == bool(crowds[0])
    for options, event in zip(
        cluster.asked, (e for e in events if isinstance(e, StackStarted)), strict=True
    ):
        assert options["num_gpus"] == event.stack.trials[0].device.startswith("cuda")


def test_a_cluster_without_gpus_is_refused_where_one_is_asked_for():
    with pytest.raises(UsageError, match="no node of the Ray cluster has a GPU"):
        executor(Simulated([node("a", 4), node("b", 4, 2, alive=False)], done), "cpu", "cuda:0")


def test_a_stack_that_is_lost_is_tried_again():
    losses = [RayError("the node is gone")]
    cluster = Simulated([node("a", 1)], lambda ref: losses.pop() if losses else done(ref))
    todo = stacks("cpu")[:2]
    events = list(executor(cluster, "cpu").run(todo, never))
    # It is the next to be tried, and is told to have started once.
    assert [e.stack for e in events] == [s for s in todo for _ in ("started", "finished")]
    assert [ref.arguments[2] for ref in cluster.submitted] == [todo[0], *todo]


def test_a_stack_that_is_lost_twice_has_failed_with_the_reason():
    cluster = Simulated([node("a", 1)], lambda ref: RayError("the node is gone\nmore"))
    events = list(executor(cluster, "cpu").run(stacks("cpu")[:1], never))
    found = {(result.status, result.reason) for result in events[-1].results}
    assert found == {
        (
            "failed",
            "the worker or its node died (the node is gone; one is ended after 600 s without an "
            "answer), 2 times",
        )
    }
    assert len(cluster.submitted) == 2


def test_a_stack_whose_worker_was_ended_for_want_of_memory_is_tried_in_halves():
    (stack, *_) = stacks("cpu")
    few = Simulated(
        [node("a", 1)],
        lambda ref: done(ref) if ref.arguments[4] == 1 else OutOfMemoryError("95 % used"),
    )
    events = list(executor(few, "cpu").run([stack], never))
    assert len(events) == 2
    assert [ref.arguments[4] for ref in few.submitted] == [None, 1]
    none = Simulated([node("a", 1)], lambda ref: OutOfMemoryError("95 % used"))
    events = list(executor(none, "cpu").run([stack], never))
    assert len(none.submitted) == 2
    assert {(r.status, r.reason) for r in events[-1].results} == {
        ("oom", "out of memory: Ray ended the worker (95 % used)")
    }


def test_what_had_no_memory_waits_for_its_neighbours():
    first, second, *_ = stacks("cpu")
    shortages = [OutOfMemoryError("95 % used")]
    cluster = Simulated([node("a", 1)], lambda ref: shortages.pop() if shortages else done(ref))
    events = list(executor(cluster, "cpu").run([first, second], never))
    assert [ref.arguments[2] for ref in cluster.submitted] == [first, second, first]
    assert [e.stack for e in events if isinstance(e, StackFinished)] == [second, first]


def test_ray_itself_tries_nothing_again_and_keeps_no_process_that_had_a_gpu():
    asked = {}

    def remote(**options):
        asked[options["num_gpus"]] = options
        return lambda function: SimpleNamespace(options=lambda **more: more)

    cluster = Cluster(SimpleNamespace(remote=remote), None)
    for gpus in (0, 1, 0, 1):
        assert cluster.remote(answered, num_gpus=gpus, num_cpus=2) == {"num_cpus": 2}
    assert asked == {
        0: {"num_gpus": 0, "max_retries": 0},
        1: {"num_gpus": 1, "max_retries": 0, "max_calls": 1},
    }


def replicate(device):
    from tests.suite.cost.test_worker import condition

    study = CostStudy("why", (condition("none", 2),), 1, CostProtocol(threads=1))
    return plan_costs(study, [device], lambda c: "v")[0]


def test_costs_on_cuda_ask_for_a_gpu_where_there_is_one():
    cluster = Simulated([node("a", 64), node("b", 4, 2)], lambda ref: "measured")
    trains = executor(cluster, "cpu", "cuda:0")
    assert trains.measure(replicate("cuda:0"), never) == "measured"
    assert trains.measure(replicate("cpu"), never) == "measured"
    asked = [(o["scheduling_strategy"], o["num_cpus"], o["num_gpus"]) for o in cluster.asked]
    assert asked == [("b", 4, 1), ("a", 64, 0)]


@pytest.mark.parametrize(
    ("nodes", "tried"),
    [
        ([node("a", 4), node("b", 2), node("c", 1)], "ab"),
        ([node("a", 4)], "aa"),
    ],
)
def test_a_node_that_is_lost_while_it_measures_is_followed_by_another(nodes, tried):
    losses = [RayError("its node died")]
    cluster = Simulated(nodes, lambda ref: losses.pop() if losses else "measured")
    assert executor(cluster, "cpu").measure(replicate("cpu"), never) == "measured"
    assert [o["scheduling_strategy"] for o in cluster.asked] == list(tried)


def test_costs_that_were_lost_twice_have_failed():
    cluster = Simulated([node("a", 4), node("b", 2)], lambda ref: RayError("its node died"))
    (result,) = executor(cluster, "cpu").measure(replicate("cpu"), never)
    assert result.status == "failed"
    assert result.reason == "the node that measured was lost, 2 times: its node died"
    assert len(cluster.asked) == 2
    gone = Simulated([], done)
    (result,) = executor(gone, "cpu").measure(replicate("cpu"), never)
    assert (result.status, result.reason) == ("failed", "the cluster has no node for it")


def test_a_fault_of_this_program_is_told():
    cluster = Simulated([node("a", 1)], lambda ref: RayTaskError("odd"))
    with pytest.raises(BenchError, match="a fault of this program"):
        executor(cluster, "cpu").measure(replicate("cpu"), never)


def test_a_worker_ends_itself_when_its_task_hangs():
    """Even where the code that hangs never lets go of Python's lock, as here."""
    code = (
        "import ctypes\n"
        "from suite.executors import ray_worker\n"
        "def hangs():\n"
        "    ctypes.PyDLL(None).sleep(600)\n"
        "ray_worker.answered('a', hangs, None, 0.5, None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in hangs" in done.stderr


def test_a_node_measures_what_is_the_drivers_code_on_a_device_that_computes_well(monkeypatch):
    import torch

    checked = []
    monkeypatch.setattr(device_check, "check_device", checked.append)
    monkeypatch.setattr(ray_worker, "measure_in_process", lambda asked, _: asked.tasks)
    wanted = replicate("cpu")
    with pytest.raises(BenchError, match="a node has other code"):
        ray_worker.measured(wanted, torch.__version__)
    (task,) = wanted.tasks
    same = dataclasses.replace(task, code_version=cost_version(task.condition))
    wanted = dataclasses.replace(wanted, tasks=(same,))
    assert ray_worker.measured(wanted, torch.__version__) == (same,)
    assert checked == ["cpu"]
    with pytest.raises(BenchError, match="a node has torch"):
        ray_worker.measured(wanted, "1.0")


def test_a_worker_checks_the_device_of_a_task_once_and_no_other(monkeypatch):
    checked = []
    monkeypatch.setattr(device_check, "check_device", checked.append)
    monkeypatch.setattr(ray_worker, "code_version", lambda *_: "code")
    trainer = ray_worker._CheckedTrainer(lambda *_: [])
    for device in ("cpu", "cpu", "cuda:0"):
        (stack, *_) = stacks(device)
        same = (dataclasses.replace(t, code_version="code") for t in stack.trials)
        trainer.check(dataclasses.replace(stack, trials=tuple(same)))
    assert checked == ["cpu", "cuda:0"]
