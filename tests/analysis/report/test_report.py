"""The report from synthetic stores: what it says, that it is whole, inert and repeatable."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import html
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pandas as pd
import pytest

from analysis.files import write_whole
from analysis.report import __main__ as command
from analysis.report import build_report
from analysis.report.__main__ import main
from analysis.report.page import _audience
from analysis.samples import load_samples
from suite.errors import EXIT_DONE, EXIT_USAGE, StoreError
from suite.records import Budget, Condition, Protocol, Trial
from suite.store import STORE_NAME, StoreWriter
from suite.store.checksums import keep_table
from tests.hostile import PAYLOADS, write_hostile_store
from tests.synthetic import Truth, none_fails_at_the_largest_rate, write_store
from tests.synthetic_costs import write_costs

if TYPE_CHECKING:
    from analysis.report import Report
    from suite.records import Trial as TrialType

SMALL = {"seeds": 7, "batch_sizes": (16, 64), "learning_rates": (1e-3, 0.1), "epochs": 1}
ROOT = Path(__file__).parents[3]


class Page(HTMLParser):
    """Elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Report:
    store = tmp_path_factory.mktemp("usual")
    truth = Truth(fate=none_fails_at_the_largest_rate)
    write_store(store, truth, **SMALL)
    write_costs(store, replicates=7)
    return build_report(store)


@pytest.fixture(scope="module")
def page(built: Report) -> Page:
    return Page(built.path.read_text("utf-8"))


def test_every_verdict_stands_on_the_scorecard_and_in_its_section(
    built: Report, page: Page
) -> None:
    sections = {a.get("id") for a in page.all("section")}
    for verdict in built.verdicts:
        assert verdict.claim.sentence in page.text
        if not verdict.results:
            assert verdict.claim.id not in sections, "nothing to say about it but that"
            continue
        assert verdict.claim.id in sections
        assert verdict.claim.title in page.text
        if verdict.primary is not None:
            assert verdict.primary.text.partition(" [")[0] in page.text
    assert built.verdicts.registry_hash in page.text


def test_the_answer_names_what_is_supported(built: Report, page: Page) -> None:
    supported = [v for v in built.verdicts if v.word == "supported"]
    assert supported
    opening = page.text[: page.text.index("Scorecard")].lower() if "Scorecard" in page.text else ""
    main_part = page.text[page.text.index("what does it cost?") :].lower()
    for verdict in supported:
        if verdict.claim.primary.decision == "superiority":
            assert verdict.claim.title.lower() in main_part[:900] + opening


def test_every_image_is_embedded_and_has_words(page: Page) -> None:
    images = page.all("img")
    assert len(images) >= 8
    for image in images:
        assert str(image["src"]).startswith("data:image/svg+xml;base64,")
        assert len(str(image["alt"])) > 40
        assert image["width"] == "800"
    for source in page.all("source"):
        assert source["width"] == "344"


def test_nothing_is_asked_of_any_network(page: Page) -> None:
    for tag, attrs in page.elements:
        for name in ("src", "srcset", "href", "action", "data", "poster"):
            value = attrs.get(name)
            if value is None or value.startswith(("data:", "#")):
                continue
            assert (tag, name) == ("a", "href"), f"<{tag} {name}={value[:60]}>"
            assert value.startswith("https://arxiv.org/abs/"), value
    assert not any("style" in attrs for _, attrs in page.elements), "inline styles break the CSP"
    assert not any(n.startswith("on") for _, attrs in page.elements for n in attrs)


def test_the_policy_allows_this_very_style_and_script(built: Report, page: Page) -> None:
    policy = next(
        str(a["content"])
        for a in page.all("meta")
        if a.get("http-equiv") == "Content-Security-Policy"
    )
    text = built.path.read_text("utf-8")
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        assert len(found) == 1
        digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_it_is_one_small_file(built: Report) -> None:
    assert built.path.stat().st_size < 5 * 2**20


def test_the_same_store_gives_the_same_bytes(built: Report, tmp_path: Path) -> None:
    """Also in another process, with another hash seed, time zone and language."""
    code = (
        "import sys; from pathlib import Path; from analysis.report import build_report; "
        "build_report(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    settings = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "LC_ALL": "C", "LANG": "C"}
    subprocess.run(
        [sys.executable, "-c", code, str(built.path.parent), str(tmp_path)],
        check=True,
        cwd=ROOT,
        env={**os.environ, **settings},
    )
    for name in ("report.html", *(p.name for p in built.exports)):
        assert (tmp_path / name).read_bytes() == (built.path.parent / name).read_bytes(), name


def test_it_is_built_where_torch_is_not_installed(built: Report, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'torchvision'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without())\n"
        "from analysis.report.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(built.path.parent), "--out", str(tmp_path)],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert Path(done.stdout.strip()) == tmp_path / "report.html"


def test_tables_carry_the_numbers_of_the_verdicts(built: Report, page: Page) -> None:
    links = {str(a["download"]): str(a["href"]) for a in page.all("a") if "download" in a}
    primary = built.verdicts["A1"].primary
    assert primary is not None
    kind, _, body = links["A1-pairs.csv"].partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(unquote(body))))
    mine = [r for r in rows if r["role"] == "primary"]
    assert [int(r["seed"]) for r in mine] == list(primary.contrast.seeds)
    differences = [float(r["difference"]) for r in mine]
    assert differences == pytest.approx(list(primary.contrast.differences), rel=1e-6)


