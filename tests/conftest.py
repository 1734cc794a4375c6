"""What all tests share: ``tests.…`` importable from anywhere, and Hypothesis without a clock."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# At the end, so that an installed package is the one that is tested, not the checkout beside it.
sys.path.append(str(Path(__file__).parents[1]))

# How long an example takes says something about the machine, and nothing about the code.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")
