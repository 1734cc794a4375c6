"""Fair-tuned contrast: each arm at its own best setting, chosen by other seeds than are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.contrasts import Contrast
from analysis.measures.pairs import (
    ARMS,
    arm_name,
    condition_of,
    label_of,
    match_columns,
    named_axes,
    pair_table,
    seed_contrast,
    with_roles,
)
from analysis.stats.tuned import tuned_contrast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.claims import Comparison
    from analysis.samples import Samples
