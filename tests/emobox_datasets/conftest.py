"""Corpora laid out as the release names their files, once a session."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from conftest import shared_assets
from publishers import touch

from emobox_datasets import corpora
from emobox_datasets.corpus import Utterance

Tree = Callable[[str], tuple[Path, pd.DataFrame]]
Scanned = Callable[[str], list[Utterance]]


@pytest.fixture(scope="session")
def released() -> pd.DataFrame:
    return pd.read_parquet(shared_assets() / "facts/released_folds.parquet")


@pytest.fixture(scope="session")
def tree(released: pd.DataFrame, light_root: Path) -> Tree:
    """A corpus as the release names its files, all zeros; each is laid out once."""
    made: dict[str, tuple[Path, pd.DataFrame]] = {}

    def lay_out(name: str) -> tuple[Path, pd.DataFrame]:
        if name not in made:
            rows = released[released.corpus == name].sort_values("id", ignore_index=True)
            root = light_root / name
            touch(root, rows.path)
            made[name] = root, rows
        return made[name]

    return lay_out


@pytest.fixture(scope="session")
def scanned(tree: Tree) -> Scanned:
    """The utterances of a corpus as the release names its files."""
    return cache(lambda name: corpora.load(name).scan(tree(name)[0]))
