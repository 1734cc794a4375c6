"""Figures that are drawn elsewhere are the same, whatever becomes of those who draw them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.figures import load_figure
from analysis.figures.evidence import Evidence
from analysis.figures.grammar import NARROW, WIDE
from analysis.report import build
from analysis.report.studio import Studio, cores, draw
from analysis.samples import load_samples
from analysis.verdicts import judge_samples
from tests.synthetic_registry import write_registry_store

ROOT = Path(__file__).parents[3]
NAME = "drift"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_registry_store(tmp_path_factory.mktemp("studio"), seeds=6)


@pytest.fixture(scope="module")
def data(store):
    samples = load_samples(store)
    (verdict,) = [v for v in judge_samples(samples) if v.claim.id == "M3"]
    found = load_figure(NAME).frame(Evidence(samples, verdict))
    assert not found.empty
    return found


def test_processes_draw_what_this_one_draws(data):
    with Studio(1) as here, Studio(2) as there:
        for shape in (WIDE, NARROW):
            one, other = here.picture(NAME, data, shape), there.picture(NAME, data, shape)
            assert one.drawing == other.drawing == draw(NAME, data, shape)
            assert one.uri.startswith("data:image/svg+xml;base64,")
            assert float(one.width) == shape.width
            assert float(one.height) > 100


def test_a_figure_is_drawn_here_where_its_process_was_killed(data):
    with Studio(2) as studio:
        first = studio.picture(NAME, data, WIDE)
        first.drawing  # noqa: B018  they are at work
        for child in studio._pool._processes.values():
            os.kill(child.pid, signal.SIGKILL)
        after = studio.picture(NAME, data, WIDE)
        assert after.drawing == first.drawing
        assert studio.picture(NAME, data, NARROW).drawing == draw(NAME, data, NARROW)


def test_a_fault_in_a_figure_is_not_hidden(data):
    with Studio(2) as studio, pytest.raises(KeyError):
        studio.picture(NAME, data.drop(columns=data.columns[0]), WIDE).drawing  # noqa: B018


def test_a_report_has_the_same_bytes_with_any_number_of_processes(store, tmp_path, monkeypatch):
    asked = []

    class Counted(Studio):
        def __init__(self, processes):
            asked.append(processes)
            super().__init__(processes)

    monkeypatch.setattr(build, "Studio", Counted)
    reports = []
    for number in (1, 2):
        monkeypatch.setattr(build, "cores", lambda number=number: number)
        reports.append(build.build_report(store, tmp_path / str(number)).path.read_bytes())
    assert reports[0] == reports[1]
    monkeypatch.setattr(build, "MANY_CLAIMS", 1000)
    assert build.build_report(store, tmp_path / "few").path.read_bytes() == reports[0]
    assert asked == [1, 2, 1]
    assert cores() >= 1


def test_nobody_draws_on_when_the_report_was_killed():
    code = (
        "import time\n"
        "from analysis.report.studio import Studio\n"
        "if __name__ == '__main__':\n"
        "    studio = Studio(2)\n"
        "    for _ in range(2):\n"
        "        studio._pool.submit(time.sleep, 600)\n"
        "    print(*studio._pool._processes, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        drawers = [int(pid) for pid in parent.stdout.readline().split()]
        assert drawers
        assert all(map(is_running, drawers))
        time.sleep(3)  # so that they have begun
        parent.kill()
    until = time.monotonic() + 30
    while any(map(is_running, drawers)):
        assert time.monotonic() < until
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
