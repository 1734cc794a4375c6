"""Draws figures, in other processes where there are some: half the time of a report is drawing."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from analysis.figures import load_figure
from analysis.figures.grammar import style
from analysis.report.svg import svg_text
from analysis.report.view import Drawing, Picture

if TYPE_CHECKING:
    import pandas as pd

    from analysis.figures.grammar import Shape
    from analysis.report.workers import Workers

_SIZE: Final = re.compile(r'width="([\d.]+)" height="([\d.]+)"')


class Studio:
    """Has figures drawn.

    Parameters
    ----------
    workers
        Who draws.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

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
        return Picture(self._workers.do(draw, name, data, shape))


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
