"""Grids: TOML → validated, ordered conditions; every mistake is named at once with its place.

A grid file has a ``title`` and ``[[study]]`` tables. A study is a product of axis values (a list,
or one value), a budget (exactly one of ``epochs``, ``steps`` or ``samples``), a number of
``seeds``, and a ``why``: the one line that says what it is for. A ``[cost]`` table asks for time
and memory of networks (``suite.cost_form``). Places in messages count from 0, as in
``study[2].batch_size[1]``. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from suite.cost_form import PLACE as COST
from suite.cost_form import parse_cost
from suite.datasets import dataset_spec
from suite.errors import GridError, UnknownNameError, UsageError
from suite.grid_form import (
    ALLOW_CODE,
    MAX_TRIALS,
    MAX_VALUES,
    NAME_RULE,
    GridForm,
    StudyForm,
    is_safe_name,
    training_images,
)
from suite.models import model_spec
from suite.places import messages, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.cost.plan import CostStudy
    from suite.records import Condition, Protocol

MAX_FILE_BYTES: Final = 256 * 1024
MAX_FAULTS_SHOWN: Final = 50
# tomllib takes a time that grows with the square of a dotted name's length, and of a table's depth.
_LONG_NAME: Final = re.compile(
    r"""(?:(?:"[^"\n]*"|'[^'\n]*'|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++)[ \t]*+\.[ \t]*+){16}"""
)
# Python bounds the digits of a decimal number alone.
_LONG_NUMBER: Final = re.compile(r"0[xob][0-9A-Fa-f_]{100}")


@dataclass(frozen=True)
class Study:
    """One block of a grid: conditions, seeds and what they have in common.

    Parameters
    ----------
    name, why
        Unique in its grid; and the one line that says what the study is for.
    protocol
        Budget, split and schedule of every trial.
    conditions
        All different, in the grid's order: the norm varies fastest, so arms are neighbours.
    seeds
        Ascending.
    """

    name: str
    why: str
    protocol: Protocol
    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]

    @property
    def trials(self) -> int:
        """Trials on one device."""
        return len(self.conditions) * len(self.seeds)


@dataclass(frozen=True)
class Grid:
    """A validated grid.

    Parameters
    ----------
    name
        Of the file, without its suffix.
    title
        One line for people.
    studies
        In the file's order.
    notices
        What was left out or changed because other datasets were put in place of the file's.
    cost
        What to measure beside the trials; None where the file has no table ``[cost]``.
    """

    name: str
    title: str
    studies: tuple[Study, ...]
    notices: tuple[str, ...] = ()
    cost: CostStudy | None = None

    @property
    def trials(self) -> int:
        """Trials on one device, those that studies share counted in each."""
        return sum(study.trials for study in self.studies)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Datasets that are asked for, in the grid's order."""
        return tuple(dict.fromkeys(c.dataset for s in self.studies for c in s.conditions))

    def canonical(self) -> dict[str, Any]:
        """Plain values that say all that the grid asks for, for the store and the report."""
        return dataclasses.asdict(self)

    def using(self, used: Callable[[str], str]) -> Grid:
        """Put other datasets in place of those asked for.

        Conditions that become equal are kept once; those that need more images than there are, are
        left out with a notice. A training size that is the study's only one becomes all images.

        Parameters
        ----------
        used
            Name asked for → name of the dataset that is really used.
        """
        notices = list(self.notices)
        studies = []
        for study in self.studies:
            kept: dict[Condition, None] = {}
            one_size = len({condition.train_size for condition in study.conditions}) == 1
            for condition in study.conditions:
                moved = dataclasses.replace(condition, dataset=used(condition.dataset))
                most = training_images(moved.dataset, study.protocol.split)
                if one_size and moved.train_size and moved.train_size > most:
                    notices.append(
                        f"study {study.name}: all {most:,} training images of {moved.dataset} in "
                        f"place of {moved.train_size:,}"
                    )
                    moved = dataclasses.replace(moved, train_size=None)
                if max(moved.batch_size, moved.train_size or 0) <= most:
                    kept[moved] = None
                    continue
                axis = "batch_size" if moved.batch_size > most else "train_size"
                notices.append(
                    f"study {study.name}: {axis} {getattr(moved, axis):,} is left out, for "
                    f"{moved.dataset} has {most:,} training images"
                )
            studies.append(dataclasses.replace(study, conditions=tuple(kept)))
        return dataclasses.replace(
            self,
            studies=tuple(studies),
            notices=tuple(dict.fromkeys(notices)),
            cost=None if self.cost is None else self.cost.using(used),
        )


def grid_names() -> tuple[str, ...]:
    """Names of the grids that come with the suite, smallest first."""
    files = importlib.resources.files("suite") / "grids"
    names = {f.name.removesuffix(".toml") for f in files.iterdir() if f.name.endswith(".toml")}
    known = ("smoke", "quick", "notebook", "full")
    return tuple(sorted(names, key=lambda n: (known.index(n) if n in known else len(known), n)))


