"""How long the harness goes on: ``CHAOS=long`` for the long form, as ``tox -e chaos`` sets it."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos.runs import Zygote


@pytest.fixture(scope="session")
def long_form() -> bool:
    return os.environ.get("CHAOS") == "long"


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as ready:
        yield ready
