"""Paired data without an effect: both arms have the same mean, and all else varies.

Each scenario draws a control and a treatment arm, shape (simulations, n), that share a level for
each seed. Their difference has mean 0 and standard deviation 1, so margins are in standard
deviations of the difference.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.stats.inputs import FloatArray

    Noise = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


@dataclass(frozen=True)
class Scenario:
    """One kind of data.

    Parameters
    ----------
    name
        For the table.
    meaning
        Where such data come from.
    noise
        (generator, shape) → the noise of a control and a treatment run, mean 0.
    symmetric
        The difference is symmetric about 0 when there is no effect, as it is whenever the arm makes
        no difference at all. Only then can a test of few seeds promise its level; where only the
        means agree, the rate is shown and nothing is promised.
    normal
        The difference is normal: the 95 % interval must cover in 94 to 96 %.
    """

    name: str
    meaning: str
    noise: Callable[[np.random.Generator, tuple[int, int]], tuple[FloatArray, FloatArray]]
    symmetric: bool = True
    normal: bool = False

    def differences(self, generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
        """Draw treatment − control."""
        level = generator.normal(0, 2, shape)  # cancels; here so that pairing is really used
        control, treatment = self.noise(generator, shape)
        return (level + treatment) - (level + control)


def _same(noise: Noise) -> Callable[..., tuple[FloatArray, FloatArray]]:
    def both(
        generator: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        return noise(generator, shape), noise(generator, shape)

    return both


def _normal(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return generator.normal(size=shape)


def _skewed(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return 1 - generator.exponential(size=shape)


def _heavy(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return generator.standard_t(3, shape)


def _outliers(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    size = np.where(generator.random(shape) < 0.05, 10.0, 1.0)
    return generator.normal(size=shape) * size


def _rounded(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return np.round(generator.normal(size=shape))


def _few_levels(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return generator.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=shape)


def _censored(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return np.minimum(generator.normal(size=shape), 0.52)  # log time; 30 % beyond the budget


def _unequal(
    generator: np.random.Generator, shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    return generator.normal(size=shape), 3 * generator.normal(size=shape)


def _skewed_unequal(
    generator: np.random.Generator, shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    return _skewed(generator, shape), 3 * _skewed(generator, shape)


def _one_sided_failures(
    generator: np.random.Generator, shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    treatment = generator.normal(size=shape) - 10 * (generator.random(shape) < 0.05)
    return generator.normal(size=shape), treatment + 0.5


_SAMPLE: Final = (2_000, 500)


def _unit(scenario: Scenario) -> Scenario:
    """Scale a scenario to standard deviation 1, found by one large seeded sample."""
    draws = scenario.differences(np.random.default_rng(0), _SAMPLE)
    scale = float(1 / draws.std())

    def noise(
        generator: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        control, treatment = scenario.noise(generator, shape)
        return scale * control, scale * treatment

    return dataclasses.replace(scenario, noise=noise)


_RAW: Final = (
    Scenario(
        "normal", "Accuracies and log times away from their bounds.", _same(_normal), normal=True
    ),
    Scenario("skewed", "Exponential noise in both arms.", _same(_skewed)),
    Scenario("heavy-tailed", "Student's t with 3 degrees of freedom.", _same(_heavy)),
    Scenario("outliers", "One run in twenty has ten times the spread.", _same(_outliers)),
    Scenario("ties", "Rounded to a step as large as the spread.", _same(_rounded)),
    Scenario("few levels", "Four runs in five give the same number.", _same(_few_levels)),
    Scenario("censored", "Log times, three in ten cut off by the budget.", _same(_censored)),
    Scenario(
        "unequal variance",
        "The treatment's spread is three times as large.",
        _unequal,
        normal=True,
    ),
    Scenario(
        "skewed, unequal variance",
        "Exponential noise, three times as large in the treatment.",
        _skewed_unequal,
        symmetric=False,
    ),
    Scenario(
        "failures in one arm",
        "One run in twenty of the treatment loses ten deviations; the means agree.",
        _one_sided_failures,
        symmetric=False,
    ),
)
SCENARIOS: Final = tuple(map(_unit, _RAW))
