"""How long the harness goes on: ``CHAOS=long`` for the long form, as ``tox -e chaos`` sets it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.runs import Zygote


@pytest.fixture(scope="session")
def long_form() -> bool:
    return os.environ.get("CHAOS") == "long"


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    with Zygote() as ready:
        yield ready


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Gives ``mount(folder, options)``: a disk in memory, of what size and kind one likes."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folders: list[Path] = []

    def mount(folder: Path, options: str) -> None:
        again = "remount," if folder in folders else ""
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("no tmpfs can be mounted here")
        if not again:
            folders.append(folder)

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
