"""A registered comparison: two arms, a metric, where, which way, and what size matters."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from suite.quantities import QUANTITIES
from suite.records import AXES

AxisValue = str | int | float
Axis = Annotated[str, Field(pattern="^(" + "|".join(AXES) + ")$")]
# Arms of this "axis" are two outcomes of one trial: accuracy in train mode and in eval mode.
OUTCOME: Final = "outcome"
ArmsAxis = Annotated[str, Field(pattern="^(" + "|".join((*AXES, OUTCOME)) + ")$")]
Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """A frozen record of the registry that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def require_quantity(outcome: str) -> None:
    """Refuse an outcome, written ``quantity`` or ``quantity@facet``, that nothing is named.

    Raises
    ------
    ValueError
        No quantity has that name.
    """
    name = outcome.partition("@")[0]
    if name not in QUANTITIES:
        raise ValueError(f"no quantity is named {name!r}")


class Arms(Strict):
    """The two values of one axis that are compared.

    Parameters
    ----------
    axis
        The axis; all others, and the seed, are matched. ``outcome``: no axis, but two outcomes of
        the same trial.
    treatment, control
        Its values: the claim is about the treatment. Outcomes are written ``quantity`` or
        ``quantity@facet``. Measures that make their own arms (``best``) take any names.
    """

    axis: ArmsAxis = "norm"
    treatment: AxisValue = "batch"
    control: AxisValue = "none"

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.treatment == self.control:
            raise ValueError("an arm against itself is no comparison")
        if self.axis == OUTCOME:
            for arm in (self.treatment, self.control):
                require_quantity(str(arm))
        return self


class Comparison(Strict):
    """One registered comparison; a claim has one or more, the first of which is primary.

    Parameters
    ----------
    name
        Unique within the claim.
    measure
        A name in ``analysis.measures``: how trials become one number a seed.
    metric
        A stored quantity.
    facet
        Facet of the quantity; ``first``, ``middle`` and ``last`` stand for the dataset's own
        targets in rising order, so that one claim serves every dataset.
    after
        Training images after which the metric's curve is read, in place of the end.
    minus
        ``quantity`` or ``quantity@facet`` of the same trial that is taken off the metric: the gap
        between train and test is a metric minus another.
    study
        The study of the grid that holds the evidence.
    arms
        What is compared.
    where
        Axis → values that the evidence is limited to; empty: all that the study holds.
    primary
        Axis → value of the condition that decides the claim. Axes that the measure reduces over
        are not named.
    usual
        Axis → values, in order of preference: which condition decides where several are at the
        primary values. Taken from the registry's own table.
    mean_over
        Axes over which each seed is averaged to the primary number, the single settings being
        evidence.
    over
        The axis that a spread, slope, largest or best value is taken along.
    baseline
        The setting of ``over`` that the other settings are set against, for ``interaction``.
    select_by
        Quantity of the validation images by which ``tuned`` chooses a setting; empty: the metric
        itself.
    role
        ``evidence`` for a further comparison of the claim, ``context`` for one that is only shown.
    direction
        Where the claim says that the treatment lies against the control: ``higher`` or ``lower``.
    decision
        ``superiority``: the rule for paired differences. ``typical``: published single runs fall
        within the central 95 % of ours. ``equality``: the claim predicts a difference of 0, and is
        supported where any difference is smaller than the margin.
    scale
        ``difference`` in the metric's unit, or ``log_ratio``.
    margin
        Smallest effect worth knowing: in the metric's unit, or as a ratio above 1.
    margin_why
        Why that size.
    factor, unit, reads
        For people: displayed value = stored value × factor, its unit, and the words for an effect
        as claimed and for its opposite: ``("fewer steps", "more steps")``.
    reference
        Arm → published single value, for ``typical``.
    """

    name: Text
    measure: Text
    metric: Text
    facet: str = ""
    after: Annotated[int, Field(ge=1)] | None = None
    minus: str = ""
    study: Text
    arms: Arms = Arms()
    where: dict[Axis, tuple[AxisValue, ...]] = {}
    primary: dict[Axis, AxisValue] = {}
    usual: dict[Axis, tuple[AxisValue, ...]] = {}
    mean_over: tuple[Axis, ...] = ()
    over: Axis | None = None
    baseline: AxisValue | None = None
    select_by: str = ""
    role: Literal["primary", "evidence", "context"] = "primary"
    direction: Literal["higher", "lower"]
    decision: Literal["superiority", "typical", "equality"] = "superiority"
    scale: Literal["difference", "log_ratio"]
    margin: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    margin_why: Annotated[str, Field(min_length=20)]
    factor: float = 1.0
    unit: str = ""
    reads: tuple[Text, Text]
    reference: dict[str, float] = {}

    @field_validator("metric", "select_by")
    @classmethod
    def _known(cls, name: str) -> str:
        if name and name not in QUANTITIES:
            raise ValueError(f"no quantity is named {name!r}")
        return name

    @field_validator("minus")
    @classmethod
    def _known_outcome(cls, name: str) -> str:
        if name:
            require_quantity(name)
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.scale == "log_ratio" and self.margin <= 1:
            raise ValueError("a margin on the ratio scale is a ratio above 1")
        if (self.decision == "typical") != bool(self.reference):
            raise ValueError("reference values go with decision 'typical', and only with it")
        chooser = self.select_by or self.metric
        if self.measure in ("tuned", "best") and chooser.startswith("test_"):
            raise ValueError("a setting is never chosen by test data: give select_by")
        reduced = set(self.mean_over)
        if self.baseline is None and self.over is not None:
            reduced.add(self.over)
        if reduced & set(self.primary):
            raise ValueError("an axis is either fixed or reduced over")
        if self.baseline is not None and self.over is None:
            raise ValueError("a baseline is a setting of the axis that 'over' names")
        return self

    @property
    def sign(self) -> int:
        """+1 where the claim predicts treatment above control, else −1."""
        return 1 if self.direction == "higher" else -1

    @property
    def scaled_margin(self) -> float:
        """The margin on the scale of the differences."""
        return math.log(self.margin) if self.scale == "log_ratio" else self.margin
