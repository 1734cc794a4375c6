"""What the project depends on: bounds that are tested, versions that are fixed, known checksums."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(file: str) -> dict[str, set[str]]:
    """Name → versions; several where they depend on the Python version."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall((ROOT / file).read_text()):
        found.setdefault(name.lower().replace("_", "-"), set()).add(version)
    return found


def direct() -> list[Requirement]:
    groups = PROJECT["dependency-groups"]
    words = [*PROJECT["project"]["dependencies"], *groups["test"], *groups["analysis"]]
    return [Requirement(word) for word in words]


def test_every_direct_dependency_is_fixed_and_its_oldest_version_is_tested() -> None:
    fixed, oldest = pins("constraints.txt"), pins("constraints-oldest.txt")
    for requirement in direct():
        (bound,) = requirement.specifier
        assert bound.operator == ">="
        (version,) = fixed[requirement.name]
        assert requirement.specifier.contains(version)
        # The bound itself: "2" is written "2.0" or "2.0.0" in an index.
        (tested,) = oldest[requirement.name]
        assert re.fullmatch(rf"{re.escape(bound.version)}(\.0)*", tested), requirement


def test_what_is_installed_with_checksums_is_what_the_constraints_say() -> None:
    fixed, hashed = pins("constraints.txt"), pins("requirements-hashes.txt")
    for requirement in PROJECT["project"]["dependencies"]:
        assert Requirement(requirement).name in hashed
    for name, versions in hashed.items():
        if name in fixed:
            assert versions == fixed[name], name
    text = (ROOT / "requirements-hashes.txt").read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]
    assert len(blocks) > 30
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block[:80]


@pytest.mark.parametrize(
    "file", ["constraints.txt", "constraints-oldest.txt", "requirements-hashes.txt"]
)
def test_no_index_is_named(file: str) -> None:
    assert "://" not in (ROOT / file).read_text()


def test_the_analysis_asks_for_no_other_versions_than_the_whole() -> None:
    whole = {r.name: r.specifier for r in map(Requirement, PROJECT["project"]["dependencies"])}
    for requirement in map(Requirement, PROJECT["dependency-groups"]["analysis"]):
        assert whole[requirement.name] == requirement.specifier
