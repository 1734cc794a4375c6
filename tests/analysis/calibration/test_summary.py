from __future__ import annotations

from analysis.calibration.summary import summarize
from analysis.calibration.table import make_table, rate_row


def row(question, hits, **limits):
    return rate_row(question, "t", f"{hits} hits", 12, hits=hits, simulations=1000, **limits)


def test_the_worst_figure_of_each_question_and_what_was_kept():
    errors = [row("type-I error", h, most=0.055) for h in (40, 90, 52)]
    shown = [row("type-I error", 120)]
    cover = [row("coverage", h, least=0.94, most=0.96) for h in (948, 962, 935)]
    found = summarize(make_table([*errors, *shown, *cover], 1000))
    assert [(s.question, s.promised, s.rows, s.kept) for s in found] == [
        ("type-I error", True, 3, 2),
        ("type-I error", False, 1, 1),
        ("coverage", True, 3, 3),
    ]
    assert [s.worst.value for s in found] == [0.09, 0.12, 0.935]
    assert (found[2].least, found[2].most) == (0.94, 0.96)
