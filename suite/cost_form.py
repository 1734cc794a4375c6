"""The ``[cost]`` table of a grid file: which networks to measure, and how often."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationError

from suite.cost.plan import CostStudy
from suite.cost_records import CostProtocol
from suite.environment import usable_cores
from suite.grid_form import ALLOW_CODE, Form, StudyForm, not_too_many
from suite.places import messages

if TYPE_CHECKING:
    from suite.records import Condition

PLACE: Final = "cost"
MAX_COSTS: Final = 20_000
_AXES: Final = ("dataset", "model", "norm", "batch_size", "optimizer", "depth")
# A step's time depends on neither, so one value stands for all.
_FIXED: Final[dict[str, Any]] = {"learning_rate": 1e-3, "steps": 1, "split": "all"}


class AlsoForm(Form):
    """A ``[[cost.also]]`` table: more networks, with the axes of ``[cost]`` but for those given."""

    dataset: Any = None
    model: Any = None
    norm: Any = None
    batch_size: Any = None
    optimizer: Any = None
    depth: Any = None


class CostForm(Form):
    """The ``[cost]`` table; its axes are read as those of a study are."""

    why: str
    dataset: Any
    model: Any
    norm: Any
    batch_size: Any
    optimizer: Any = "adam"
    depth: Any = None
    replicates: Annotated[int, Field(ge=1, le=1000)] = 12
    samples: Annotated[int, Field(ge=1, le=10_000)] = 30
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    also: Annotated[list[Any], BeforeValidator(not_too_many), Field(default_factory=list)]


def parse_cost(
    raw: object, *, model: str | None = None, allow_code: bool = False
) -> tuple[CostStudy | None, list[str]]:
    """Validate a ``[cost]`` table.

    Parameters
    ----------
    raw
        As read from TOML; None where the file has none.
    model, allow_code
        As for ``suite.grid.load_grid``.

    Returns
    -------
    tuple
        The study of cost, or None; and every fault with its place.
    """
    if raw is None:
        return None, []
    try:
        form = CostForm.model_validate(raw)
    except ValidationError as error:
        return None, messages(error, raw, CostForm, PLACE)
    axes = _axes_of(form)
    tables = [(PLACE, axes)]
    faults: list[str] = []
    for i, more in enumerate(form.also):
        place = f"{PLACE}.also[{i}]"
        try:
            tables.append((place, axes | _axes_of(AlsoForm.model_validate(more))))
        except ValidationError as error:
            faults += messages(error, more, AlsoForm, place)
    conditions: dict[Condition, None] = {}
    total = 0
    for place, found in tables:
        as_study = {"name": PLACE, "why": form.why, **found, **_FIXED}
        try:
            study = StudyForm.model_validate(as_study, context={ALLOW_CODE: allow_code})
        except ValidationError as error:
            faults += messages(error, as_study, StudyForm, place)
            continue
        if model is not None:
            study = study.with_model(model)
        total += math.prod(map(len, study.axes.values())) * form.replicates
        wrong = study.faults(norms=total <= MAX_COSTS)
        faults += [f"{place}{where}: {what}" for where, what in wrong]
        if not faults and total <= MAX_COSTS:
            conditions |= dict.fromkeys(study.conditions())
    if total > MAX_COSTS:
        faults.append(f"{PLACE}: {total:,} measurements are more than the limit of {MAX_COSTS:,}")
    if faults:
        return None, faults
    protocol = CostProtocol(threads=form.threads or usable_cores(), samples=form.samples)
    return CostStudy(form.why, tuple(conditions), form.replicates, protocol), []


def _axes_of(form: CostForm | AlsoForm) -> dict[str, Any]:
    return {axis: value for axis in _AXES if (value := getattr(form, axis)) is not None}
