"""A comparison of two results as JSON, and as a table for the terminal."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from analysis.rule import LEVEL
from analysis.stats.inputs import MINIMUM_SEEDS
from analysis.units import plural
from analysis.wording import listed
from suite.quantities import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.versus.records import Change, Compared

# In the order of the table: what needs a look comes first.
WORDS: Final = ("worse", "better", "unclear", "no verdict", "same", "identical")
_STYLES: Final = {"worse": "bold red", "better": "green"}
_SETTLED: Final = ("same", "identical")  # left out of the table unless all is asked for


def table(compared: Compared, *, everything: bool = False) -> Table:
    """Make the table: what is worse first; what is the same only where ``everything`` is wanted."""
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "quantity", "study", "condition"):
        found.add_column(name, overflow="fold")
    for name in ("A", "B", "B against A [95 %]", "p (Holm)", "n"):
        found.add_column(name, justify="right", no_wrap=name in ("p (Holm)", "n"))
    rows = [c for c in compared.changes if everything or c.word not in _SETTLED]
    for change in sorted(rows, key=lambda c: WORDS.index(c.word)):
        found.add_row(
            Text(change.word, style=_STYLES.get(change.word, "")),
            Text(change.quantity),
            Text(change.study),
            Text(change.condition),
            Text(f"{change.a:.4g}"),
            Text(f"{change.b:.4g}"),
            Text(change.text),
            Text(f"{change.p_adjusted:.2g}"),
            Text(_pairs(change)),
        )
    return found


def summary(compared: Compared) -> list[str]:
    """Say in sentences what was compared and found."""
    counts = {w: sum(c.word == w for c in compared.changes) for w in WORDS}
    said = listed([f"{n} {word}" for word, n in counts.items() if n])
    compares = plural(len(compared.changes), "comparison")
    lines = [f"{compares} of B with A, adjusted together (Holm): {said}."]
    a, b = (compared.devices[name] for name in ("A", "B"))
    if a != b:
        lines.append(f"A was run on {listed(list(a))}, B on {listed(list(b))}.")
    lines += [f"Allowed to differ: {text}." for text in compared.allowed]
    lines += [
        f"{plural(n, 'planned trial or measurement')} of {name} {'is' if n == 1 else 'are'} not in "
        f"{other}'s plan and not compared."
        for name, other in (("A", "B"), ("B", "A"))
        if (n := compared.only[name])
    ]
    if compared.lost:
        verb = "is" if compared.lost == 1 else "are"
        lines.append(f"{plural(compared.lost, 'result')} of A {verb} not in B.")
    missing = sum(len(c.contrast.missing) > 0 for c in compared.changes)
    if missing:
        lines.append(f"{plural(missing, 'comparison')} lack some of their pairs.")
    lines += [
        f"Broken in B: {one.study}, {one.condition}, seed {one.seed} ({one.status})."
        for one in compared.broken
    ]
    return lines


def plain(compared: Compared) -> dict[str, Any]:
    """Give the comparison as plain JSON values; what is not finite is None."""
    return {
        "devices": {name: list(found) for name, found in compared.devices.items()},
        "allowed": list(compared.allowed),
        "only": compared.only,
        "lost": compared.lost,
        "family": sum(c.contrast.n >= MINIMUM_SEEDS for c in compared.changes),
        "level": LEVEL,
        "broken": [dataclasses.asdict(b) for b in compared.broken],
        "changes": list(_plain_changes(compared.changes)),
    }


def _pairs(change: Change) -> str:
    missing = len(change.contrast.missing)
    return f"{change.contrast.n}" + (f" of {change.contrast.n + missing}" if missing else "")


def _plain_changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [_plain_change(change) for change in changes]


def _plain_change(change: Change) -> dict[str, Any]:
    comparison, contrast = change.contrast.comparison, change.contrast
    numbers = {
        name: getattr(change, name)
        for name in ("a", "b", "estimate", "low", "high", "p", "p_adjusted", "p_equivalence")
    }
    return {
        "study": change.study,
        "condition": {k: v for k, v in contrast.condition.items() if v is not None},
        "quantity": change.quantity,
        "unit": QUANTITIES[comparison.metric].unit,
        "better": QUANTITIES[comparison.metric].better,
        "scale": comparison.scale,
        "margin": comparison.scaled_margin,
        "word": change.word,
        "why": change.why,
        "n": contrast.n,
        "missing": [str(pair) for pair in contrast.missing],
        "censored": contrast.censored,
        "diverged": contrast.diverged,
        **{k: v if math.isfinite(v) else None for k, v in numbers.items()},
        "text": change.text,
    }