def test_trials_that_did_not_finish_are_listed(page: Page) -> None:
    assert "28 trials that did not finish" not in page.text
    assert "14 trials that did not finish" in page.text
    assert "14 diverged" in page.text


def test_measurements_of_cost_are_counted_and_flagged(page: Page) -> None:
    assert "28 measurements of cost" in page.text
    assert "28 measured" in page.text
    assert "28 timings of 28 carry a flag" in page.text


def test_a_missing_measurement_makes_the_run_partial(tmp_path: Path) -> None:
    write_store(tmp_path, curves=False, **SMALL)
    write_costs(tmp_path, replicates=2)
    with StoreWriter(tmp_path) as store:
        store._db.execute("DELETE FROM costs")
        keep_table(store._db, "costs")
    said = banner_texts(build_report(tmp_path).path)
    assert any("0 of 8 planned measurements of cost are done" in b for b in said)


def banner_texts(path: Path) -> list[str]:
    found = re.findall(r'<div class="banner [^"]*"[^>]*>(.*?)</div>', path.read_text(), re.S)
    return [html.unescape(re.sub(r"<[^>]*>", "", t)) for t in found]


def test_a_whole_run_has_no_banner(built: Report) -> None:
    assert banner_texts(built.path) == []


def test_a_partial_run_is_marked(tmp_path: Path) -> None:
    def some(trial: TrialType) -> str:
        return "missing" if trial.seed == 6 else "ok"

    path = write_store(tmp_path, Truth(fate=some), finished=False, curves=False, **SMALL)
    banners = banner_texts(build_report(path).path)
    assert any(b.startswith("Partial run.") for b in banners)
    assert any("60 of 70 planned trials" in b for b in banners)


def test_too_few_seeds_are_marked(tmp_path: Path) -> None:
    path = write_store(tmp_path, curves=False, **{**SMALL, "seeds": 3})
    built = build_report(path)
    assert any(b.startswith("Too few seeds") for b in banner_texts(built.path))
    assert {v.word for v in built.verdicts} == {"no verdict"}


FALLBACK_TRIAL = Trial(
    condition=Condition(
        dataset="mnist5k", model="mlp", norm="batch", batch_size=64, learning_rate=1e-3
    ),
    seed=0,
    protocol=Protocol(budget=Budget(epochs=1)),
    device="cpu",
    data_fingerprint="f",
    code_version="c",
)


def test_the_smoke_grid_and_the_fallback_are_marked(tmp_path: Path) -> None:
    info = {"grid": {"name": "smoke"}, "datasets": {"mnist": "mnist5k"}, "command": ["x"]}
    with StoreWriter(tmp_path) as store:
        run = store.begin_run(
            "2025-01-01T00:00:00+00:00", info, [("grid", "w")], [("grid", FALLBACK_TRIAL)]
        )
        store.finish_run(run, "2025-01-01T00:00:01+00:00")
    banners = banner_texts(build_report(tmp_path).path)
    assert any(b.startswith("Smoke grid.") for b in banners)
    assert any("mnist5k instead of mnist" in b for b in banners)


def test_banners_speak_of_the_newest_run_and_say_what_was_left_out(tmp_path: Path) -> None:
    left_out = "study regularization: train_size 10,000 is left out, for mnist5k has 4,000"
    said = "MNIST is not here. Using mnist5k instead, 5,000 real MNIST images"
    offline = {"datasets": {"mnist": "mnist5k"}, "notices": [said, left_out]}
    with StoreWriter(tmp_path) as store:
        store.begin_run(
            "2025-01-01T00:00:00+00:00", offline, [("grid", "w")], [("grid", FALLBACK_TRIAL)]
        )
    banners = banner_texts(build_report(tmp_path).path)
    assert any("mnist5k instead of mnist" in b for b in banners)
    (note,) = [b for b in banners if b.startswith("Note.")]
    assert "Study regularization: train_size 10,000 is left out" in note
    assert "Using" not in note
    online = {"datasets": {"mnist": "mnist"}, "notices": []}
    with StoreWriter(tmp_path) as store:
        store.begin_run(
            "2025-01-02T00:00:00+00:00", online, [("grid", "w")], [("grid", FALLBACK_TRIAL)]
        )
    assert not any("instead of" in b for b in banner_texts(build_report(tmp_path).path))


def test_a_trial_of_two_studies_is_one_trial(tmp_path: Path) -> None:
    samples = load_samples(write_store(tmp_path, curves=False, **SMALL))
    shared = samples.trials.iloc[:10].assign(study="again")
    both = dataclasses.replace(samples, trials=pd.concat([samples.trials, shared]))
    assert len(both.distinct_trials) == len(samples.trials) == 70
    assert dict(_audience(both))["Trials"] == "70 of 70"


