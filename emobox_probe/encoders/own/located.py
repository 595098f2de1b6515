"""Which files an encoder of one's own is made of, found without running any of its code."""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from emobox_probe.encoders.own.doors import HEAR, PYTHON
from emobox_probe.errors import ProbeError


def code_of(name: str) -> Path:
    """The Python file that `python:…` or `hear:…` names.

    Raises:
        ProbeError: there is no such file, or the name is none.
    """
    where, weights = _parts(name)
    path = Path(where) if where.endswith(".py") else _file_of_module(where)
    if path is None or not path.is_file():
        raise ProbeError(
            f"Expected the code of {name} in the Python file or module {where or '<module>'}, but there is none; "
            f"correct the name, or run it from the folder that holds it."
        )
    if weights and not Path(weights).exists():
        raise ProbeError(
            f"Expected weights at {weights}, but there are none; correct what follows the @ in {name}."
        )
    return path


def files_of(name: str) -> list[Path]:
    """What is known to make it: the Python files of its package, or beside it, and the weights behind an `@`.

    Raises:
        ProbeError: as `code_of`.
    """
    where, weights = _parts(name)
    code = code_of(name)
    package = None if where.endswith(".py") else _find(where.partition(".")[0])
    inside = package.submodule_search_locations if package else None
    files = [file for folder in inside for file in Path(folder).rglob("*.py")] if inside else [*_beside(code)]
    if weights:
        files += [Path(weights)] if Path(weights).is_file() else [*Path(weights).rglob("*")]
    return sorted(file for file in files if file.is_file())


def _beside(code: Path) -> Iterator[Path]:
    return code.parent.glob("*.py")


def _parts(name: str) -> tuple[str, str]:
    """Module or file, and weights."""
    if name.startswith(HEAR):
        where, _, weights = name.removeprefix(HEAR).partition("@")
        return where, weights
    where, _, function = name.removeprefix(PYTHON).rpartition(":")
    return where if function else "", ""


def _file_of_module(where: str) -> Path | None:
    spec = _find(where)
    return Path(spec.origin) if spec and spec.origin else None


def _find(where: str) -> ModuleSpec | None:
    """As Python finds a module, which imports the packages around it; this reads the folders only."""
    paths, spec = [str(Path.cwd()), *sys.path], None
    names = where.split(".")
    for count in range(1, len(names) + 1):
        spec = PathFinder.find_spec(".".join(names[:count]), paths)
        if spec is None:
            return None
        paths = list(spec.submodule_search_locations or ())
    return spec
