"""A matplotlib figure as one small SVG that follows the reader's light or dark colour scheme.

The figures are drawn in the light palette of ``figures/palette.py``. Here every palette colour is
replaced by a CSS variable, and a ``<style>`` inside the SVG gives each variable its light and its
dark value, so an SVG inside an ``<img>`` follows ``prefers-color-scheme`` with no script. Text
stays text (the reader's own sans serif), and the same figure always gives the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Final

import matplotlib as mpl

from analysis.figures.grammar import RC
from analysis.figures.palette import DARK, LIGHT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FONTS: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
_NO_METADATA: Final = {"Date": None, "Creator": None, "Format": None, "Type": None}
_HEX: Final = re.compile(r"#[0-9a-f]{6}\b")
_TAG: Final = re.compile(r"<[^>]*>")
_LONG_NUMBER: Final = re.compile(r"(?<![\w.#])-?\d+\.\d{2,}")
_PATH: Final = re.compile(r' d="([^"]*)"')
_LINE_TO: Final = re.compile(r"(?<=L)([^A-Za-z]*)L(?=[^A-Za-z]*)")
_MARKS: Final = re.compile(
    r'<g( clip-path="[^"]*")?>((?:<use href="#\w+" x="[^"]*" y="[^"]*" style="[^"]*"/>)+)</g>'
)
_STYLE: Final = re.compile(r' style="([^"]*)"')
_UNSEEN: Final = re.compile(r'<path d="[^"]*" style="fill: none"/>')  # no line and no area
_ID: Final = re.compile(r' id="([mp][0-9a-f]{10})"')
# XML 1.0, §2.2: characters that no XML document may hold, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DROPPED: Final = (
    re.compile(r"^<\?xml.*?\?>\s*", re.S),
    re.compile(r"<!DOCTYPE.*?>\s*", re.S),
    re.compile(r"<metadata>.*?</metadata>\s*", re.S),
    re.compile(r"<!--.*?-->\s*", re.S),
    re.compile(r' transform="rotate\(-?0 [^"]*\)"'),
    re.compile(
        r' id="(?:figure|patch|axes|line2d|text|matplotlib|xtick|ytick|legend|[A-Z])[\w.]*"'
    ),
)


def svg_text(figure: Figure) -> str:
    """Render a figure as SVG text.

    Parameters
    ----------
    figure
        Drawn with the palette and type scale of ``figures/palette.py`` at 72 dots per inch, so that
        one unit of the SVG is one CSS pixel.

    Returns
    -------
    str
        A complete SVG document without XML prolog, the same for the same figure.
    """
    buffer = io.StringIO()
    with mpl.rc_context(RC), warnings.catch_warnings():
        # Text is set by the reader's fonts; what matplotlib's own font lacks does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA, transparent=True)
    text = _NOT_XML.sub("\ufffd", buffer.getvalue())
    for pattern in _DROPPED:
        text = pattern.sub("", text)
    text = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', text, count=2)
    text = _TAG.sub(lambda tag: _LONG_NUMBER.sub(_shorter, tag[0]), text)
    text = text.replace("font-family: 'DejaVu Sans'", "").replace("; ;", ";")
    used = sorted({c for c in _HEX.findall(text) if c in _NAMES})
    text = _HEX.sub(lambda m: f"var(--{_NAMES[m[0]]})" if m[0] in _NAMES else m[0], text)
    text = _smaller(re.sub(r"\s*\n\s*", " ", text).replace("> <", "><"))
    return text.replace("</style>", f"{_style(used)}</style>", 1).strip()


_NAMES: Final = {colour: name for name, colour in LIGHT.items()}


def _style(used: list[str]) -> str:
    names = [_NAMES[colour] for colour in used]
    light = ";".join(f"--{n}:{LIGHT[n]}" for n in names)
    dark = ";".join(f"--{n}:{DARK[n]}" for n in names)
    return (
        f"text{{font-family:{_FONTS}}}svg{{{light}}}"
        f"@media (prefers-color-scheme:dark){{svg{{{dark}}}}}"
        f"@media print{{svg{{{light}}}}}"
    )


def _smaller(text: str) -> str:
    """Say the same in fewer bytes: a report holds a hundred figures with thousands of points."""
    text = text.replace("xlink:href=", "href=").replace(
        ' xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
    text = _UNSEEN.sub("", text.replace("<g/>", ""))
    text = _STYLE.sub(lambda s: s[0].replace(": ", ":").replace("; ", ";"), text)
    text = _PATH.sub(lambda path: f' d="{_short_path(path[1])}"', text)
    text = _MARKS.sub(_one_style, text)
    for place, name in enumerate(dict.fromkeys(_ID.findall(text))):
        text = text.replace(name, f"i{place}")
    return text


def _short_path(path: str) -> str:
    """Leave out spaces beside letters and the letter of a line that goes on."""
    path = re.sub(r" ?([A-Za-z]) ?", r"\1", path)
    return _LINE_TO.sub(r"\1 ", path)


def _one_style(marks: re.Match[str]) -> str:
    """Give points that look alike their style once."""
    styles = set(_STYLE.findall(marks[2]))
    if len(styles) > 1:
        return marks[0]
    return f'<g{marks[1] or ""} style="{styles.pop()}">{_STYLE.sub("", marks[2])}</g>'


def _shorter(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".rstrip("0").rstrip(".")
