"""The report: verdicts and samples → one HTML file that shows them, and files for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.report.build import REPORT_NAME, Report, build_report

__all__ = ["REPORT_NAME", "Report", "build_report"]


def __getattr__(name: str) -> Any:
    """Load what builds reports when it is asked for: that takes seconds, and help needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from analysis.report import build  # noqa: PLC0415  see above

    return getattr(build, name)
