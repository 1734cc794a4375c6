"""SIGKILL at random moments: nothing acknowledged is lost, nothing is there twice."""

import dataclasses
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite.errors import StoreError
from suite.store import StoreReader
from tests.suite import killable

ROOT = Path(__file__).parents[2]
KILLS = 5


def start(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.suite.killable", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_somewhere(out: Path, chance: random.Random) -> set[str]:
    """Start a run and kill it before, in or between its stacks; give what it acknowledged."""
    child = start(out)
    assert child.stdout is not None
    acknowledged: set[str] = set()
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, 0.5))  # while it starts, most likely
    else:
        for _ in range(chance.randint(1, 6)):
            acknowledged |= set(child.stdout.readline().split())
        time.sleep(chance.uniform(0, 0.03))
    child.kill()
    acknowledged |= set(child.stdout.read().split())
    child.stdout.close()
    child.wait()
    return acknowledged


def rows(out: Path) -> list[object]:
    with StoreReader(out) as store:
        assert store.rows("PRAGMA integrity_check") == [("ok",)]
        return [dataclasses.replace(result, seconds=0.0) for result in store.results()]


@pytest.mark.parametrize("seed", [1])
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(tmp_path, seed, capsys):
    chance = random.Random(seed)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        acknowledged |= kill_somewhere(killed, chance)
        try:
            stored = {row.trial.key for row in rows(killed)}
        except StoreError:
            stored = set()  # killed before there was a store
        assert acknowledged <= stored
    assert 0 < len(acknowledged) < len(killable.PLAN.trials)
    for out in (killed, whole):
        killable.run(out, pause=0.0)
    # What was stored before a kill is not trained again: nothing is acknowledged twice.
    said = capsys.readouterr().out.split()
    assert len(said) == 2 * len(killable.PLAN.trials) - len(stored)
    assert rows(killed) == rows(whole)
