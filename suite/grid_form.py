"""The form of a grid file: which keys it has, what their values may be, what must hold together.

``suite.grid`` reads files and turns a valid form into conditions; this module knows the form alone.
"""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
)

from suite.datasets import DATASETS
from suite.errors import UnknownNameError, UsageError
from suite.fits import check_norm_fits
from suite.inits import INITS
from suite.models import MODELS, model_spec
from suite.models.own import is_own, own_model
from suite.norms import parse_norm
from suite.optimizers import OPTIMIZERS
from suite.places import MOST, shown
from suite.probes import PROBES
from suite.records import Budget, Condition, Protocol, Split

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

MAX_TRIALS: Final = 100_000
ALLOW_CODE: Final = "allow_code"  # in the context of a validation: models may be the user's own
MAX_VALUES: Final = 200  # of an axis; no study needs more, and every mistake is looked at
NAME_RULE: Final = (
    "a name has letters, digits, - and _ only, starts with a letter or digit, and has at most 64"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def is_safe_name(name: str) -> bool:
    """Say whether a name can stand in a path, a table and a terminal as it is."""
    return _NAME.fullmatch(name) is not None


def not_too_many(value: Any) -> Any:
    """Refuse a long list before its values are looked at one by one."""
    if isinstance(value, list) and len(value) > MAX_VALUES:
        raise ValueError(f"must have at most {MAX_VALUES} values, not {len(value):,}")
    return value


def _listed(value: Any) -> Any:
    """Let an axis with one value be written without brackets."""
    return value if isinstance(value, list) else [value]


def _known(kind: str, names: Iterable[str]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(_unknown(kind, name, names))
        return name

    return check


def _model(name: str, info: ValidationInfo) -> str:
    if not is_own(name):
        return _known("model", MODELS)(name)
    try:
        own_model(name)
    except UsageError as error:
        raise ValueError(str(error)) from None
    if not (info.context or {}).get(ALLOW_CODE):
        raise ValueError(
            f"{shown(name)} is code that a run would execute: a grid file may name it only where "
            "--allow-code is given"
        )
    return name


def _unknown(kind: str, name: str, names: Iterable[str]) -> str:
    return str(UnknownNameError(kind, name if len(name) <= 60 else f"{name[:60]}…", names))


def _norm(name: str) -> str:
    """Read a norm and write it in its one full form, so that equal norms have equal names."""
    try:
        return str(parse_norm(name if len(name) <= 60 else f"{name[:60]}…"))
    except UsageError as error:
        raise ValueError(str(error)) from None


def _safe_name(name: str) -> str:
    if not is_safe_name(name):
        raise ValueError(f"{NAME_RULE}, not {shown(name)}")
    return name


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of printable text")
    return text


_T = TypeVar("_T")
_Axis = Annotated[
    list[_T], BeforeValidator(not_too_many), BeforeValidator(_listed), Field(min_length=1)
]
_Name = Annotated[str, AfterValidator(_safe_name)]
_Line = Annotated[str, Field(max_length=300), AfterValidator(_one_line)]
_Count = Annotated[int, Field(ge=1, le=10_000_000)]
_Depth = Annotated[int, Field(ge=1, le=200)]
_Rate = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
_Decay = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class Form(BaseModel):
    """What both tables share: no value is converted, no unknown key is let pass."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class GridForm(Form):
    """The top of a grid file; each study, and the table of costs, is validated by itself."""

    title: _Line
    study: Annotated[list[Any], BeforeValidator(not_too_many), Field(min_length=1)]
    cost: Any = None


class StudyForm(Form):
    """One ``[[study]]`` table; every axis is a list once it is validated."""

    name: _Name
    why: _Line
    dataset: _Axis[Annotated[str, AfterValidator(_known("dataset", DATASETS))]]
    model: _Axis[Annotated[str, AfterValidator(_model)]]
    norm: _Axis[Annotated[str, AfterValidator(_norm)]]
    batch_size: _Axis[_Count]
    learning_rate: _Axis[_Rate]
    optimizer: _Axis[Annotated[str, AfterValidator(_known("optimizer", OPTIMIZERS))]] = ["adam"]
    init: _Axis[Annotated[str, AfterValidator(_known("init", INITS))]] = ["default"]
    depth: _Axis[_Depth] | None = None
    train_size: _Axis[_Count] | None = None
    weight_decay: _Axis[_Decay] = [0.0]
    epochs: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    steps: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    samples: Annotated[int, Field(ge=1, le=1_000_000_000_000)] | None = None
    seeds: Annotated[int, Field(ge=1, le=MAX_TRIALS)] = 12
    first_seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    split: Split = "holdout"
    probes: Annotated[
        list[Annotated[str, AfterValidator(_known("probe", PROBES))]],
        BeforeValidator(not_too_many),
    ] = []
    evaluations_per_decade: Annotated[int, Field(ge=1, le=1000)] = 12
    trace_every: Annotated[int, Field(ge=1, le=1_000_000)] = 100

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Axis → values; the norm is last, so that it varies fastest and arms are neighbours."""
        return {
            "dataset": self.dataset,
            "model": self.model,
            "depth": self.depth or [None],
            "train_size": self.train_size or [None],
            "optimizer": self.optimizer,
            "init": self.init,
            "weight_decay": self.weight_decay,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "norm": self.norm,
        }

    @property
    def trials(self) -> int:
        """Upper bound on the trials, by multiplication alone."""
        return math.prod(map(len, self.axes.values())) * self.seeds

    def with_model(self, name: str) -> Self:
        """Put one model in place of the file's; a depth that it does not have is dropped."""
        depth = self.depth if model_spec(name).uses_depth else None
        return self.model_copy(update={"model": [name], "depth": depth})

    def protocol(self) -> Protocol:
        """Build what every trial of the study shares."""
        return Protocol(
            budget=Budget(epochs=self.epochs, steps=self.steps, samples=self.samples),
            split=self.split,
            probes=tuple(sorted(self.probes)),  # their order changes nothing
            evaluations_per_decade=self.evaluations_per_decade,
            trace_every=self.trace_every,
        )

    def conditions(self) -> tuple[Condition, ...]:
        """Expand the product; depth is an axis only of models that have one."""
        found: dict[Condition, None] = {}
        for values in itertools.product(*self.axes.values()):
            given = dict(zip(self.axes, values, strict=True))
            model = model_spec(given["model"])
            given["depth"] = (given["depth"] or model.default_depth) if model.uses_depth else None
            found[Condition(**given)] = None
        return tuple(found)

    def faults(self, *, norms: bool) -> list[tuple[str, str]]:
        """List what can't hold together, as place within the study and message.

        Parameters
        ----------
        norms
            Whether to look at norms with every model and batch size: not where there are more of
            them than a grid may have, for that would take long.

        Returns
        -------
        list
            Not many more than anyone reads.
        """
        found = itertools.chain(self._faults(), self._norm_faults() if norms else ())
        return list(itertools.islice(found, MOST + 1))

    def _faults(self) -> Iterator[tuple[str, str]]:
        budgets = [k for k in ("epochs", "steps", "samples") if getattr(self, k) is not None]
        if len(budgets) != 1:
            given = " and ".join(budgets) if budgets else "none"
            yield "", f"give exactly one of epochs, steps or samples, not {given}"
        for key, values in {**self.axes, "probes": self.probes}.items():
            first: dict[Hashable, int] = {}
            for i, value in enumerate(values):
                if value in first:
                    yield f".{key}[{i}]", f"{shown(value)} is there twice, see [{first[value]}]"
                first.setdefault(value, i)
        yield from self._depth_faults()
        yield from self._size_faults()

    def _depth_faults(self) -> Iterator[tuple[str, str]]:
        if self.depth is not None and not any(model_spec(name).uses_depth for name in self.model):
            models = " and ".join(dict.fromkeys(self.model))
            yield ".depth", f"model {models} has no depth to choose"

    def _norm_faults(self) -> Iterator[tuple[str, str]]:
        sizes = dict.fromkeys(self.batch_size)
        for norm, model in itertools.product(dict.fromkeys(self.norm), dict.fromkeys(self.model)):
            last = ""
            for batch_size in sizes:
                try:
                    check_norm_fits(model, norm, batch_size)
                except UsageError as error:
                    if (fault := str(error)) == last:
                        break  # whatever the batch size
                    last = fault
                    yield f".norm[{self.norm.index(norm)}]", fault

    def _size_faults(self) -> Iterator[tuple[str, str]]:
        most, dataset = min((training_images(name, self.split), name) for name in self.dataset)
        for axis in ("batch_size", "train_size"):
            for i, value in enumerate(getattr(self, axis) or ()):
                if value > most:
                    yield (
                        f".{axis}[{i}]",
                        f"{value:,} is more than the {most:,} training images of {dataset} "
                        f"(split {self.split})",
                    )


def training_images(dataset: str, split: Split) -> int:
    """Count the images that a dataset offers for training."""
    spec = DATASETS[dataset]
    return spec.train_images - (spec.validation_images if split == "holdout" else 0)
