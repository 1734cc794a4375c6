"""Names, quantities and costs of probes, and what grids and the code version make of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from suite.code_version import code_version
from suite.errors import GridError, UnknownNameError
from suite.grid import parse_grid
from suite.probes import PROBES, probe_spec
from suite.probes.schedule import minibatches, work_of_a_point
from suite.quantities import QUANTITIES
from suite.records import Budget
from suite.training.stacked import run_stacked

GRID = """
title = "t"
[[study]]
name = "s"
why = "w"
dataset = "mnist5k"
model = "mlp"
norm = "batch"
batch_size = 64
learning_rate = 1e-3
epochs = 1
probes = {probes}
"""


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_gives_just_the_quantities_that_it_names(name, dataset, make_trial):
    trial = make_trial(probes=(name,), budget=Budget(steps=30))
    record, _ = run_stacked([trial], dataset, dtype=torch.float32, should_stop=lambda: False)
    plain, _ = run_stacked(
        [make_trial(budget=Budget(steps=30))],
        dataset,
        dtype=torch.float32,
        should_stop=lambda: False,
    )

    def given(result):
        outcomes = {(o.quantity, o.facet): "outcome" for o in result.outcomes}
        curves = {(c.quantity, c.facet): "curve" for c in result.curves}
        return outcomes.keys() | curves.keys(), outcomes, curves

    everything, outcomes, curves = given(record.results()[0])
    own = everything - given(plain.results()[0])[0]
    assert {quantity for quantity, _ in own} == set(PROBES[name].quantities)
    for quantity in PROBES[name].quantities:
        kind = QUANTITIES[quantity].kind
        assert (kind != "curve") == any(q == quantity for q, _ in outcomes)
        assert (kind != "outcome") == any(q == quantity for q, _ in curves)


@pytest.mark.parametrize("name", PROBES)
def test_its_cost_is_the_passes_that_it_makes(name, make_network):
    network = make_network()
    probe = PROBES[name].load().probe()
    calls = {"backward": 0}
    differentiate = network.gradients

    def counted(*args, **kwargs):
        calls["backward"] += 1
        return differentiate(*args, **kwargs)

    network.gradients = counted
    for seen in network.passes(backward=PROBES[name].cost.backward):
        probe.see(network, seen)
    shared = minibatches(16) if PROBES[name].cost.backward else 0
    assert calls["backward"] == shared
    with network.untouched():
        list(probe.point(network))
    assert calls["backward"] - shared <= PROBES[name].cost.passes
    if name == "landscape":
        assert calls["backward"] == PROBES[name].cost.passes


def test_probes_share_the_shared_passes():
    alone = [work_of_a_point([PROBES[n].cost], 16, 0) for n in ("gradient_norm", "input_drift")]
    assert alone == [3 * 16 * 16, 16 * 16]
    together = [PROBES["gradient_norm"].cost, PROBES["input_drift"].cost]
    assert work_of_a_point(together, 16, 0) == max(alone)


def test_a_wrong_name_is_met_with_the_nearest():
    with pytest.raises(UnknownNameError, match="landscape"):
        probe_spec("landscpae")
    with pytest.raises(GridError, match=r"study\[0\]\.probes\[1\].*gradient_noise"):
        parse_grid(GRID.format(probes='["landscape", "gradient_nose"]').encode(), name="g")
    with pytest.raises(GridError, match=r"study\[0\]\.probes\[1\].*twice"):
        parse_grid(GRID.format(probes='["landscape", "landscape"]').encode(), name="g")


def test_the_order_of_names_does_not_make_another_trial():
    one, other = (
        parse_grid(GRID.format(probes=probes).encode(), name="g").studies[0].protocol
        for probes in ('["landscape", "affine"]', '["affine", "landscape"]')
    )
    assert one == other
    assert one.probes == ("affine", "landscape")


def test_a_trial_s_version_covers_its_own_probes_only(make_trial, monkeypatch):
    condition = make_trial().condition
    plain = code_version(condition)
    landscape, affine = (code_version(condition, (n,)) for n in ("landscape", "affine"))
    assert len({plain, landscape, affine}) == 3
    both = code_version(condition, ("affine", "landscape"))
    assert both == code_version(condition, ("landscape", "affine"))
    assert both not in (plain, landscape, affine)
    read = set()
    monkeypatch.setattr(
        "suite.code_version._syntax", lambda path: read.add(path.name) or f"syntax of {path.name}"
    )
    code_version(condition, ("train_eval", "dead_relu"))
    probing = {"base.py", "moments.py", "network.py", "readings.py", "schedule.py", "session.py"}
    assert probing | {"train_eval.py", "batch_mates.py", "population.py", "dead_relu.py"} <= read
    assert not {"landscape.py", "affine.py"} & read


def test_names_need_no_torch():
    code = "import sys, suite.probes, suite.grid_form; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
