"""The report in a real browser: it loads, asks nobody for anything, works, and can be read."""

from __future__ import annotations

import csv
import importlib.resources
import io
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from analysis.claims import load_registry
from analysis.report import build_report
from analysis.report.page import GROUPS
from tests.hostile import write_hostile_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

# In the order of the scorecard.
CLAIMS = sorted(load_registry(), key=lambda c: GROUPS.index(c.group))
WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """Open a file with a list of everything that went wrong: console, errors, requests, dialogs."""
    settings: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, **options}
    context = browser.new_context(**settings)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda m: troubles.append(f"console {m.type}: {m.text}"))
    page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
    page.on("dialog", lambda d: (troubles.append(f"dialog: {d.message}"), d.dismiss()))
    page.on(
        "request",
        lambda r: (
            None
            if r.url.startswith(("data:", path.as_uri()))
            else troubles.append(f"request: {r.url}")
        ),
    )
    page.goto(path.as_uri(), wait_until="load")
    try:
        yield page, troubles
    finally:
        context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_loads_whole_and_asks_nobody(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 800}
    with opened(browser, report, viewport=size, color_scheme=scheme) as (page, troubles):
        images = page.evaluate(
            "Promise.all([...document.images].map(async i => { await i.decode();"
            " return [i.naturalWidth, i.getBoundingClientRect().width]; }))"
        )
        assert len(images) > 60
        assert all(natural > 100 and 100 < shown <= width for natural, shown in images)
        expected = 344 if width == 360 else 800
        assert {natural for natural, _ in images} == {expected}, "the rendering for this width"
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow == 0, "the page scrolls sideways"
        assert troubles == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_nothing_serious(browser: Browser, report: Path, width: int, scheme: str) -> None:
    axe = (
        importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    )
    size = {"width": width, "height": 900}
    # The policy lets no foreign script in, as it should: axe comes in from outside the page.
    with opened(browser, report, viewport=size, color_scheme=scheme, bypass_csp=True) as (page, _):
        # One of each kind of hidden part; the others are made by the same templates.
        page.evaluate(
            "document.querySelectorAll('#overview details, #mechanics details, #A1 details, '"
            "+ '#devices details, #trials details')"
            ".forEach(d => d.open = true)"
        )
        page.evaluate(axe)
        found = page.evaluate("axe.run(document)")
    assert len(found["passes"]) > 20
    bad = [
        f"{v['id']}: {v['help']} ({len(v['nodes'])}): {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert bad == []


def test_without_javascript_everything_is_there(browser: Browser, report: Path) -> None:
    with opened(browser, report, java_script_enabled=False) as (page, troubles):
        # No evaluation without JavaScript: locators only.
        assert page.locator("section.claim").count() == len(CLAIMS)
        for locator in page.locator("section.claim h2, table.scorecard tbody tr, img").all():
            assert locator.is_visible()
        assert page.locator("input, button").count() == 0, "a control that would do nothing"
        page.locator("details.numbers > summary").first.click()
        assert page.locator("details.numbers table").first.is_visible()
        assert troubles == []


def first_column(page: Page, table: str) -> list[str]:
    return page.locator(f"{table} tbody tr:not(.group):visible > :first-child").all_inner_texts()


def test_the_scorecard_filters(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, troubles):
        before = first_column(page, "table.scorecard")
        assert [b.split()[0] for b in before] == [c.id for c in CLAIMS]
        page.locator(".sheet .filter input").fill("better accuracy")
        assert len(first_column(page, "table.scorecard")) == 1
        assert f"1 of {len(CLAIMS)} claims" in page.locator(".sheet .filter output").inner_text()
        assert page.locator("table.scorecard tr.group:visible").count() == 1
        page.locator(".sheet .filter input").fill("")
        assert first_column(page, "table.scorecard") == before
        assert troubles == []


def test_the_scorecard_sorts_within_its_groups(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, troubles):
        header = page.locator("table.scorecard thead th").first
        before = first_column(page, "table.scorecard")
        header.locator("button").click()
        assert header.get_attribute("aria-sort") == "ascending"
        header.locator("button").click()
        assert header.get_attribute("aria-sort") == "descending"
        after = first_column(page, "table.scorecard")
        sizes = [len(list(members)) for _, members in groupby(c.group for c in CLAIMS)]
        for size in sizes:
            assert after[:size] == before[:size][::-1]
            after, before = after[size:], before[size:]
        assert troubles == []


def test_tables_sort_by_number_not_by_letter(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        details = page.locator("#overview-effect-heatmap details")
        details.locator("summary").click()
        table = details.locator("table")
        titles = table.locator("thead th").all_inner_texts()
        column = next(i for i, t in enumerate(titles) if t.startswith("batch size"))
        table.locator("thead th button").nth(column).click()
        cells = table.locator(f"tbody tr td:nth-child({column + 1})").all_inner_texts()
        sizes = [int(c.replace(",", "")) for c in cells]
        assert sizes == sorted(sizes)
        assert len(set(sizes)) == 3


def test_tables_sort_by_keyboard(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        button = page.locator("table.scorecard thead button").nth(1)
        button.focus()
        page.keyboard.press("Enter")
        assert page.locator("table.scorecard [aria-sort=ascending]").count() == 1
        outline = button.evaluate("b => getComputedStyle(b).outlineWidth")
        assert float(outline.removesuffix("px")) >= 2, "the focus can be seen"


def test_the_skip_link_comes_first(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.textContent")
        assert focused.startswith("Skip")


def test_the_numbers_behind_a_figure_can_be_saved(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    with opened(browser, report, accept_downloads=True) as (page, troubles):
        page.locator("#A1-paired-seeds summary").click()
        with page.expect_download() as started:
            page.locator("#A1-paired-seeds a.download").click()
        assert started.value.suggested_filename == "A1-paired-seeds.csv"
        started.value.save_as(tmp_path / "x.csv")
        rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text("utf-8"))))
        assert {r["arm"] for r in rows} == {"batch", "none"}
        assert troubles == []


def test_figures_follow_the_colour_scheme(browser: Browser, report: Path) -> None:
    pixels = {}
    for scheme in SCHEMES:
        with opened(browser, report, color_scheme=scheme) as (page, _):
            image = page.locator("#overview-learning-curves img")
            image.scroll_into_view_if_needed()
            pixels[scheme] = image.screenshot()
    assert pixels["light"] != pixels["dark"]


def test_it_prints_with_everything_open(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        closed = page.locator("details:not([open])").count()
        assert closed > 3
        page.emulate_media(media="print")
        assert not page.locator("nav.contents").is_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() == closed
        assert len(page.pdf()) > 100_000


def test_no_payload_runs(browser: Browser, tmp_path: Path) -> None:
    path = build_report(write_hostile_store(tmp_path)).path
    with opened(browser, path) as (page, troubles):
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        # Anything that waits for a mouse, a focus or a key.
        for event in ("mouseover", "focus", "click", "toggle", "animationstart"):
            page.evaluate(
                "name => document.querySelectorAll('main *').forEach("
                "e => e.closest('a, button, summary, input') || e.dispatchEvent(new Event(name)))",
                event,
            )
        page.wait_for_timeout(300)
        assert page.evaluate("window.ran") is None
        assert page.evaluate("document.scripts.length") == 1
        assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
        assert troubles == []
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow == 0


def test_the_policy_itself_would_stop_a_script(browser: Browser, report: Path) -> None:
    """The second line of defence works without the first."""
    with opened(browser, report) as (page, troubles):
        failures: list[str | None] = []
        page.on("requestfailed", lambda r: failures.append(r.failure))
        page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
            " document.body.append(s);"
            " const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x.png';"
            " document.body.append(i); }"
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.ran") is None
        assert any("Content Security Policy" in t for t in troubles)
        assert failures == ["csp"], "stopped by the policy before it left"
