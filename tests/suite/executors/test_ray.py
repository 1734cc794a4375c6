"""Ray with two nodes and the real trainer: the rows of an in-process run, whatever is lost."""

import dataclasses
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from suite.code_version import code_version
from suite.cost.plan import Replicate
from suite.data import load_dataset
from suite.errors import BenchError, UsageError
from suite.executors import ray_executor
from suite.executors.in_process import InProcessExecutor
from suite.executors.ray_cluster import Cluster, connected, secure
from suite.executors.ray_executor import RayExecutor
from suite.executors.ray_worker import RayTrainer
from suite.executors.training import StackTrainer
from suite.grid import parse_grid
from suite.planning import cut_stacks, make_plan
from tests.suite.executors import loopback
from tests.suite.executors.test_processes import STUDY, results
from tests.suite.executors.test_ray_executor import replicate
from tests.suite.executors.trainers import Make, Scripted

pytestmark = [pytest.mark.ray, pytest.mark.slow]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def nodes():
    """Two nodes of one core each, on loopback."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    loopback.enter()
    secure(new=True)  # before Ray is imported, which reads it then
    from ray.cluster_utils import Cluster as Nodes

    one = {"num_cpus": 1, "include_dashboard": False}
    found = Nodes(initialize_head=True, head_node_args=one)
    found.add_node(num_cpus=1)
    yield found
    import ray

    ray.shutdown()
    found.shutdown()


def real():
    dataset = load_dataset("mnist5k", data_dir=None)
    grid = parse_grid(STUDY.encode(), name="real")
    plan = make_plan(grid, ["cpu"], lambda _: dataset.fingerprint, code_version)
    return {"mnist5k": dataset}, cut_stacks(plan, dict.fromkeys(plan.shapes, 3))


def never() -> bool:
    return False


@pytest.fixture
def one_thread():
    """As every worker has: sums of more threads differ in the last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_two_nodes_give_the_rows_of_an_in_process_run(nodes):
    datasets, stacks = real()
    cluster = connected(nodes.address, 1)
    assert cluster.nodes() == 2
    trainer = RayTrainer.of(cluster, datasets, 1)
    executor = RayExecutor(cluster, trainer, threads=1, limit=lambda _: 600.0)
    assert executor.describe()["nodes"] == executor.parallel == 2
    there = results(executor, stacks)
    here = results(InProcessExecutor(StackTrainer(datasets), 1), stacks)
    assert len(here) == 12
    assert {status for status, *_ in here.values()} == {"ok"}
    assert here == there


def test_a_node_that_is_lost_in_the_middle_loses_nothing(nodes, tmp_path):
    from tests.suite.executors.test_contract import finished, stacks, statuses

    (lost,) = nodes.worker_nodes
    cluster = connected(nodes.address, 1)
    slow = Scripted(tmp_path / "log", steps=25)
    executor = RayExecutor(cluster, Make(slow), threads=1, limit=lambda _: 600.0)
    events = []
    for event in executor.run(stacks(), never):
        events.append(event)
        if lost in nodes.worker_nodes and len(finished(events)) == 3:
            nodes.remove_node(lost, allow_graceful=False)
    assert not nodes.worker_nodes
    assert statuses(events) == {"ok": 32}
    assert cluster.nodes() == 1
    # What the node was at is done once more; nothing else is.
    assert len(stacks()) <= len(slow.lines()) <= len(stacks()) + 1
    executor.close()


def test_a_wrong_token_is_refused_in_one_line(nodes):
    code = (
        "from suite.errors import UsageError\n"
        "from suite.executors.ray_cluster import connected\n"
        "try: connected({address!r}, 1)\n"
        "except UsageError as error: print('refused:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(address=nodes.address)],
        check=False,
        cwd=ROOT,
        env={**os.environ, "RAY_AUTH_TOKEN": "f" * 64},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert "refused: can't connect to the Ray cluster" in done.stdout, done.stderr[-2000:]


def test_a_node_with_other_code_is_refused(nodes):
    datasets, stacks = real()
    cluster = connected(nodes.address, 1)
    trainer = RayTrainer.of(cluster, datasets, 1)
    executor = RayExecutor(cluster, trainer, threads=1, limit=lambda _: 600.0)
    other = [
        dataclasses.replace(
            s, trials=tuple(dataclasses.replace(t, code_version="0" * 16) for t in s.trials)
        )
        for s in stacks
    ]
    with pytest.raises(BenchError, match="a node has other code than the driver"):
        list(executor.run(other, never))
    trainer = dataclasses.replace(trainer, torch_version="1.0")
    executor = RayExecutor(cluster, trainer, threads=1, limit=lambda _: 600.0)
    with pytest.raises(BenchError, match=r"the driver 1\.0: install the same on all"):
        list(executor.run(stacks, never))


def test_costs_of_other_code_are_refused(nodes):
    cluster = connected(nodes.address, 1)
    executor = RayExecutor(cluster, Make(Scripted(Path("unused"))), threads=1, limit=lambda _: 9.0)
    with pytest.raises(BenchError, match="a node has other code than the driver"):
        executor.measure(replicate("cpu"), never)


def test_costs_are_measured_on_a_node_that_is_reserved_whole(nodes, monkeypatch):
    cluster = connected(nodes.address, 1)
    executor = RayExecutor(cluster, Make(Scripted(Path("unused"))), threads=1, limit=lambda _: 9.0)
    monkeypatch.setattr(ray_executor, "measured", busy_elsewhere)
    began = time.time()
    first = executor.measure(Replicate("cpu", 0, ()), never)
    assert first["cpu"] == 1
    assert first["time"] > began


def test_a_node_that_is_lost_while_it_measures_is_followed_by_another(nodes, monkeypatch):
    cluster = connected(nodes.address, 1)
    executor = RayExecutor(cluster, Make(Scripted(Path("unused"))), threads=1, limit=lambda _: 9.0)
    monkeypatch.setattr(ray_executor, "measured", measures_long)
    (lost,) = nodes.worker_nodes
    largest = cluster.largest_node
    asked = []

    def first_the_one_that_is_lost(tried, *, gpus):
        asked.append(tried)
        if not tried:
            return next(n for n in cluster.ray.nodes() if n["NodeID"] == lost.node_id)
        return largest(tried, gpus=gpus)

    monkeypatch.setattr(cluster, "largest_node", first_the_one_that_is_lost)

    def stop_once_the_node_is_gone() -> bool:
        if lost in nodes.worker_nodes:
            nodes.remove_node(lost, allow_graceful=False)
        return False

    found = executor.measure(Replicate("cpu", 0, ()), stop_once_the_node_is_gone)
    assert found == "measured"
    assert len(asked) == 2


def measures_long(*_):
    time.sleep(5)
    return "measured"


def busy_elsewhere(*_):
    import ray

    found = ray.get_runtime_context().get_assigned_resources()
    return {"cpu": found["CPU"], "time": time.time()}


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'batchnorm-bench\[ray\]'"):
        connected(None, 1)


def test_clusters_are_not_shared_by_accident():
    assert Cluster(None, None).close() is None
