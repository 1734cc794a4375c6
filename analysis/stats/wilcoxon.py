"""Wilcoxon's signed-rank test, the sensitivity check beside the t test.

scipy's exact method refuses ties, which accuracies on a small test set have, and falls back to a
normal approximation. Signed ranks are paired differences, so the exact sign-flip test of this
package gives the exact p with ties too; without ties the two agree (tested).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from analysis.stats.inputs import CONSTANT_TOLERANCE, MINIMUM_SEEDS, sample
from analysis.stats.permutation import sign_flip_p

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def wilcoxon_p(differences: ArrayLike) -> float:
    """Two-sided exact Wilcoxon signed-rank p.

    Wilcoxon 1945, Biometrics Bulletin 1:80. Ranks of |difference| over all pairs, tied ones
    averaged; zeros are ranked and then carry no sign (Pratt 1959, JASA 54:655), so that dropping
    them can't turn a difference around.

    Parameters
    ----------
    differences
        Paired differences, shape (n,), any unit.

    Returns
    -------
    float
        p; 1 below 6 seeds and where all differences are zero.

    Raises
    ------
    ValueError
        NaN or infinite differences.
    """
    x = sample(differences)
    if x.size < MINIMUM_SEEDS:
        return 1.0
    size = np.abs(x)
    # Differences that are equal but for rounding are tied.
    step = CONSTANT_TOLERANCE * size.max() or 1.0
    return sign_flip_p(np.sign(x) * stats.rankdata(np.round(size / step)))
