"""Tests run beside each other: processes that draw for one of them would only cost time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.report import workers

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _drawn_in_this_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "cores", lambda: 0)
        yield
