"""Figures that are drawn elsewhere are the same, and so is the report."""

from __future__ import annotations

import pytest

from analysis.figures import load_figure
from analysis.figures.evidence import Evidence
from analysis.figures.grammar import NARROW, WIDE
from analysis.report import build, workers
from analysis.report.studio import Studio, draw
from analysis.report.workers import Workers
from analysis.samples import load_samples
from analysis.verdicts import judge_samples
from tests.synthetic import write_store
from tests.synthetic_registry import write_registry_store

NAME = "drift"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_registry_store(tmp_path_factory.mktemp("studio"), seeds=2)


@pytest.fixture(scope="module")
def samples(store):
    return load_samples(store)


@pytest.fixture(scope="module")
def data(samples):
    (verdict,) = [v for v in judge_samples(samples) if v.claim.id == "M3"]
    found = load_figure(NAME).frame(Evidence(samples, verdict))
    assert not found.empty
    return found


def test_processes_draw_what_this_one_draws(data, samples):
    with Workers(0, samples) as alone, Workers(2, samples) as two:
        for shape in (WIDE, NARROW):
            here = Studio(alone).picture(NAME, data, shape)
            there = Studio(two).picture(NAME, data, shape)
            assert here.drawing == there.drawing == draw(NAME, data, shape)
            assert here.uri.startswith("data:image/svg+xml;base64,")
            assert float(here.width) == shape.width
            assert float(here.height) > 100


def test_a_fault_in_a_figure_is_not_hidden(data, samples):
    with Workers(2, samples) as workers, pytest.raises(KeyError):
        Studio(workers).picture(NAME, data.drop(columns=data.columns[0]), WIDE).drawing  # noqa: B018


@pytest.fixture
def asked(monkeypatch):
    """How many workers each report had."""
    found = []

    class Counted(Workers):
        def __init__(self, processes, samples):
            found.append(processes)
            super().__init__(processes, samples)

    monkeypatch.setattr(build, "Workers", Counted)
    return found


def test_a_report_has_the_same_bytes_with_workers(store, tmp_path, monkeypatch, asked):
    files = []
    for number in (0, 2):
        monkeypatch.setattr(workers, "cores", lambda number=number: number)
        out = tmp_path / str(number)
        build.build_report(store, out)
        files.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert files[0] == files[1]
    assert "curves.csv" in files[0]
    assert asked == [0, 2]


def test_a_small_report_has_none(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(workers, "cores", lambda: 2)
    build.build_report(write_store(tmp_path, seeds=2))
    assert asked == [0]
