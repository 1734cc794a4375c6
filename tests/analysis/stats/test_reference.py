"""Every function against R (tests/reference/make_values.R) and against published figures."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest

from analysis.decision import beyond
from analysis.stats import planning
from analysis.stats.equivalence import equivalence
from analysis.stats.multiplicity import holm
from analysis.stats.noncentral import noncentral_t_cdf
from analysis.stats.paired import log_ratios, paired
from analysis.stats.permutation import sign_flip_p
from analysis.stats.proportions import wilson_interval
from analysis.stats.survival import kaplan_meier, paired_log_rank, restricted_times
from analysis.stats.trend import interaction, page_trend, slopes
from analysis.stats.tuned import tuned_contrast
from analysis.stats.typicality import typicality
from analysis.stats.wilcoxon import wilcoxon_p

REFERENCE = Path(__file__).parents[2] / "reference"
DATA = {
    name: np.array(numbers.split(), dtype=float)
    for name, numbers in (
        line.split(": ")
        for line in (REFERENCE / "data.txt").read_text().splitlines()
        if not line.startswith("#")
    )
}
with (REFERENCE / "values.csv").open(newline="") as _file:
    VALUES = {row["name"]: row for row in csv.DictReader(_file)}

STUDENT = paired(DATA["sleep2"] - DATA["sleep1"])
DARWIN, POINTS, SIX = paired(DATA["darwin"]), paired(DATA["points12"]), paired(DATA["six"])
TABLE, TIED = (DATA[name].reshape(-1, 4) for name in ("table7", "tied6"))
LONG = DATA["long9"].reshape(-1, 9)
INTERACTION = interaction(TABLE[:, 3], TABLE[:, 2], TABLE[:, 1], TABLE[:, 0])
TUNED = tuned_contrast(
    *(DATA[f"tuned_{what}{arm}"].reshape(-1, 3) for what in ("valid", "test") for arm in (1, 2))
)
FAST, SLOW = DATA["fast"], DATA["slow"]
RATIO = paired(log_ratios(restricted_times(FAST, 1000), restricted_times(SLOW, 1000)))
TOST = equivalence(DATA["points12"], 0.25)
FAST_CURVE, SLOW_CURVE = kaplan_meier(FAST, 1000), kaplan_meier(SLOW, 1000)
LOG_RANK = paired_log_rank(FAST, SLOW, 1000)


def _at(curve, time, what):
    return getattr(curve, what)[np.searchsorted(curve.times, time, side="right") - 1]


OURS = {
    "student t statistic effect": STUDENT.effect_size,
    "student estimate": STUDENT.estimate,
    "student low": STUDENT.low,
    "student high": STUDENT.high,
    "student p": STUDENT.p,
    "student p_permutation": STUDENT.p_permutation,
    "student effect low": STUDENT.effect_low,
    "student effect high": STUDENT.effect_high,
    "darwin low": DARWIN.low,
    "darwin p": DARWIN.p,
    "darwin p_permutation": DARWIN.p_permutation,
    "darwin p_wilcoxon": wilcoxon_p(DATA["darwin"]),
    "points12 high": POINTS.high,
    "points12 p": POINTS.p,
    "points12 p_permutation": POINTS.p_permutation,
    "points12 p_wilcoxon": wilcoxon_p(DATA["points12"]),
    "points12 effect low": POINTS.effect_low,
    "points12 effect high": POINTS.effect_high,
    "points12 minimum detectable": POINTS.minimum_detectable,
    "six p": SIX.p,
    "six p_permutation": SIX.p_permutation,
    "six p_wilcoxon": wilcoxon_p(DATA["six"]),
    "log ratio estimate": RATIO.estimate,
    "log ratio low": RATIO.low,
    "log ratio p": RATIO.p,
    "tost points12 .25 p": TOST.p,
    "tost points12 .25 low": TOST.low,
    "tost points12 .25 high": TOST.high,
    "tost six .015 p": equivalence(DATA["six"], 0.015).p,
    **{f"holm {i + 1}": p for i, p in enumerate(holm(DATA["p_values"]))},
    "page table7 L": page_trend(TABLE).statistic,
    "page table7 p": page_trend(TABLE).p_increasing,
    "page tied6 L": page_trend(TIED).statistic,
    "page tied6 p": page_trend(TIED).p_increasing,
    "slope table7 3": slopes(TABLE, [2, 4, 6, 8])[2],
    "slope p": paired(slopes(TABLE, [2, 4, 6, 8])).p,
    "survival slow 510": _at(SLOW_CURVE, 510, "survival"),
    "survival slow 510 low": _at(SLOW_CURVE, 510, "low"),
    "survival slow 510 high": _at(SLOW_CURVE, 510, "high"),
    "survival fast 250": _at(FAST_CURVE, 250, "survival"),
    "survival fast 250 low": _at(FAST_CURVE, 250, "low"),
    "survival fast 410 high": _at(FAST_CURVE, 410, "high"),
    "median fast": FAST_CURVE.median,
    "log-rank expected": LOG_RANK.expected,
    "log-rank observed": LOG_RANK.observed,
    "log-rank paired p": LOG_RANK.p,
    "wilson 3 12 low": wilson_interval(3, 12)[0],
    "wilson 3 12 high": wilson_interval(3, 12)[1],
    "wilson 0 12 high": wilson_interval(0, 12)[1],
    "detectable 6": planning.detectable_effect(6),
    "detectable 12": planning.detectable_effect(12),
    "detectable 24": planning.detectable_effect(24),
    "t power .7 12": planning.t_test_power(0.7, 12),
    "support power": planning.power_to_support(0.9, 1.0, 12, margin=0.4),
    "equivalence power": planning.power_of_equivalence(0.2, 1.0, 24, margin=0.9),
    "seeds .5": planning.seeds_needed(0.5, 1.0),
    "seeds .25": planning.seeds_needed(0.25, 1.0),
    "student high log scale": np.exp(
        paired(log_ratios(DATA["sleep2"][2:] + 5, DATA["sleep1"][2:] + 5)).high
    ),
    "darwin p greater": sign_flip_p(DATA["darwin"], alternative="greater"),
    "darwin effect low": DARWIN.effect_low,
    "six effect high": SIX.effect_high,
    "points12 beyond .05": beyond(DATA["points12"], 0.05),
    "interaction p": paired(INTERACTION).p,
    "interaction low": paired(INTERACTION).low,
    "page table7 falling p": page_trend(TABLE[:, ::-1]).p_increasing,
    "page long9 L": page_trend(LONG).statistic,
    "page long9 p": page_trend(LONG).p,
    "page table7 correlation": page_trend(TABLE).correlation,
    "restricted mean fast": restricted_times(FAST, 1000).mean(),
    "restricted mean slow": restricted_times(SLOW, 1000).mean(),
    "survival slow 720 high": _at(SLOW_CURVE, 720, "high"),
    "median slow": SLOW_CURVE.median,
    "tuned estimate": TUNED.differences.mean(),
    "tuned p": paired(TUNED.differences).p,
    "typical inside p": typicality(0.9751 - DATA["runs"]).p_inside,
    "typical outside p": typicality(0.9801 - DATA["runs"]).p_outside,
    "typical low": typicality(0.9751 - DATA["runs"]).low,
    "noncentral 2.5 5 1.2": noncentral_t_cdf(2.5, 5, 1.2),
    "noncentral 8 11 6": noncentral_t_cdf(8, 11, 6),
    "noncentral 1 23 -0.5": noncentral_t_cdf(1, 23, -0.5),
    "t power alpha .005": planning.t_test_power(1.1, 12, alpha=0.005),
    "detectable 12 alpha .0025": planning.detectable_effect(12, alpha=0.0025),
}


def test_no_reference_value_is_left_out():
    assert set(OURS) == set(VALUES)
    assert len(VALUES) >= 30


@pytest.mark.parametrize("name", VALUES)
def test_agrees_with_r(name):
    assert OURS[name] == pytest.approx(float(VALUES[name]["value"]), rel=1e-6), VALUES[name]["call"]


# Published figures, to the digits that were printed.


def test_fisher_1935_counted_darwin_s_sign_patterns():
    # § 21: of 32,768 patterns 863 give a sum of 314 or more; 835 more and 28 equal.
    assert sign_flip_p(DATA["darwin"], alternative="greater") == 863 / 2**15
    assert sign_flip_p(DATA["darwin"]) == 1726 / 2**15


def test_student_1908_found_the_second_drug_better():
    assert (round(STUDENT.estimate, 2), round(STUDENT.sd, 2)) == (1.58, 1.23)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_newcombe_1998_tabulates_wilson_s_interval(count, n, low, high):
    # Statistics in Medicine 17:857, Table I, method 3
    assert wilson_interval(count, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("conditions", "n", "five_percent", "one_percent"),
    [(3, 6, 79, 81), (3, 12, 153, 156), (4, 6, 163, 167), (4, 10, 266, 272), (5, 6, 291, 299)],
)
def test_page_1963_tabulates_critical_values(conditions, n, five_percent, one_percent):
    # JASA 58:216, Table 2: the smallest L with P(L or more) within the level
    for critical, level in ((five_percent, 0.05), (one_percent, 0.01)):
        assert page_trend(_table_with(critical, n, conditions)).p_increasing <= level
        assert page_trend(_table_with(critical - 1, n, conditions)).p_increasing > level


def _table_with(statistic, n, conditions):
    """Rank tables with a given L: exchange neighbours, starting from perfect order."""
    table = np.tile(np.arange(1, conditions + 1), (n, 1))
    excess = int((table @ np.arange(1, conditions + 1)).sum()) - statistic
    for row, left in itertools.product(table, list(range(conditions - 1)) * conditions):
        step = row[left + 1] - row[left]
        if 0 < step <= excess:
            row[[left, left + 1]] = row[[left + 1, left]]
            excess -= step
    assert excess == 0
    return table