def load_grid(
    source: str,
    *,
    seeds: int | None = None,
    dataset: str | None = None,
    model: str | None = None,
    allow_code: bool = False,
) -> Grid:
    """Read a grid by name or from a file.

    Parameters
    ----------
    source
        A name in ``grid_names()``, or the path of a TOML file.
    seeds
        Seeds for every study in place of the grid's own numbers.
    dataset, model
        Dataset and model for every study in place of the grid's own.
    allow_code
        Whether the file may name models of the user's own, which are code (``module:function``).

    Raises
    ------
    GridError
        The file can't be read or has mistakes: all of them, each with its place.
    UnknownNameError
        The grid is neither a name nor a file, or there is no such dataset or model.
    UsageError
        ``seeds`` is out of bounds.
    """
    if source in grid_names():
        name = source
        content = (importlib.resources.files("suite") / "grids" / f"{source}.toml").read_bytes()
    elif "/" not in source and not source.endswith(".toml"):
        raise UnknownNameError("grid", source, grid_names())
    else:
        path = Path(source)
        name, content = path.stem, _content(path)
    return parse_grid(
        content,
        name=name,
        source=source,
        seeds=seeds,
        dataset=dataset,
        model=model,
        allow_code=allow_code,
    )


def parse_grid(
    content: bytes,
    *,
    name: str,
    source: str | None = None,
    seeds: int | None = None,
    dataset: str | None = None,
    model: str | None = None,
    allow_code: bool = False,
) -> Grid:
    """Validate the bytes of a grid file; parameters and errors as in ``load_grid``."""
    if seeds is not None and not 1 <= seeds <= MAX_TRIALS:
        raise UsageError(f"--seeds: must be 1 to {MAX_TRIALS:,}, not {shown(seeds)}")
    if dataset is not None:
        dataset_spec(dataset)
    if model is not None:
        model_spec(model)
    source = shown(name if source is None else source)
    raw = _toml(content, source)
    faults: list[str] = []
    if not is_safe_name(name):
        faults.append(f"file name: {NAME_RULE}, not {shown(name)}")
    head: GridForm | None = None
    try:
        head = GridForm.model_validate(raw)
    except ValidationError as error:
        faults += messages(error, raw, GridForm, "")
    tables = raw.get("study")
    forms: list[StudyForm] = []
    total = 0
    for i, table in enumerate(tables[:MAX_VALUES] if isinstance(tables, list) else ()):
        place = f"study[{i}]"
        try:
            form = StudyForm.model_validate(table, context={ALLOW_CODE: allow_code})
        except ValidationError as error:
            faults += messages(error, table, StudyForm, place)
            continue
        if seeds is not None:
            form = form.model_copy(update={"seeds": seeds})
        if model is not None:
            form = form.with_model(model)
        total += form.trials
        found = form.faults(norms=total <= MAX_TRIALS)
        faults += [f"{place}{where}: {what}" for where, what in found]
        faults += _same_name(place, form.name, [f.name for f in forms])
        if form.name == COST:
            faults.append(f"{place}.name: {COST!r} is the name of what the table [cost] measures")
        forms.append(form)
    faults += _too_many(forms)
    cost, cost_faults = parse_cost(raw.get("cost"), model=model, allow_code=allow_code)
    faults += cost_faults
    if faults or head is None:
        raise GridError(source, _at_most(faults))
    grid = Grid(
        name=name,
        title=head.title,
        studies=tuple(
            Study(
                name=form.name,
                why=form.why,
                protocol=form.protocol(),
                conditions=form.conditions(),
                seeds=tuple(range(form.first_seed, form.first_seed + form.seeds)),
            )
            for form in forms
        ),
        cost=cost,
    )
    return grid if dataset is None else grid.using(lambda _: dataset)


def _content(path: Path) -> bytes:
    source = shown(str(path))
    try:
        if not path.is_file():
            there = path.exists()
            raise GridError(source, ["not a regular file" if there else "there is no such file"])
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise GridError(source, [f"can't be read: {reason}"]) from None
    return content


def _toml(content: bytes, source: str) -> dict[str, Any]:
    if len(content) > MAX_FILE_BYTES:
        raise GridError(source, [f"larger than {MAX_FILE_BYTES // 1024} KiB"])
    try:
        text = content.decode("utf-8-sig")
        for pattern, what in (
            (_LONG_NAME, "a name of too many parts with dots between"),
            (_LONG_NUMBER, "a number with too many digits"),
        ):
            if (found := pattern.search(text)) is not None:
                line = text.count("\n", 0, found.start()) + 1
                raise GridError(source, [f"line {line}: {what}"])
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        fault = f"line {line}: byte 0x{byte:02x} is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        fault = f"not valid TOML: {shown(str(error), quoted=False)}"
    except RecursionError:
        fault = "nested too deeply"
    except ValueError:  # int() refuses more than 4,300 digits
        fault = "not valid TOML: a number with too many digits"
    raise GridError(source, [fault])


def _same_name(place: str, name: str, before: Sequence[str]) -> list[str]:
    if name not in before:
        return []
    return [f"{place}.name: {name!r} is also the name of study[{before.index(name)}]"]


def _too_many(forms: Sequence[StudyForm]) -> list[str]:
    total = sum(form.trials for form in forms)
    if total <= MAX_TRIALS:
        return []
    largest = max(forms, key=lambda form: form.trials)
    product = " × ".join(
        f"{len(values)} {axis}" for axis, values in largest.axes.items() if len(values) > 1
    )
    return [
        f"{total:,} trials are more than the limit of {MAX_TRIALS:,}: study {largest.name!r} alone "
        f"asks for {product + ' × ' if product else ''}{largest.seeds:,} seeds"
    ]


def _at_most(faults: Sequence[str]) -> list[str]:
    rest = len(faults) - MAX_FAULTS_SHOWN
    more = [f"… and at least {rest} more"] if rest > 0 else []
    return [*faults[:MAX_FAULTS_SHOWN], *more]
