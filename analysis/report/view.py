"""The view model: what the templates print, as ready strings. No template computes anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.report.workers import Work


@dataclass(frozen=True)
class Cell:
    """A cell of a table; ``sort`` is the key for sorting where the text would sort wrongly."""

    text: str
    sort: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand to the right."""

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """A table that scrolls inside its own box; ``note`` says what was left out."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    filter: bool = False


@dataclass(frozen=True)
class Download:
    """A file that is embedded in the page."""

    name: str
    uri: str
    label: str


@dataclass(frozen=True)
class Drawing:
    """One rendering of a figure."""

    uri: str
    width: str
    height: str


class Picture:
    """A drawing that may still be under way; whoever reads it waits for it."""

    def __init__(self, drawing: Work[Drawing]) -> None:
        self._drawing = drawing

    @property
    def drawing(self) -> Drawing:
        """What was drawn."""
        return self._drawing.result

    @property
    def uri(self) -> str:
        """The image itself."""
        return self.drawing.uri

    @property
    def width(self) -> str:
        """CSS pixels."""
        return self.drawing.width

    @property
    def height(self) -> str:
        """CSS pixels."""
        return self.drawing.height


@dataclass(frozen=True)
class FigureView:
    """A figure in both renderings, with the table behind it."""

    id: str
    title: str
    setting: str
    caption: str
    alt: str
    wide: Picture
    narrow: Picture
    table: Table
    csv: Download


@dataclass(frozen=True)
class VerdictView:
    """A verdict: word, shape and colour (by ``slug``), place in the order, the rule in words."""

    word: str
    slug: str
    order: str
    rule: str


@dataclass(frozen=True)
class Glyph:
    """Coordinates of the little interval in the scorecard, in its own units."""

    zero: str
    zone_x: str
    zone_width: str
    low: str
    high: str
    estimate: str
    label: str


@dataclass(frozen=True)
class ScoreRow:
    """One claim in the scorecard."""

    id: str
    title: str
    verdict: VerdictView
    estimate: str
    interval: str
    glyph: Glyph | None
    n: str
    n_sort: str
    p: str
    p_sort: str


@dataclass(frozen=True)
class ScoreGroup:
    """A group of claims in the scorecard."""

    title: str
    rows: tuple[ScoreRow, ...]


@dataclass(frozen=True)
class LiteratureView:
    """A published result beside ours."""

    reference: str
    url: str
    place: str
    figure: str
    stance: str
    same_regime: str
    ours: str


Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ClaimView:
    """A claim's section."""

    id: str
    group: str
    title: str
    sentence: str
    source: str
    verdict: VerdictView
    finding: str
    why: str
    warnings: tuple[str, ...]
    facts: Facts
    figures: tuple[FigureView, ...]
    conditions: tuple[str, ...]
    results: Table | None
    change: tuple[str, ...]
    sensitivity_summary: str
    sensitivity: Table | None
    literature: tuple[LiteratureView, ...]
    csv: tuple[Download, ...]


@dataclass(frozen=True)
class Banner:
    """A mark on the report that can't be missed."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True)
class Traceback:
    """An error as it was stored."""

    title: str
    text: str


@dataclass(frozen=True)
class TrialsView:
    """How every trial ended."""

    summary: str
    counts: Facts
    table_title: str
    table: Table | None
    tracebacks: tuple[Traceback, ...]
    csv: tuple[Download, ...]


@dataclass(frozen=True)
class CostBlock:
    """A table of costs under its own heading, with what to know before it is read."""

    title: str
    text: str
    table: Table
    csv: tuple[Download, ...]
    figures: tuple[FigureView, ...] = ()


@dataclass(frozen=True)
class CostsView:
    """What networks cost: a block for each device and one for times to a target."""

    claims: Facts
    blocks: tuple[CostBlock, ...]


@dataclass(frozen=True)
class DevicesView:
    """The devices, and how they compare where there are several."""

    summary: str
    table: Table
    checks: Table | None
    effects: Table | None
    agreement: Table | None


@dataclass(frozen=True)
class TrustView:
    """What the calibration found, and what one arm against itself gives."""

    calibration: tuple[str, ...]
    calibration_table: Table
    same_arm: tuple[str, ...]
    same_arm_table: Table | None
    csv: tuple[Download, ...]


@dataclass(frozen=True)
class RunView:
    """One run: command and environment."""

    title: str
    command: str
    table: Table


@dataclass(frozen=True)
class Recommendation:
    """What to use for a goal, what that gives, and how sure it is."""

    goal: str
    choice: str
    setting: str
    gives: str
    sure: str
    clear: bool


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    eyebrow: str
    question: str
    audience: Facts
    answer: tuple[str, ...]
    banners: tuple[Banner, ...]
    scorecard: tuple[ScoreGroup, ...]
    scorecard_note: str
    recommendations: tuple[Recommendation, ...]
    recommendation_scope: str
    overview: tuple[FigureView, ...]
    mechanics: tuple[FigureView, ...]
    claims: tuple[ClaimView, ...]
    unmeasured: Table | None
    words: tuple[VerdictView, ...]
    studies: Table
    trust: TrustView
    trials: TrialsView
    costs: TrialsView | None
    devices: DevicesView | None
    cost_tables: CostsView | None
    runs: tuple[RunView, ...]
    registry_hash: str
    registry_note: str
    bibtex: str
    exports: tuple[Download, ...] = field(default=())
