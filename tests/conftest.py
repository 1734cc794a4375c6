"""Makes ``tests.synthetic`` importable from any working directory."""

from __future__ import annotations

import sys
from pathlib import Path

# At the end, so that an installed package is the one that is tested, not the checkout beside it.
sys.path.append(str(Path(__file__).parents[1]))
