"""Training speed: the notebook's loop, a careful loop and ours in one run; see conftest's table.

``pytest tests/benchmarks/test_training_speed.py --benchmark-only``
"""

from __future__ import annotations

import pytest

from tests.benchmarks.loops import CORES, Workers, torchvision_root

# Steps of one round: half an epoch at batch 64, about as much time elsewhere.
STEPS = {4: 500, 64: 469, 1024: 30}
# The careful loop trains one network where ours trains a stack. Its rounds last about as long, for
# short ones meet the machine's fast moments more often.
TIMES = {"notebook": 1, "careful": 10, "stacked": 1}
WAYS = [
    pytest.param("notebook", 1, id="notebook"),
    pytest.param("careful", 1, id="careful"),
    pytest.param("careful", CORES, id="careful a core"),
    pytest.param("stacked", 1, id="stacked"),
    pytest.param("stacked", CORES, id="stacked a core"),
]


@pytest.mark.parametrize("batch_size", STEPS)
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(("loop", "processes"), WAYS)
def test_training_speed(benchmark, loop, processes, norm, batch_size):
    if loop == "notebook" and batch_size != 64:
        pytest.skip("the notebook trains at batch 64")
    if loop == "notebook" and torchvision_root() is None:
        pytest.skip("the notebook's loop reads MNIST from disk; set BATCHNORM_BENCH_DATA")
    workers = Workers(loop, processes, norm, batch_size, TIMES[loop] * STEPS[batch_size])
    try:
        images = benchmark.pedantic(workers.run, rounds=2 if loop == "notebook" else 5)
    finally:
        workers.close()
    benchmark.group = f"batch {batch_size}, {norm}"
    benchmark.extra_info.update(
        loop=f"{loop}, {processes} process{'es' * (processes > 1)}",
        norm=norm,
        batch_size=batch_size,
        images=images,
    )
    assert images > 0
