import dataclasses

import pytest

from suite.wording import duration, many, size, stack_in_words
from tests.fakes import tiny_plan


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (60, "1 min 0 s"),
        (200, "3 min 20 s"),
        (599.6, "10 min"),
        (671, "11 min"),
        (3600, "1 h 0 min"),
        (7499, "2 h 4 min"),
        (float("nan"), "unknown"),
        (float("inf"), "unknown"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (2048, "2 KiB"), (3 << 30, "3.0 GiB")]
)
def test_sizes(count, text):
    assert size(count) == text


def test_numbers_with_nouns():
    assert [many(n, "trial") for n in (0, 1, 1234)] == ["0 trials", "1 trial", "1,234 trials"]


def test_a_stack_in_words():
    trials = list(tiny_plan(seeds=2).trials.values())
    assert stack_in_words(trials[:2]) == (
        "mnist5k · mlp · no norm · batch size 16 · lr 0.001 · 2 seeds"
    )
    other = dataclasses.replace(
        trials[-1].condition, init="he", optimizer="sgd", depth=6, train_size=1000
    )
    trial = dataclasses.replace(trials[-1], condition=other, device="cuda:0")
    assert stack_in_words([trial]) == (
        "mnist5k · mlp · depth 6 · batch norm · batch size 64 · lr 0.01 · 1,000 images · sgd · "
        "init he · 1 seed · cuda:0"
    )
