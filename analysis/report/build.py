"""Stores → the report and its exports."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analysis.claims import load_registry
from analysis.files import write_whole
from analysis.report.exports import curves_csv, exported_files
from analysis.report.html import render
from analysis.report.page import build_page
from analysis.report.studio import Studio
from analysis.report.trust import trust_view
from analysis.report.workers import Workers, load_ahead, processes_for, rare_collections
from analysis.samples import load_samples
from analysis.verdicts import Questions, judge_measured, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdicts
    from analysis.samples import Samples

REPORT_NAME: Final = "report.html"


@dataclass(frozen=True)
class Report:
    """What was built.

    Parameters
    ----------
    path
        The HTML file.
    verdicts
        What it shows.
    exports
        The JSON and CSV files beside it.
    """

    path: Path
    verdicts: Verdicts
    exports: tuple[Path, ...]


def build_report(paths: Sequence[Path] | Path, out: Path | None = None) -> Report:
    """Build the report and its exports from stores, without training anything.

    Parameters
    ----------
    paths
        One or more stores, or the folders that hold them.
    out
        Folder to write to; None for the first store's own.

    Returns
    -------
    Report
        Paths and verdicts. The same stores give the same bytes.

    Raises
    ------
    StoreError
        A store can't be read, or the folder can't be written.
    IncomparableError
        The stores must not be pooled.
    """
    stores = [paths] if isinstance(paths, Path) else list(paths)
    folder = out or _folder(stores[0])
    processes = processes_for(stores)
    if processes:
        load_ahead()
    with rare_collections():
        samples = load_samples(stores)
        verdicts, files = _content(samples, processes)
    # The exports first: whoever sees a new report finds the numbers that it was made from.
    for name, text in files.items():
        write_whole(folder / name, text.encode("utf-8", errors="replace"))
    exports = tuple(folder / name for name in files if name != REPORT_NAME)
    return Report(folder / REPORT_NAME, verdicts, exports)


def _content(samples: Samples, processes: int) -> tuple[Verdicts, dict[str, str]]:
    """Make the verdicts, and the text of every file by its name; the report is the last."""
    with Workers(processes, samples) as workers:
        questions = Questions.of(load_registry())
        found = [workers.study(partial(measured, item=item)) for item in questions.items]
        # What needs no verdict is done while the verdicts are made from what was found.
        trust = workers.study(trust_view)
        curves = workers.study(curves_csv)
        verdicts = judge_measured(questions, [work.result for work in found])
        page = build_page(samples, verdicts, trust, Studio(workers))
        # Before rendering, which waits for the last figure.
        files = exported_files(samples, verdicts, curves.result)
        return verdicts, {**files, REPORT_NAME: render(page)}


def _folder(store: Path) -> Path:
    return store if store.is_dir() else store.parent
