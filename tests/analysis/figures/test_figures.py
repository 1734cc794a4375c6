"""Every figure on real-looking, odd and empty stores: it draws, says so in words, and is right."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from analysis.figures import FIGURES
from analysis.figures.evidence import Evidence
from analysis.figures.grammar import NARROW, WIDE, style
from analysis.figures.palette import DARK, LIGHT
from analysis.report.svg import svg_text
from analysis.samples import load_samples
from analysis.verdicts import judge_samples
from tests.synthetic import Truth, none_fails_at_the_largest_rate, write_store
from tests.synthetic_costs import write_costs

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.contrasts import Verdicts
    from analysis.figures import FigureSpec
    from analysis.samples import Samples
    from suite.records import Trial

STORES = {
    "usual": {},
    "one seed": {"seeds": 1},
    "one condition": {"batch_sizes": (64,), "learning_rates": (1e-3,)},
    "no curves": {"curves": False, "notebook": False},
    "many seeds": {"seeds": 60, "batch_sizes": (64,), "learning_rates": (1e-3,), "curves": False},
    "other condition only": {"batch_sizes": (16, 32), "learning_rates": (0.01,)},
    "one arm only": {"norms": ("none",)},
    "all diverged": {"truth": Truth(fate=lambda _: "diverged")},
    "one arm diverged": {"truth": Truth(fate=none_fails_at_the_largest_rate)},
    "nothing done": {"truth": Truth(fate=lambda _: "missing")},
    "never arrives": {"truth": Truth(steps=-5.0)},
    "identical arms": {"truth": Truth(steps=0.0, accuracy=0.0, noise=0.0)},
}


WITH_COSTS = {"one arm diverged": 7, "one seed": 1}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Samples, Verdicts]]:
    found = {}
    for i, (name, options) in enumerate(STORES.items()):
        small = {"seeds": 7, "batch_sizes": (16, 64), "learning_rates": (1e-3, 0.1), "epochs": 1}
        path = write_store(tmp_path_factory.mktemp(f"store{i}"), **{**small, **options})
        if name in WITH_COSTS:
            write_costs(path, replicates=WITH_COSTS[name])
        samples = load_samples(path)
        found[name] = (samples, judge_samples(samples))
    return found


def frames(spec: FigureSpec, samples: Samples, verdicts: Verdicts) -> list[pd.DataFrame]:
    """Return the frame of the figure for each claim that shows it."""
    every = tuple(verdicts)
    return [
        spec.load().frame(Evidence(samples, verdict, every))
        for verdict in every
        if spec.suits(verdict.claim.primary)
    ]


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("spec", FIGURES, ids=lambda s: s.name)
def test_it_draws_and_describes_whatever_the_store_holds(
    spec: FigureSpec, store: str, judged: dict[str, tuple[Samples, Verdicts]]
) -> None:
    module = spec.load()
    for data in frames(spec, *judged[store]):
        with style():
            root = ET.fromstring(svg_text(module.draw(data, NARROW)))  # noqa: S314
        assert float(root.attrib["width"]) == NARROW.width
        assert float(root.attrib["height"]) > 50
        words = module.describe(data)
        assert len(words) > 10
        assert "nan" not in words.lower()


@pytest.mark.parametrize("spec", FIGURES, ids=lambda s: s.name)
def test_an_empty_frame_says_so_instead_of_failing(spec: FigureSpec) -> None:
    module = spec.load()
    with style():
        svg = svg_text(module.draw(pd.DataFrame(), NARROW))
    assert re.search(r">[A-Z][^<]{10,}<", svg)


def test_the_palette_has_every_colour_in_both_schemes() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert len(set(LIGHT.values())) == len(LIGHT), "two names for one colour can't be told apart"


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    "name", ["ink", "muted", "batch", "none", "layer", "group", "ghost", "other", "affine_only"]
)
def test_text_colours_have_enough_contrast(scheme: dict[str, str], name: str) -> None:
    assert contrast(scheme[name], scheme["paper"]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_numbers_in_the_heat_map_can_be_read(scheme: dict[str, str]) -> None:
    for side in ("for", "against"):
        assert contrast(scheme["onlight"], scheme[f"{side}1"]) >= 4.5
        assert contrast(scheme["onlight"], scheme[f"{side}2"]) >= 4.5
        assert contrast(scheme["ondark"], scheme[f"{side}3"]) >= 4.5
    assert contrast(scheme["onlight"], scheme["even"]) >= 4.5


def contrast(first: str, second: str) -> float:
    """Contrast ratio of WCAG 2.2, §1.4.3."""

    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def spec_named(name: str) -> FigureSpec:
    return next(s for s in FIGURES if s.name == name)


def frame_of(name: str, claim: str, judged: tuple[Samples, Verdicts]) -> pd.DataFrame:
    samples, verdicts = judged
    return spec_named(name).load().frame(Evidence(samples, verdicts[claim], tuple(verdicts)))


def test_the_heat_map_shows_what_the_verdicts_say(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    _, verdicts = judged["usual"]
    data = frame_of("effect_heatmap", "A1", judged["usual"])
    assert len(data) == 2 * 2 * 2, "two claims, two batch sizes, two learning rates"
    primary = verdicts["A1"].primary
    assert primary is not None
    cell = data[(data["claim"] == "A1") & data["decides"]]
    assert cell["effect"].item() == pytest.approx(np.exp(primary.estimate))
    assert cell["batch_size"].item() == 64
    points = data[(data["claim"] == "A2") & data["decides"]]
    second = verdicts["A2"].primary
    assert second is not None
    assert points["effect"].item() == pytest.approx(100 * second.estimate)


def test_the_heat_map_counts_runs_that_diverged(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    data = frame_of("effect_heatmap", "A1", judged["one arm diverged"])
    worst = data[data["learning_rate"] == 0.1]
    assert (worst["diverged_control"] == 7).all()
    assert (worst["diverged_treatment"] == 0).all()
    assert (data.loc[data["learning_rate"] < 0.1, "diverged_control"] == 0).all()


def test_survival_steps_where_seeds_arrive(judged: dict[str, tuple[Samples, Verdicts]]) -> None:
    samples, _ = judged["usual"]
    data = frame_of("survival", "A1", judged["usual"])
    arm = data[(data["norm"] == "batch") & (data["target"] == 0.95)].sort_values("step")
    trials = samples.trials
    rows = trials[
        (trials["study"] == "grid")
        & (trials["norm"] == "batch")
        & (trials["batch_size"] == 64)
        & (trials["learning_rate"] == 1e-3)
    ]
    times = np.sort(rows["steps_to_target@0.95"].to_numpy())
    np.testing.assert_allclose(arm["step"].to_numpy()[1:], times)
    np.testing.assert_allclose(arm["arrived"].to_numpy()[1:], np.arange(1, 8) / 7)


def test_learning_curves_average_over_seeds(judged: dict[str, tuple[Samples, Verdicts]]) -> None:
    samples, _ = judged["usual"]
    data = frame_of("learning_curves", "A1", judged["usual"])
    curves = samples.curves("validation_accuracy", "grid")
    one = data[(data["norm"] == "none") & (data["batch_size"] == 16)].iloc[-1]
    values = curves.loc[
        (curves["norm"] == "none")
        & (curves["batch_size"] == 16)
        & (curves["learning_rate"] == one["learning_rate"])
        & (curves["step"] == one["step"]),
        "value",
    ]
    assert one["seeds"] == len(values) == 7
    assert one["mean"] == pytest.approx(values.mean())
    assert one["low"] == pytest.approx(np.quantile(values, 0.1))


def test_pairs_are_those_of_the_verdict(judged: dict[str, tuple[Samples, Verdicts]]) -> None:
    _, verdicts = judged["usual"]
    data = frame_of("paired_seeds", "A2", judged["usual"])
    primary = verdicts["A2"].primary
    assert primary is not None
    wide = data.pivot_table(index="seed", columns="arm", values="value")
    np.testing.assert_allclose(
        (wide["batch"] - wide["none"]) / 100, primary.contrast.differences, atol=1e-12
    )


def test_the_forest_holds_every_condition_once(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    _, verdicts = judged["usual"]
    data = frame_of("forest", "A1", judged["usual"])
    assert len(data) == len(verdicts["A1"].results)
    assert data["role"].iloc[0] == "primary"


def test_the_notebook_figure_holds_both_published_numbers(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    data = frame_of("notebook_runs", "N1", judged["usual"])
    assert set(data["notebook"].round(2)) == {96.67, 97.51}
    assert len(data) == 14


def test_loss_traces_end_with_the_first_epoch(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    data = frame_of("loss_traces", "N1", judged["usual"])
    # 860 steps: 55,000 images in batches of 64, the last one kept.
    assert data["step"].max() == 800
    assert data["step"].min() == 100


def test_a_diverged_run_has_no_accuracy_in_the_response(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    data = frame_of("learning_rate_response", "A7", judged["one arm diverged"])
    lost = data[data["status"] == "diverged"]
    assert len(lost) == 2 * 7
    assert lost["accuracy"].isna().all()


def test_the_overhead_is_that_of_the_verdict(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    _, verdicts = judged["one arm diverged"]
    data = frame_of("effect_by_batch", "L4", judged["one arm diverged"])
    primary = verdicts["L4"].primary
    assert primary is not None
    step = data[(data["comparison"] == "training step") & (data["batch_size"] == 64)]
    assert step["percent"].item() == pytest.approx(100 * (np.exp(primary.estimate) - 1))
    assert step["low"].item() < step["percent"].item() < step["high"].item()
    # The folded network of the store takes 3/4 of the time of the unfolded one.
    folded = data[data["comparison"].str.contains("folded")]
    plain = data[data["comparison"] == "inference"]
    ratio = (1 + folded["percent"].to_numpy() / 100) / (1 + plain["percent"].to_numpy() / 100)
    np.testing.assert_allclose(ratio, 0.75, rtol=1e-6)


def test_memory_bars_hold_the_stored_bytes(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    data = frame_of("memory_kinds", "L3", judged["one arm diverged"])
    kept = data[data["kind"] == "saved_activations"].set_index(["batch_size", "norm"])["megabytes"]
    assert kept[(64, "batch")] == pytest.approx(0.2)
    assert kept[(64, "none")] == pytest.approx(0.1)


def test_throughput_lists_every_replicate(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    data = frame_of("throughput", "B5", judged["one arm diverged"])
    assert len(data) == 2 * 2 * 7
    assert (data["images_per_second"] > 0).all()


def test_replicates_are_not_called_seeds(judged: dict[str, tuple[Samples, Verdicts]]) -> None:
    data = frame_of("paired_seeds", "L4", judged["one arm diverged"])
    assert data.attrs["unit"] == "replicate"
    assert "replicate" in data.attrs["caption"]
    assert "7 replicates" in spec_named("paired_seeds").load().describe(data)


def test_arms_that_are_no_norms_say_what_they_are(
    judged: dict[str, tuple[Samples, Verdicts]],
) -> None:
    data = frame_of("paired_seeds", "B5", judged["one arm diverged"])
    with style():
        svg = svg_text(spec_named("paired_seeds").load().draw(data, WIDE))
    assert "batch size 1024" in svg
    assert "batch size 64" in svg


def test_a_store_with_two_datasets_is_not_pooled(tmp_path: Path) -> None:
    path = write_store(
        tmp_path,
        seeds=6,
        datasets=("mnist", "fashion_mnist"),
        batch_sizes=(64,),
        learning_rates=(1e-3,),
    )
    samples = load_samples(path)
    verdicts = judge_samples(samples)
    data = frame_of("survival", "A1", (samples, verdicts))
    assert (data["n"] == 6).all(), "seeds of two datasets are not twelve seeds"


def test_names_in_figures_stay_text(tmp_path: Path) -> None:
    def odd(trial: Trial) -> str:
        return "ok"

    path = write_store(
        tmp_path,
        Truth(fate=odd),
        seeds=6,
        datasets=("$\\frac</text><script>",),
        batch_sizes=(64, 16),
        learning_rates=(1e-3,),
        notebook=False,
    )
    samples = load_samples(path)
    verdicts = judge_samples(samples)
    data = frame_of("forest", "A1", (samples, verdicts))
    data["condition"] = "$\\frac</text><script>\x00\ud800"
    with style():
        svg = svg_text(spec_named("forest").load().draw(data, WIDE))
    ET.fromstring(svg.encode("utf-8", errors="replace"))  # noqa: S314
    assert "<script" not in svg
    assert "$\\frac" in svg
