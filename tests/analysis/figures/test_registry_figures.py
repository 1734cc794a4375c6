"""Every figure on a store with all studies: it is shown, in the shared grammar, and right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from analysis.figures import FIGURES
from analysis.figures.evidence import Evidence
from analysis.figures.grammar import NARROW, WIDE, style
from analysis.report.svg import svg_text
from analysis.samples import load_samples
from analysis.verdicts import judge_samples
from tests.synthetic_costs import write_costs
from tests.synthetic_registry import write_registry_store

if TYPE_CHECKING:
    from analysis.contrasts import Verdicts
    from analysis.figures import FigureSpec
    from analysis.figures.grammar import Shape
    from analysis.samples import Samples

SEEDS = 7


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Samples, Verdicts]:
    path = write_registry_store(tmp_path_factory.mktemp("registry"), grid="quick", seeds=SEEDS)
    write_costs(path, replicates=SEEDS)
    samples = load_samples(path)
    return samples, judge_samples(samples)


def frame_of(name: str, claim: str, judged: tuple[Samples, Verdicts]) -> pd.DataFrame:
    samples, verdicts = judged
    spec = next(s for s in FIGURES if s.name == name)
    return spec.load().frame(Evidence(samples, verdicts[claim], tuple(verdicts)))


def rows_of(samples: Samples, study: str, **axes: object) -> pd.DataFrame:
    rows = samples.study(study)
    for axis, value in axes.items():
        rows = rows[rows[axis] == value]
    return rows


@pytest.mark.parametrize("spec", FIGURES, ids=lambda s: f"{s.name}-{s.place}")
def test_a_full_store_shows_it_in_the_shared_grammar(
    spec: FigureSpec, judged: tuple[Samples, Verdicts]
) -> None:
    samples, verdicts = judged
    every = tuple(verdicts)
    module = spec.load()
    frames = (
        module.frame(Evidence(samples, v, every)) for v in every if spec.suits(v.claim.primary)
    )
    data = next((f for f in frames if not f.empty), None)
    assert data is not None, "no claim of a full store shows this figure"
    for shape in (WIDE, NARROW):
        check_grammar(svg_of(spec, data, shape))
    words = module.describe(data)
    assert "nan" not in words.lower()
    assert len(words) > 40


def svg_of(spec: FigureSpec, data: pd.DataFrame, shape: Shape) -> str:
    with style():
        return svg_text(spec.load().draw(data, shape))


def check_grammar(svg: str) -> None:
    body = svg.partition("</style>")[2]
    assert not re.findall(r"#[0-9a-f]{6}\b", body), "a colour outside the palette"
    sizes = [float(s) for s in re.findall(r"font-size: ?([\d.]+)px", body)]
    assert min(sizes) >= 9
    assert max(sizes) <= 13
    assert re.findall(r"<text[^>]*>([^<]*)</text>", body)
    assert "prefers-color-scheme:dark" in svg


def test_every_claim_has_a_figure_of_its_own_kind(judged: tuple[Samples, Verdicts]) -> None:
    """Beside pairs and forest, which all claims share."""
    _, verdicts = judged
    common = ("paired_seeds", "forest")
    without = [
        v.claim.id
        for v in verdicts
        if not any(
            s.place == "claim" and s.name not in common and s.suits(v.claim.primary)
            for s in FIGURES
        )
    ]
    assert without == ["A2"], "its evidence is the pairs themselves, and the overview"


def test_gain_is_accuracy_less_that_without_norm(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("advantage_by_batch", "L1", judged)
    one = data[(data["norm"] == "layer") & (data["batch_size"] == 8)].set_index("seed")["gain"]
    layer, none = (
        rows_of(judged[0], "small_batch", norm=n, batch_size=8).set_index("seed")["test_accuracy"]
        for n in ("layer", "none")
    )
    pd.testing.assert_series_equal(one, 100 * (layer - none), check_names=False)
    assert "none" not in set(data["norm"])


def test_virtual_batches_stand_where_their_size_is(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("small_statistics", "L1", judged)
    assert set(data["images"]) == {2, 8, 64}
    assert set(data.loc[data["images"] == 64, "norm"]) == {"batch"}


def test_batch_mates_are_train_mode_less_eval_mode(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("batch_mates", "L2", judged)
    rows = rows_of(judged[0], "train_eval", norm="batch").set_index("seed")
    lost = rows["test_accuracy_train_mode@8"] - rows["test_accuracy_eval_mode@8"]
    accuracy = data["panel"].str.contains("Accuracy")
    found = data[accuracy & (data["test_batch"] == "8")].set_index("seed")["value"]
    pd.testing.assert_series_equal(found, 100 * lost, check_names=False)
    flips = data[~accuracy & (data["test_batch"] == "8")].set_index("seed")["value"]
    pd.testing.assert_series_equal(flips, 100 * rows["prediction_flips@8"], check_names=False)


def test_the_band_runs_from_the_smallest_to_the_largest_loss(
    judged: tuple[Samples, Verdicts],
) -> None:
    data = frame_of("loss_along_gradient", "A5", judged)
    curves = judged[0].curves("landscape_loss", "landscape")
    last = data[data["norm"] == "none"].sort_values("step").iloc[-1]
    here = curves[(curves["norm"] == "none") & (curves["step"] == last["step"])]
    by_seed = here.groupby("seed")["value"]
    assert last["low"] == pytest.approx(by_seed.min().mean())
    assert last["high"] == pytest.approx(by_seed.max().mean())
    assert last["mean"] == pytest.approx(here.loc[here["facet"] == "0", "value"].mean())


def test_histograms_hold_all_values(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("histograms", "M1", judged)
    sums = data.groupby(["panel", "norm"])["share"].sum()
    assert len(sums) == 2 * 2 * 2, "two layers, before and after, both arms"
    np.testing.assert_allclose(sums, 100)
    assert (data["to"] - data["from"] == 0.5).all()


def test_paths_are_geometric_means_over_seeds(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("loss_paths", "A3", judged)
    end = data[data["norm"] == "batch"].sort_values("step").iloc[-1]
    for column, quantity in (("training", "train_loss"), ("new_images", "validation_loss")):
        curves = judged[0].curves(quantity, "regularization")
        here = curves[
            (curves["norm"] == "batch") & (curves["step"] == end["step"]) & (curves["facet"] == "")
        ]
        assert end[column] == pytest.approx(np.exp(np.log(here["value"]).mean()))


def test_chances_of_being_best_sum_to_all(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("best_batch", "B6", judged)
    sums = data.groupby(["place", "norm"])["best"].sum()
    assert len(sums) == 2 * 2, "two networks, both arms"
    np.testing.assert_allclose(sums, 100)
    assert (data["seeds"] == SEEDS - 1).all(), "the seed that chose the rate is not counted"


def test_a_tuned_rate_is_the_best_on_validation_of_the_choosing_seed(
    judged: tuple[Samples, Verdicts],
) -> None:
    data = frame_of("tuned_by_batch", "B4", judged)
    one = data[(data["norm"] == "batch") & (data["batch_size"] == 64)]
    rows = rows_of(judged[0], "grid", norm="batch", batch_size=64, seed=0)
    best = rows.loc[rows["validation_accuracy"].idxmax(), "learning_rate"]
    assert set(one["learning_rate"]) == {best}
    assert set(one["seed"]) == set(range(1, SEEDS))


def test_a_target_that_is_not_reached_has_no_images(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("images_to_target", "B3", judged)
    rows = rows_of(judged[0], "grid")
    column = "samples_to_target@0.95"
    assert data["thousand_images"].notna().sum() == np.isfinite(rows[column]).sum()
    assert (data["thousand_images"].isna() == (data["state"] != "")).all()


def test_early_accuracy_is_what_the_claim_compares(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("early_accuracy", "B1", judged)
    primary = judged[1]["B1"].primary
    assert primary is not None
    at = data[(data["norm"] == "batch") & (data["panel"] == "learning rate 0.001")]
    table = at.pivot_table(index="seed", columns="batch_size", values="accuracy")
    np.testing.assert_allclose(
        (table[16] - table[1024]) / 100, primary.contrast.differences, atol=1e-12
    )


def test_gradients_stand_before_and_after_training(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("gradients_by_depth", "A4", judged)
    rows = rows_of(judged[0], "depth", norm="none", depth=12)
    after = data[data["panel"].str.contains("after") & (data["norm"] == "none")]
    np.testing.assert_allclose(
        np.sort(after.loc[after["depth"] == 12, "ratio"]), np.sort(rows["gradient_ratio@final"])
    )
    assert set(data["panel"]) == {
        "default initialisation, before training",
        "default initialisation, after training",
    }


def test_lag_is_shown_in_points(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("running_lag", "L2", judged)
    curves = judged[0].curves("running_statistics_lag", "train_eval")
    panel = data[data["panel"].str.contains("lost")]
    start = panel[panel["step"] == 0].iloc[0]
    assert start["mean"] == pytest.approx(100 * curves.loc[curves["step"] == 0, "value"].mean())


def test_scale_and_shift_have_the_spread_over_features(judged: tuple[Samples, Verdicts]) -> None:
    data = frame_of("affine_along", "M1", judged)
    end = data[data["panel"] == "Scale γ"].sort_values("step").iloc[-1]
    curves = judged[0].curves("gamma_std", "landscape")
    last = curves[(curves["facet"] == "norm2") & (curves["step"] == end["step"])]
    assert end["high"] - end["mean"] == pytest.approx(last["value"].mean())
