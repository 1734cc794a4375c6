"""``docs/grids.md`` names all that a grid file may hold, with the defaults that the code has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from suite.cost_form import MAX_COSTS, CostForm
from suite.datasets import DATASETS
from suite.grid import MAX_FILE_BYTES
from suite.grid_form import MAX_TRIALS, MAX_VALUES, Form, StudyForm
from suite.inits import INITS
from suite.models import MODELS
from suite.norms import NORMS
from suite.optimizers import OPTIMIZERS
from suite.probes import PROBES

TEXT = (Path(__file__).parents[2] / "docs" / "grids.md").read_text("utf-8")
NAMES = {
    "dataset": DATASETS,
    "model": MODELS,
    "norm": NORMS,
    "optimizer": OPTIMIZERS,
    "init": INITS,
    "probe": PROBES,
}
# What is written where the form holds no value.
NO_VALUE = {
    "depth": "the model's own",
    "train_size": "all",
    "epochs": "exactly one",
    "probes": "none",
    "threads": "all usable cores",
    "also": "none",
} | dict.fromkeys(("steps", "samples"), "exactly one")


def table(section: str, head: str) -> dict[str, str]:
    """Name → second cell, of the first table of a section whose head begins so."""
    part = TEXT[TEXT.index(f"## {section}\n") :]
    lines = part[part.index(f"| {head} |") :].split("\n\n")[0].splitlines()[2:]
    cells = [line.strip("|").split("|") for line in lines]
    return {name: c[1].strip() for c in cells for name in re.findall(r"`([^`]+)`", c[0])}


@pytest.mark.parametrize(("kind", "known"), NAMES.items(), ids=list(NAMES))
def test_every_registered_name_is_there_and_no_other(kind: str, known: dict[str, Any]) -> None:
    assert set(table("Names", kind)) == set(known)


@pytest.mark.parametrize(("section", "form"), [("A study", StudyForm), ("`[cost]`", CostForm)])
def test_every_key_is_there_with_its_default(section: str, form: type[Form]) -> None:
    written = table(section, "key")
    assert set(written) == set(form.model_fields)
    for key, field in form.model_fields.items():
        default = field.default
        if isinstance(default, list):  # an axis of one value, or no probes
            default = default[0] if default else None
        if field.is_required():
            assert written[key] == "needed", key
        elif isinstance(default, str | int | float):
            assert written[key].strip("`") == str(default).removesuffix(".0"), key
        else:
            assert written[key] == NO_VALUE[key], key


def test_limits_are_those_of_the_code() -> None:
    assert f"more than {MAX_TRIALS:,} trials" in TEXT
    assert f"at most {MAX_VALUES}," in TEXT
    assert f"1 to {MAX_VALUES} `[[study]]` tables" in TEXT
    assert f"{MAX_COSTS:,} measurements" in TEXT
    assert f"at most {MAX_FILE_BYTES // 1024} KiB" in TEXT
