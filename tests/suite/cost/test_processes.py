from __future__ import annotations

import pytest

from suite.cost.processes import _environment
from suite.cost_records import CostProtocol


@pytest.mark.parametrize(("device", "visible"), [("cpu", ""), ("cuda:0", "1")])
def test_a_process_that_measures_the_cpu_sees_no_gpu(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    made = _environment(CostProtocol(threads=2), device)
    assert made["CUDA_VISIBLE_DEVICES"] == visible
    assert made["OMP_NUM_THREADS"] == "2"
