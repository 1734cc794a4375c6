"""``python -m analysis.report results/full``: the report again, from the store alone."""

from __future__ import annotations

import argparse
import base64
import hashlib
import sys
import webbrowser
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2
from markupsafe import Markup

from analysis.exports import exported_files, verdicts_json
from analysis.files import write_whole
from analysis.page import build_page
from analysis.samples import load_samples
from analysis.verdicts import judge_samples
from suite.errors import EXIT_DONE, BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdicts
    from analysis.view import Page

REPORT_NAME: Final = "report.html"
_ICON: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
    "<rect width='32' height='32' rx='7' fill='#0a62b4'/>"
    "<path d='M5 25C11 25 11 8 16 8s5 17 11 17' fill='none' stroke='#fff' stroke-width='3.4' "
    "stroke-linecap='round'/></svg>"
)


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
    html = render(build_page(samples, verdicts))
    files = exported_files(samples, verdicts)
    # The exports first: whoever sees a new report finds the numbers that it was made from.
    for name, text in files.items():
        write_whole(folder / name, text.encode("utf-8", errors="replace"))
    write_whole(target, html.encode("utf-8", errors="replace"))
    return Report(target, verdicts, tuple(folder / name for name in files))


def render(page: Page) -> str:
    """Fill the templates; every value is escaped, and nothing is computed there."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("report_templates", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    css, script = _asset("report.css"), _asset("report.js")
    icon = "data:image/svg+xml;base64," + base64.b64encode(_ICON.encode()).decode()
    return environment.get_template("report.html").render(
        page=page,
        css=Markup(css),  # noqa: S704  (our own file)
        script=Markup(script),  # noqa: S704  (our own file)
        icon=icon,
        policy=content_security_policy(css, script),
    )


def content_security_policy(css: str, script: str) -> str:
    """Allow this very style and script, embedded images, and nothing else."""
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{_sha256(css)}'; script-src '{_sha256(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report",
        description="Build the report again from finished or partial results; trains nothing.",
    )
    parser.add_argument("results", nargs="+", type=Path, help="folders that hold a store.sqlite")
    parser.add_argument("--out", type=Path, help="folder to write to (default: the first results)")
    parser.add_argument("--open", action="store_true", help="show the report in the browser")
    parser.add_argument(
        "--format",
        choices=("html", "json", "csv"),
        default="html",
        help="html: report and exports; json, csv: the verdicts on standard output",
    )
    options = parser.parse_args(arguments)
    try:
        if options.format == "html":
            report = build_report(options.results, options.out)
            print(report.path)  # noqa: T201
            if options.open:
                webbrowser.open(report.path.resolve().as_uri())
        else:
            _print_verdicts(options.results, options.format, options.out)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return EXIT_DONE


def _print_verdicts(paths: Sequence[Path], form: str, out: Path | None) -> None:
    samples = load_samples(paths)
    verdicts = judge_samples(samples)
    name = f"verdicts.{form}"
    if out is not None:
        text = exported_files(samples, verdicts)[name]
        write_whole(out / name, text.encode("utf-8", errors="replace"))
        print(out / name)  # noqa: T201
    elif form == "json":
        print(verdicts_json(samples, verdicts), end="")  # noqa: T201
    else:
        print(exported_files(samples, verdicts)[name], end="")  # noqa: T201


def _folder(store: Path) -> Path:
    return store if store.is_dir() else store.parent


def _asset(name: str) -> str:
    return resources.files("report_templates").joinpath(name).read_text("utf-8")


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


if __name__ == "__main__":
    sys.exit(main())
