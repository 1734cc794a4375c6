"""Evidence → figures as the page shows them: two renderings, words, table and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from analysis.figures import FIGURES, FigureSpec
from analysis.figures.evidence import Evidence
from analysis.figures.grammar import NARROW, WIDE
from analysis.report.tables import csv_download, table
from analysis.report.view import FigureView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.contrasts import Verdict
    from analysis.report.studio import Studio
    from analysis.samples import Samples


def page_figures(
    samples: Samples,
    verdicts: Iterable[Verdict],
    place: Literal["overview", "mechanics"],
    studio: Studio,
) -> tuple[FigureView, ...]:
    """Render each figure about the whole grid, from the first claim that has data for it."""
    everything = tuple(verdicts)
    evidences = [Evidence(samples, verdict, everything) for verdict in everything]
    found = []
    for spec in FIGURES:
        if spec.place == place:
            suiting = (e for e in evidences if spec.suits(e.comparison))
            views = (figure_view(spec, e, place, studio) for e in suiting)
            found.append(next((v for v in views if v is not None), None))
    return tuple(view for view in found if view is not None)


def claim_figures(samples: Samples, verdict: Verdict, studio: Studio) -> tuple[FigureView, ...]:
    """Render the figures of one claim."""
    evidence = Evidence(samples, verdict)
    views = (
        figure_view(spec, evidence, verdict.claim.id, studio)
        for spec in FIGURES
        if spec.place == "claim" and spec.suits(verdict.claim.primary)
    )
    return tuple(view for view in views if view is not None)


def figure_view(
    spec: FigureSpec, evidence: Evidence, place: str, studio: Studio
) -> FigureView | None:
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
        wide=studio.picture(spec.name, data, WIDE),
        narrow=studio.picture(spec.name, data, NARROW),
        table=table(data, module.TITLE, searchable=True),
        csv=csv_download(data, f"{name}.csv"),
    )
