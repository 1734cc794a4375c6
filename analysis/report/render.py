"""Evidence → figures as the page shows them: two renderings, words, table and CSV."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final, Literal

from analysis.figures import FIGURES, FigureSpec
from analysis.figures.evidence import Evidence
from analysis.figures.grammar import NARROW, WIDE, style
from analysis.report.svg import svg_text
from analysis.report.tables import csv_download, table
from analysis.report.view import FigureView, Picture

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from analysis.contrasts import Verdict
    from analysis.figures import FigureModule
    from analysis.figures.grammar import Shape
    from analysis.samples import Samples

_SIZE: Final = re.compile(r'width="([\d.]+)" height="([\d.]+)"')


def page_figures(
    samples: Samples, verdicts: Iterable[Verdict], place: Literal["overview", "mechanics"]
) -> tuple[FigureView, ...]:
    """Render each figure about the whole grid, from the first claim that has data for it."""
    everything = tuple(verdicts)
    evidences = [Evidence(samples, verdict, everything) for verdict in everything]
    found = []
    for spec in FIGURES:
        if spec.place == place:
            suiting = (e for e in evidences if spec.suits(e.comparison))
            views = (figure_view(spec, e, place) for e in suiting)
            found.append(next((v for v in views if v is not None), None))
    return tuple(view for view in found if view is not None)


def claim_figures(samples: Samples, verdict: Verdict) -> tuple[FigureView, ...]:
    """Render the figures of one claim."""
    evidence = Evidence(samples, verdict)
    views = (
        figure_view(spec, evidence, verdict.claim.id)
        for spec in FIGURES
        if spec.place == "claim" and spec.suits(verdict.claim.primary)
    )
    return tuple(view for view in views if view is not None)


def figure_view(spec: FigureSpec, evidence: Evidence, place: str) -> FigureView | None:
    """Render one figure; None where the store holds nothing for it."""
    module = spec.load()
    data = module.frame(evidence)
    if data.empty:
        return None
    name = f"{place}-{spec.name.replace('_', '-')}"
    return FigureView(
        id=name,
        title=module.TITLE,
        setting=str(data.attrs.get("setting", "")),
        caption=str(data.attrs.get("caption", module.CAPTION)),
        alt=module.describe(data),
        wide=_picture(module, data, WIDE),
        narrow=_picture(module, data, NARROW),
        table=table(data, module.TITLE, searchable=True),
        csv=csv_download(data, f"{name}.csv"),
    )


def _picture(module: FigureModule, data: pd.DataFrame, shape: Shape) -> Picture:
    with style():
        svg = svg_text(module.draw(data, shape))
    size = _SIZE.search(svg)
    assert size is not None
    encoded = base64.b64encode(svg.encode("utf-8", errors="replace")).decode()
    return Picture(
        f"data:image/svg+xml;base64,{encoded}", *(str(round(float(s))) for s in size.groups())
    )
