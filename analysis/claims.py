"""The registry of claims: what is tested, where, in which direction and against which margin.

``claims.toml`` is written before the data is read. Its hash stands in every report, so a verdict
can't be moved by moving a margin afterwards without that being seen.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from analysis.comparison import Axis, AxisValue, Comparison, Strict, Text
from suite.errors import BenchError, UnknownNameError
from suite.records import content_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGISTRY_FILE: Final = "claims.toml"

# Of a comparison: what people read, and no verdict depends on.
_PROSE: Final = frozenset({"margin_why", "factor", "unit", "reads"})

Group = Literal["advantages", "limitations", "batch size", "mechanics", "notebook"]


class RegistryError(BenchError):
    """The claims registry is not valid; that is our fault, not the user's."""


class Literature(Strict):
    """A published figure beside ours.

    Parameters
    ----------
    reference
        Authors and year.
    arxiv
        Identifier, where there is one.
    place
        Section, figure or table.
    figure
        What they found, with numbers.
    stance
        Whether it speaks for the claim as written here.
    same_regime
        Whether network, data and protocol are like ours, so that the numbers may be compared.
    regime
        Theirs, in a few words.
    """

    reference: Text
    arxiv: Annotated[str, Field(pattern=r"^(\d{4}\.\d{4,5})?$")] = ""
    place: str = ""
    figure: Text
    stance: Literal["for", "against", "conditional"]
    same_regime: bool
    regime: Text


class Claim(Strict):
    """A sentence that can be wrong, and the comparisons that decide it.

    Parameters
    ----------
    id
        ``A1`` … as in the design's table.
    group
        Section of the scorecard.
    title
        A few words for tables.
    sentence
        The claim as it is tested.
    source
        Where the teaching notebook makes it.
    comparisons
        Primary first.
    literature
        Published figures.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z]\d{1,2}$")]
    group: Group
    title: Text
    sentence: Text
    source: Text
    comparisons: Annotated[tuple[Comparison, ...], Field(min_length=1)]
    literature: tuple[Literature, ...] = ()

    @model_validator(mode="after")
    def _one_primary(self) -> Self:
        if [t.role for t in self.comparisons].count("primary") != 1 or self.comparisons[
            0
        ].role != "primary":
            raise ValueError("exactly one comparison, the first, is primary")
        if len({t.name for t in self.comparisons}) != len(self.comparisons):
            raise ValueError("two comparisons have one name")
        return self

    @property
    def primary(self) -> Comparison:
        """The comparison whose primary condition decides the claim."""
        return self.comparisons[0]

    @property
    def hash(self) -> str:
        """Content hash of all that is registered about the claim."""
        return content_hash(self.model_dump(mode="json"))


class Registry(Strict):
    """All claims, and what is agreed for all of them.

    Parameters
    ----------
    chance
        Dataset → accuracy of guessing: what a diverged trial scores where it has no accuracy.
    usual
        Axis → values, in order of preference: where a study holds several conditions that a claim
        could be decided at, as one of two datasets, it is decided at these.
    claims
        In the order of the scorecard.
    """

    chance: dict[str, Annotated[float, Field(gt=0, lt=1)]]
    usual: dict[Axis, tuple[AxisValue, ...]] = Field(default_factory=dict)
    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _handed_down(self) -> Self:
        claims = tuple(
            claim.model_copy(
                update={
                    "comparisons": tuple(
                        c.model_copy(update={"usual": c.usual or self.usual})
                        for c in claim.comparisons
                    )
                }
            )
            for claim in self.claims
        )
        object.__setattr__(self, "claims", claims)
        return self

    @model_validator(mode="after")
    def _unique(self) -> Self:
        ids = [c.id for c in self.claims]
        if len(set(ids)) != len(ids):
            raise ValueError(f"a claim is there twice: {', '.join(ids)}")
        return self

    @property
    def hash(self) -> str:
        """Content hash of the whole registry; comments and layout don't count."""
        return content_hash(self.model_dump(mode="json"))

    @property
    def deciding_hash(self) -> str:
        """Content hash of what verdicts depend on: sentences and literature don't count."""
        decides = [
            [claim.id, [c.model_dump(mode="json", exclude=set(_PROSE)) for c in claim.comparisons]]
            for claim in self.claims
        ]
        return content_hash([decides, dict(self.chance)])

    def __iter__(self) -> Iterator[Claim]:  # type: ignore[override]
        return iter(self.claims)

    def __getitem__(self, claim_id: str) -> Claim:
        for claim in self.claims:
            if claim.id == claim_id:
                return claim
        raise UnknownNameError("claim", claim_id, [c.id for c in self.claims])


def parse_registry(raw: dict[str, Any], source: str = REGISTRY_FILE) -> Registry:
    """Validate a registry.

    Raises
    ------
    RegistryError
        Naming every fault with its place.
    """
    try:
        return Registry.model_validate(raw)
    except ValidationError as error:
        faults = "\n".join(f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RegistryError(f"{source}:\n{faults}") from error


def load_registry(path: Path | None = None) -> Registry:
    """Read the registry of this package, or another file.

    Parameters
    ----------
    path
        A TOML file of the same form; None for the package's own.

    Raises
    ------
    RegistryError
        The file is not valid; every fault is named.
    """
    if path is not None:
        return parse_registry(tomllib.loads(path.read_text("utf-8")), str(path))
    return _packaged()


@functools.cache
def _packaged() -> Registry:
    text = resources.files("analysis").joinpath(REGISTRY_FILE).read_text("utf-8")
    return parse_registry(tomllib.loads(text))