def test_an_empty_plan_still_gives_a_report(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as store:
        store.begin_run("2025-01-01T00:00:00+00:00", {}, [], [])
    built = build_report(tmp_path)
    assert "too little data" in Page(built.path.read_text()).text


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report(write_hostile_store(tmp_path_factory.mktemp("hostile")))


def test_names_full_of_markup_stay_names(hostile: Report) -> None:
    assert len(set(PAYLOADS)) >= 100
    text = hostile.path.read_text("utf-8")
    page = Page(text)
    assert len(page.all("script")) == 1
    assert len(page.all("style")) == 1
    allowed = {"img", "a", "table", "svg", "section", "details"}
    assert not {tag for tag, _ in page.elements} & {"iframe", "object", "embed", "form", "base"}
    assert allowed <= {tag for tag, _ in page.elements}
    assert not any(n.startswith("on") for _, attrs in page.elements for n in attrs)
    for attrs in page.all("a"):
        assert str(attrs.get("href", "#")).startswith(("#", "data:text/csv", "https://arxiv.org/"))
    assert "{{ 7 * 7 }}" in html.unescape(text)
    for payload in PAYLOADS[:20]:
        assert html.escape(payload) in text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")


def test_spreadsheets_get_no_formula_from_names(hostile: Report) -> None:
    trials = next(p for p in hostile.exports if p.name == "trials.csv")
    with trials.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any("HYPERLINK" in c for c in cells)
    texts = [c for c in cells if not re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", c)]
    assert not [c for c in texts if c[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_the_command_line_gives_programs_the_verdicts(
    built: Report, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = str(built.path.parent)
    assert main([store, "--format", "json"]) == EXIT_DONE
    printed = json.loads(capsys.readouterr().out)
    beside = built.path.with_name("verdicts.json").read_text()
    assert printed == json.loads(beside), "judged alone, as the report has it"
    assert printed["schema"] == "batchnorm-bench/verdicts/1"
    assert [v["id"] for v in printed["verdicts"]] == [v.claim.id for v in built.verdicts]
    by_id = {v["id"]: v for v in printed["verdicts"]}
    assert by_id["A1"]["primary"]["n"] == 7
    assert main([store, "--format", "csv"]) == EXIT_DONE
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [r["claim"] for r in rows] == [v.claim.id for v in built.verdicts]
    assert main([store, "--format", "json", "--out", str(tmp_path)]) == EXIT_DONE
    assert json.loads((tmp_path / "verdicts.json").read_text()) == printed


def test_open_shows_the_report(
    built: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(command.webbrowser, "open", opened.append)
    assert main([str(built.path.parent), "--out", str(tmp_path), "--open"]) == EXIT_DONE
    assert opened == [(tmp_path / "report.html").resolve().as_uri()]


@pytest.mark.parametrize("kind", ["missing", "not a store"])
def test_a_bad_store_is_one_clear_line(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind == "not a store":
        (tmp_path / STORE_NAME).write_text("no database")
    assert main([str(tmp_path)]) == EXIT_USAGE
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert str(tmp_path) in message


def test_a_folder_that_is_a_file_is_one_clear_line(
    built: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    assert main([str(built.path.parent), "--out", str(tmp_path / "taken")]) == EXIT_USAGE
    assert "taken" in capsys.readouterr().err


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.html"
    write_whole(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_two_stores_make_one_report(tmp_path: Path) -> None:
    first = write_store(tmp_path / "a", curves=False, **SMALL)
    second = write_store(tmp_path / "b", curves=False, device="cuda", **SMALL)
    built = build_report([first, second], tmp_path / "both")
    text = Page(built.path.read_text()).text
    assert "cpu, cuda" in text
    verdicts = built.verdicts
    assert verdicts["A1"].primary is not None
    there = next(
        r
        for r in verdicts["A1"].results
        if r.contrast.condition["device"] == "cuda"
        and r.contrast.comparison.name == "matched setting"
        and r.contrast.condition["batch_size"] == 64
        and r.contrast.condition["learning_rate"] == 1e-3
    )
    section = text[text.index("The same effects on each device") :]
    assert verdicts["A1"].primary.text in section
    assert there.text in section
    assert "equivalent" in section or "not shown" in section or "different" in section
    assert built.path.parent == tmp_path / "both"


def test_of_several_devices_the_one_that_decides_is_named(tmp_path: Path) -> None:
    small = {**SMALL, "curves": False, "seeds": 6}
    for name, device in (("a", "cpu"), ("b", "cuda:0")):
        write_store(tmp_path / name, device=device, **small)
    both = Page(build_report([tmp_path / "a", tmp_path / "b"], tmp_path / "out").path.read_text())
    assert "Device that decides cpu" in " ".join(both.text.split())
    alone = Page(build_report(tmp_path / "a").path.read_text())
    assert "Device that decides" not in alone.text
