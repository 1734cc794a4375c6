"""Colours, markers and names of the norms in figures: the same everywhere.

The palette is safe for the common forms of colour blindness (after Okabe and Ito), and each norm
also has its own marker. Every colour has a light and a dark value.
"""

from __future__ import annotations

import re
from typing import Final

# Every colour of a figure is one of these; svg.py swaps light for dark by name.
LIGHT: Final[dict[str, str]] = {
    "ink": "#1c2127",
    "muted": "#5a6472",
    "axis": "#aeb6c0",
    "grid": "#e4e8ec",
    "paper": "#fdfefe",
    "shade": "#f1f4f7",
    "batch": "#0a62b4",
    "none": "#c2500a",
    "layer": "#0b7a58",
    "group": "#8246b4",
    "ghost": "#8a6a00",
    "batch_no_affine": "#3d8fd1",
    "affine_only": "#67727f",
    "other": "#a4326e",
    "for3": "#0a5fb0",
    "for2": "#5b9bd8",
    "for1": "#b9d7f2",
    "even": "#eef1f4",
    "against1": "#f8d3b8",
    "against2": "#e8935b",
    "against3": "#c04a02",
    "onlight": "#20262d",
    "ondark": "#fbfcfd",
}
DARK: Final[dict[str, str]] = {
    "ink": "#e7eaee",
    "muted": "#a2adba",
    "axis": "#57616d",
    "grid": "#2a3139",
    "paper": "#15191f",
    "shade": "#1d232a",
    "batch": "#6fb4f5",
    "none": "#f29a5c",
    "layer": "#4fc79d",
    "group": "#c49bee",
    "ghost": "#d9bb4d",
    "batch_no_affine": "#9fd0fb",
    "affine_only": "#98a4b3",
    "other": "#ee8fbf",
    "for3": "#7fbdf8",
    "for2": "#2b6aa8",
    "for1": "#1f4266",
    "even": "#262c34",
    "against1": "#57351d",
    "against2": "#9b4f1c",
    "against3": "#f4a469",
    "onlight": "#e9edf1",
    "ondark": "#11151a",
}
MARKERS: Final[dict[str, str]] = {
    "batch": "o",
    "none": "s",
    "layer": "^",
    "group": "D",
    "ghost": "v",
    "batch_no_affine": "P",
    "affine_only": "X",
}
NORM_TITLES: Final[dict[str, str]] = {
    "batch": "with BN",
    "none": "without BN",
    "layer": "layer norm",
    "group": "group norm",
    "ghost": "ghost BN",
    "batch_no_affine": "BN without γ, β",
    "affine_only": "γ, β only",
}

# Control characters and lone surrogates: no font can measure them and no XML may hold them.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def norm_colour(norm: str) -> str:
    """Colour of a norm; a norm with an argument takes its family's."""
    return LIGHT.get(norm.split(":", maxsplit=1)[0], LIGHT["other"])


def norm_marker(norm: str) -> str:
    """Marker of a norm, so that colour is never the only sign."""
    return MARKERS.get(norm.split(":", maxsplit=1)[0], "h")


def norm_title(norm: str) -> str:
    """Name of a norm as a direct label says it."""
    family, _, argument = norm.partition(":")
    title = NORM_TITLES.get(family, clip(family))
    return f"{title} ({argument})" if argument else title


def clip(text: str, length: int = 28) -> str:
    """Shorten a name that would not fit; names come from users and may be of any length."""
    text = " ".join(_UNPRINTABLE.sub("\ufffd", text).split())
    return text if len(text) <= length else text[: length - 1] + "…"
