"""What every worker needs, for a server to load once; see :mod:`analysis.report.workers`."""

import matplotlib.backends.backend_svg

import analysis.report.build
from analysis.figures import FIGURES

for _figure in FIGURES:
    _figure.load()

__all__ = ["analysis", "matplotlib"]
