"""The report: verdicts and samples → one HTML file that shows them, and files for programs."""

from analysis.report.build import REPORT_NAME, Report, build_report

__all__ = ["REPORT_NAME", "Report", "build_report"]
