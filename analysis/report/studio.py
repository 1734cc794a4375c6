"""Where figures are drawn: here, or in processes of their own where that is faster.

Drawing takes half the time of a report, and no figure needs another.
"""

from __future__ import annotations

import base64
import contextlib
import multiprocessing
import os
import re
import signal
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing import connection as connections
from typing import TYPE_CHECKING, Final, Self

from analysis.figures import load_figure
from analysis.figures.grammar import style
from analysis.report.svg import svg_text
from analysis.report.view import Drawing, Picture

if TYPE_CHECKING:
    import pandas as pd

    from analysis.figures.grammar import Shape

MOST_PROCESSES: Final = 4
_SIZE: Final = re.compile(r'width="([\d.]+)" height="([\d.]+)"')


class Studio:
    """Draws figures while it is entered.

    Parameters
    ----------
    processes
        How many draw at the same time; 1: this one alone.
    """

    def __init__(self, processes: int) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if processes > 1:
            methods = multiprocessing.get_all_start_methods()
            method = "forkserver" if "forkserver" in methods else "spawn"
            self._pool = ProcessPoolExecutor(
                processes, multiprocessing.get_context(method), initializer=_begin
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes; what they have not begun is not drawn."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def picture(self, name: str, data: pd.DataFrame, shape: Shape) -> Picture:
        """Have a figure drawn.

        Parameters
        ----------
        name
            Of its module in ``analysis.figures``.
        data
            The table that it shows.
        shape
            For a wide page or a phone.
        """
        if self._pool is not None:
            with contextlib.suppress(BrokenExecutor):
                drawing = self._pool.submit(draw, name, data, shape)
                return Picture(drawing, lambda: draw(name, data, shape))
        here: Future[Drawing] = Future()
        here.set_result(draw(name, data, shape))
        return Picture(here, here.result)


def cores() -> int:
    """Count the cores that this process may use, up to a few: each drawer takes 150 MB."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(MOST_PROCESSES, there or 1)


def draw(name: str, data: pd.DataFrame, shape: Shape) -> Drawing:
    """Draw a figure; the same table always gives the same bytes."""
    with style():
        svg = svg_text(load_figure(name).draw(data, shape))
    size = _SIZE.search(svg)
    assert size is not None
    encoded = base64.b64encode(svg.encode("utf-8", errors="replace")).decode()
    return Drawing(
        f"data:image/svg+xml;base64,{encoded}", *(str(round(float(s))) for s in size.groups())
    )


def _begin() -> None:
    """Leave signals to the process that is worked for, and end with it, whatever that dies of."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connections.wait([sentinel])
    os._exit(1)
