"""Stores → the report and its exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analysis.files import write_whole
from analysis.report.exports import exported_files
from analysis.report.html import render
from analysis.report.page import build_page
from analysis.report.studio import Studio, cores
from analysis.samples import load_samples
from analysis.verdicts import judge_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdicts

REPORT_NAME: Final = "report.html"
MANY_CLAIMS: Final = 6  # with fewer, to start processes takes longer than to draw here


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
    samples = load_samples(stores)
    verdicts = judge_samples(samples)
    target = folder / REPORT_NAME
    many = sum(bool(verdict.results) for verdict in verdicts) >= MANY_CLAIMS
    with Studio(cores() if many else 1) as studio:
        html = render(build_page(samples, verdicts, studio))
    files = exported_files(samples, verdicts)
    # The exports first: whoever sees a new report finds the numbers that it was made from.
    for name, text in files.items():
        write_whole(folder / name, text.encode("utf-8", errors="replace"))
    write_whole(target, html.encode("utf-8", errors="replace"))
    return Report(target, verdicts, tuple(folder / name for name in files))


def _folder(store: Path) -> Path:
    return store if store.is_dir() else store.parent
