"""The devices of a report: what they are, whether they agree, and the effects on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.claims import load_registry
from analysis.devices import device_agreement, device_table, gate_table
from analysis.figures.palette import norm_title
from analysis.report.tables import table
from analysis.report.view import DevicesView
from analysis.wording import NOTHING, count, number, p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contrasts import Verdict
    from analysis.report.view import Table
    from analysis.samples import Samples

_ACCURACY_CLAIM: Final = "A2"  # its margin is the smallest difference of accuracy worth knowing


def devices_view(samples: Samples, verdicts: Sequence[Verdict]) -> DevicesView | None:
    """Show every device and, where there are several, how they compare; None where none is known.

    Verdicts rest on the first device; the others are shown beside it and pool with nothing.
    """
    described = device_table(samples)
    if described.empty:
        return None
    checks = gate_table(samples)
    several = len(described) > 1
    shown = described.assign(memory_bytes=described["memory_bytes"] / 1e9)
    return DevicesView(
        summary=(
            f"The report is about {count(len(described), 'device')}. Before any number of a device "
            "counts, batch normalization’s outputs, gradients and running statistics there are "
            "checked against float64 on the CPU."
            + (
                " Verdicts rest on the first device; effects on the others stand beside it."
                if several
                else ""
            )
        ),
        table=table(
            shown,
            "The devices",
            titles={"memory_bytes": "memory (GB)", "largest_error": "largest relative error"},
        ),
        checks=table(checks, "Largest relative error of each quantity", most=200)
        if len(checks)
        else None,
        effects=_effects(verdicts) if several else None,
        agreement=_agreement(samples) if several else None,
    )


def _effects(verdicts: Sequence[Verdict]) -> Table | None:
    """Set the effect that decides each claim beside the same effect on the other devices."""
    rows = []
    for verdict in verdicts:
        if verdict.primary is None:
            continue
        first = verdict.primary.contrast
        here = {a: v for a, v in first.condition.items() if a != "device"}
        row = {"claim": verdict.claim.id, "what it says": verdict.claim.title}
        for result in verdict.results:
            contrast = result.contrast
            there = {a: v for a, v in contrast.condition.items() if a != "device"}
            if contrast.comparison.name == first.comparison.name and there == here:
                row[str(contrast.condition.get("device", ""))] = result.text or NOTHING
        rows.append(row)
    if not rows:
        return None
    frame = pd.DataFrame(rows).fillna(NOTHING)
    return table(frame, "Effects on each device, with 95 % intervals", most=100)


def _agreement(samples: Samples) -> Table | None:
    registry = load_registry()
    margin = registry[_ACCURACY_CLAIM].primary.margin
    found = device_agreement(samples, margin, registry.chance)
    if found.empty:
        return None
    shown = pd.DataFrame(
        {
            "device": found["device"],
            "against": found["other_device"],
            "norm": found["norm"].map(norm_title),
            "seeds": found["n"],
            "difference (points)": 100 * found["difference"],
            "95 % interval": [
                f"[{number(100 * low)}, {number(100 * high)}]"
                for low, high in zip(found["low"], found["high"], strict=True)
            ],
            "adjusted p, equal": found["p_equivalence"].map(p_value),
            "adjusted p, different": found["p_difference"].map(p_value),
            "test accuracy is": found["word"],
        }
    )
    caption = f"Test accuracy of the same seeds on two devices; margin {100 * margin:g} points"
    return table(shown, caption)
