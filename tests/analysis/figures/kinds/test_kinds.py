"""The shared kinds of figures: what they draw for numbers, words, lost runs and step 0."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.figures.grammar import NARROW, WIDE, style
from analysis.figures.kinds import along, response
from analysis.figures.kinds.multiples import ordered_norms, series_of
from analysis.figures.palette import norm_title

LOOK = response.Response(
    x="batch_size", y="value", x_label="batch size", y_label="accuracy (%)", log_x=True
)


def measured(**columns: object) -> pd.DataFrame:
    rows = [
        {"norm": norm, "batch_size": batch, "seed": seed, "value": 10.0 * batch + seed}
        for norm in ("none", "batch")
        for batch in (16, 64)
        for seed in range(3)
    ]
    return pd.DataFrame(rows).assign(**columns)


def drawn(data: pd.DataFrame, look: response.Response) -> list[tuple[np.ndarray, np.ndarray]]:
    with style():
        (ax,) = response.draw(data, WIDE, look, "Nothing").axes
    return [(np.asarray(x.get_xdata()), np.asarray(x.get_ydata())) for x in ax.lines]


def test_every_seed_is_a_point_and_the_means_are_joined() -> None:
    lines = drawn(measured(), LOOK)
    assert len(lines) == 4, "a line and its points for each arm"
    for line, points in (lines[:2], lines[2:]):
        np.testing.assert_allclose(line[1], [161, 641])
        assert len(points[0]) == 6


def test_arms_stand_beside_each_other() -> None:
    (first, _), (second, _) = drawn(measured(), LOOK)[0::2]
    assert not np.isclose(first, second).any()


def test_means_of_times_are_geometric() -> None:
    data = pd.DataFrame({"norm": "batch", "batch_size": 16, "seed": [0, 1], "value": [1.0, 100.0]})
    (line, _) = drawn(data, dataclasses.replace(LOOK, geometric=True))
    np.testing.assert_allclose(line[1], [10])


def test_a_lost_run_is_marked_at_the_edge_and_in_no_mean() -> None:
    data = measured(state="")
    lost = (data["norm"] == "none") & (data["batch_size"] == 64) & (data["seed"] == 2)
    data.loc[lost, "state"] = "diverged"
    data["value"] = data["value"].where(~lost)
    lines = drawn(data, dataclasses.replace(LOOK, state="state", lost_at="top"))
    marks = [y for _, y in lines if len(y) == 1]
    assert [float(y[0]) for y in marks] == [0.97]
    means = [y for _, y in lines if len(y) == 2]
    np.testing.assert_allclose(sorted(y[1] for y in means), [640.5, 641])


def test_settings_that_are_words_keep_the_order_of_the_rows() -> None:
    words = {16: "small", 64: "large"}
    data = measured()
    data["batch_size"] = data["batch_size"].map(words)
    with style():
        (ax,) = response.draw(data, NARROW, dataclasses.replace(LOOK, log_x=False), "Nothing").axes
    assert [t.get_text() for t in ax.get_xticklabels()] == ["small", "large"]


def test_words_name_first_and_last_setting() -> None:
    text = response.describe(measured(), LOOK, "Nothing")
    assert "with BN: 161 at 16 and 641 at 64" in text
    assert response.describe(pd.DataFrame(), LOOK, "Nothing here") == "Nothing here."


def test_norms_have_one_order_everywhere() -> None:
    assert ordered_norms(["layer", "none", "mine", "ghost:8", "ghost:2", "batch"]) == [
        *("batch", "none", "layer", "ghost:2", "ghost:8", "mine")
    ]
    assert series_of(measured(), LOOK) == ["batch", "none"]
    assert norm_title("ghost:8") == "ghost BN (8)"


def test_points_that_most_seeds_lack_are_left_out() -> None:
    points = pd.DataFrame(
        {
            "norm": "batch",
            "seed": [0, 1, 2, 0, 1, 2, 0],
            "step": [1, 1, 1, 2, 2, 2, 3],
            "value": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 99.0],
        }
    )
    found = along.summarise(points, ["norm"])
    assert found["step"].tolist() == [1, 2]
    assert found["mean"].tolist() == [2, 5]
    assert found["low"].iloc[0] == pytest.approx(1.2)


def test_step_0_has_a_place_on_a_logarithmic_axis() -> None:
    data = pd.DataFrame(
        {"norm": "batch", "step": [0, 1, 10, 100], "mean": 1.0, "low": 0.5, "high": 2.0}
    )
    with style():
        (ax,) = along.draw(data, WIDE, along.Along(y_label="loss"), "Nothing").axes
    labels = [t.get_text() for t in ax.get_xticklabels()]
    assert labels == ["0", "1", "10", "100"]
    assert 0 < ax.get_xticks()[0] < 1
