import os
import sys

import pytest

from suite.refresh import FIRST_SECONDS, GROWTH, ReportRefresher


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def started(refresher: ReportRefresher) -> int | None:
    process = refresher._process
    return None if process is None else process.pid


def test_refreshes_come_at_growing_intervals(tmp_path):
    clock = Clock()
    with ReportRefresher(tmp_path, command=[sys.executable, "-c", ""], clock=clock) as refresher:
        times = []
        last = None
        for second in range(0, 1000, 10):
            clock.now = float(second)
            refresher.tick()
            if started(refresher) != last:
                last = started(refresher)
                times.append(second)
                refresher._process.wait()
    assert times == [60, 120, 240, 480, 960]
    assert (FIRST_SECONDS, GROWTH) == (60, 2)


def test_one_at_a_time_and_none_is_left_behind(tmp_path):
    clock = Clock()
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    with ReportRefresher(tmp_path, command=sleeping, clock=clock) as refresher:
        clock.now = 100
        refresher.tick()
        first = started(refresher)
        clock.now = 1000
        refresher.tick()
        assert started(refresher) == first
    assert refresher._process.poll() is not None


def test_it_shares_the_session_where_its_low_priority_counts_but_no_signals(tmp_path):
    clock = Clock()
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    with ReportRefresher(tmp_path, command=sleeping, clock=clock) as refresher:
        clock.now = 100
        refresher.tick()
        pid = started(refresher)
        assert os.getsid(pid) == os.getsid(0)
        assert os.getpgid(pid) == pid != os.getpgid(0)


@pytest.mark.parametrize("low", [["nice", "-n", "10"], []])
def test_the_default_is_our_own_report(tmp_path, monkeypatch, low):
    monkeypatch.setattr("suite.refresh.shutil.which", lambda name: name if low else None)
    command = [*low, sys.executable, "-m", "analysis.report", str(tmp_path)]
    assert ReportRefresher(tmp_path)._command == command
