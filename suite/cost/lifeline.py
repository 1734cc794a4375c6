"""A pipe that ends processes with the one that started them, whatever that one dies of.

The starter holds one end and writes nothing. The system closes it when the starter is gone, and
whoever reads the other end sees that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def held() -> Iterator[int]:
    """Hold a pipe; gives the end that is to be handed on."""
    reader, writer = os.pipe()  # no process that is started here inherits the writer
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)


def end_with(reader: int) -> None:
    """End this process group, once nobody holds the pipe any more.

    Parameters
    ----------
    reader
        What ``held`` gave, in a process that has a group of its own.
    """

    def watch() -> None:
        os.read(reader, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
