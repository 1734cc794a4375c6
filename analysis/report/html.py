"""The page as one HTML file: templates filled, style and script inside, nothing else allowed."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup

if TYPE_CHECKING:
    from analysis.report.view import Page

_PERCENT: Final = re.compile(r"(?<=\d) %")
_ICON: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
    "<rect width='32' height='32' rx='7' fill='#0a62b4'/>"
    "<path d='M5 25C11 25 11 8 16 8s5 17 11 17' fill='none' stroke='#fff' stroke-width='3.4' "
    "stroke-linecap='round'/></svg>"
)


def render(page: Page) -> str:
    """Fill the templates; every value is escaped, and nothing is computed there."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("report_templates", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_together,
    )
    css, script = _asset("report.css"), _asset("report.js")
    icon = "data:image/svg+xml;base64," + base64.b64encode(_ICON.encode()).decode()
    return environment.get_template("report.html").render(
        page=page,
        css=Markup(css),  # noqa: S704  (our own file)
        script=Markup(script),  # noqa: S704  (our own file)
        icon=icon,
        policy=content_security_policy(css, script),
    )


def _together(value: Any) -> Any:
    """Keep a number and its per cent sign on one line; there is no such space in an address."""
    return _PERCENT.sub("\u00a0%", value) if type(value) is str else value


def content_security_policy(css: str, script: str) -> str:
    """Allow this very style and script, embedded images, and nothing else."""
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{_sha256(css)}'; script-src '{_sha256(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return resources.files("report_templates").joinpath(name).read_text("utf-8")


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
