"""The locks hold what pyproject.toml asks for."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMED = [
    Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["development"]
]
# Of torch, the build at hand: pyproject.toml says so.
NOT_LOWEST = {"torch"}


def locked(name: str) -> dict[str, Version]:
    lines = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]
    return {
        canonicalize_name(package): Version(number)
        for package, number in (line.split("==") for line in lines)
    }


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-oldest.lock"])
def test_a_lock_has_what_is_named_in_a_version_that_is_allowed(name: str) -> None:
    versions = locked(name)
    for requirement in NAMED:
        version = versions[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement} in {name}"


def test_the_oldest_lock_has_the_lowest_version_that_is_allowed() -> None:
    versions = locked("requirements-oldest.lock")
    for requirement in NAMED:
        if requirement.name in NOT_LOWEST:
            continue
        (lowest,) = (Version(part.version) for part in requirement.specifier if part.operator == ">=")
        found = versions[canonicalize_name(requirement.name)].release
        assert found[: len(lowest.release)] == lowest.release, f"{requirement.name} {found}"
