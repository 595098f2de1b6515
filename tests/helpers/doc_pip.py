"""Stands for pip where the user guide installs: every file, package and extra that is asked for must exist.

What is installed already is what the lock says, so nothing is installed.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FLAGS = ("--no-deps", "--quiet")


def main(words: list[str]) -> None:
    if words[:1] != ["install"]:
        sys.exit(f"Expected pip install, but got pip {' '.join(words)}.")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rest = iter(word for word in words[1:] if word not in FLAGS)
    for word in rest:
        if word in ("-r", "--requirement"):
            for line in (ROOT / next(rest)).read_text().splitlines():
                if line and not line.startswith("#"):
                    Requirement(line)
        elif word in ("-e", "--editable"):
            asked = Requirement("emobox" + next(rest).removeprefix("."))
            if unknown := asked.extras - set(project["optional-dependencies"]):
                sys.exit(f"Expected extras of pyproject.toml, but got {', '.join(unknown)}.")
        elif not any(
            Requirement(word).name in line for line in (ROOT / "requirements.lock").read_text().split("\n")
        ):
            sys.exit(f"Expected a package of requirements.lock, but got {word}.")


if __name__ == "__main__":
    main(sys.argv[1:])
