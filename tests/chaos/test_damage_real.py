"""Every page of a real run's store, damaged in turn and in five ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite.errors import EXIT_DONE
from suite.store import STORE_NAME
from tests.chaos.damage import PAGE, damage_every_page
from tests.chaos.runs import write_grid

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.runs import Zygote


def test_every_page_of_a_real_store(tmp_path: Path, zygote: Zygote, long_form: bool) -> None:
    out = tmp_path / "out"
    run = zygote.start(
        tmp_path, "--grid", str(write_grid(tmp_path)), "--out", str(out), "--no-report"
    )
    assert run.wait() == EXIT_DONE, run.said()
    pages = (out / STORE_NAME).stat().st_size // PAGE
    for seed in range(10 if long_form else 1):
        seen = damage_every_page(out, tmp_path / "scratch", seed)
        assert seen.total() > 2 * 4 * pages
        print(f"{pages} pages, {seen.total():,} openings: {dict(sorted(seen.items()))}")
