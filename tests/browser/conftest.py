"""A Chromium of the system's own; without one the tests are skipped, unless it is required."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from analysis.report import build_report
from tests.synthetic_costs import write_costs
from tests.synthetic_registry import write_registry_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from suite.records import Trial

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = next((path for name in NAMES if (path := shutil.which(name))), None)
    if executable is None:
        reason = f"no Chromium found (looked for {', '.join(NAMES)}); apt-get install chromium"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    playwright = pytest.importorskip("playwright.sync_api")
    # Chromium's own sandbox can't be had by root, as in most containers.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=executable, args=flags)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every claim, and with trials that diverged, failed or are missing."""

    def fate(trial: Trial) -> str:
        if trial.seed == 0 and trial.condition.batch_size == 1024:
            return "failed" if trial.condition.learning_rate == 1e-2 else "missing"
        return ""

    folder = tmp_path_factory.mktemp("report")
    store = write_registry_store(folder, grid="quick", seeds=7, fate=fate)
    write_costs(store, replicates=7)
    return build_report(store).path
