"""The corpora whose file names tell everything: equal to the release in every row; and every card is whole."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from publishers import PUBLISHERS

from emobox_datasets import corpora
from emobox_datasets.corpus import OwnSplit, SpeakerFolds, Utterance
from emobox_datasets.folds.partition import partition
from emobox_datasets.labels import SHARED_FOUR, VOCABULARY, shared_four

NAMED = [name for name in corpora.names() if name not in PUBLISHERS and name != "demo"]
RELEASED_ROWS = 212_104
# Subject 6 of eNTERFACE is not cut into sentences.
UNTOLD = {("enterface", "sentence"): 6}

Tree = Callable[[str], tuple[Path, pd.DataFrame]]
Scanned = Callable[[str], list[Utterance]]


def test_every_corpus_of_the_release_is_there(released: pd.DataFrame) -> None:
    assert set(NAMED) | set(PUBLISHERS) == set(released.corpus)
    assert len(released) == RELEASED_ROWS


@pytest.mark.parametrize("name", NAMED)
def test_every_row_equals_the_release(tree: Tree, scanned: Scanned, name: str) -> None:
    root, rows = tree(name)
    corpus = corpora.load(name)
    utterances = scanned(name)
    found = pd.DataFrame([vars_of(utterance, root) for utterance in utterances])
    assert len(found) == corpus.utterances == len(rows)
    # A channel of 1 says nothing in the release but for Oréau: its scripts wrote it without looking.
    found["channel"] = found.channel.fillna(1)
    compared = ["id", "path", "raw_label", "label", "speaker", "channel", "start", "end"]
    if rows.gender.notna().any():
        compared.append("gender")
    different = {column: differences(found[column], rows[column]) for column in compared}
    assert different == dict.fromkeys(compared, 0)
    assert corpus.speakers == rows.speaker.nunique()
    assert corpus.hours == pytest.approx(rows.length.sum() / 3600, abs=0.0006)


def vars_of(utterance: Utterance, root: Path) -> dict[str, object]:
    values = {name: getattr(utterance, name) for name in Utterance.__dataclass_fields__}
    return {**values, "path": utterance.path.removeprefix(f"{root}/")}


def differences(found: pd.Series, expected: pd.Series) -> int:
    return int((~((found == expected) | (found.isna() & expected.isna()))).sum())


@pytest.mark.parametrize("name", NAMED)
def test_every_fold_equals_the_release(tree: Tree, scanned: Scanned, name: str) -> None:
    _, rows = tree(name)
    corpus = corpora.load(name)
    utterances = scanned(name)
    for number in range(1, corpus.folds.count + 1):
        parts = partition(corpus, f"fold{number}", utterances)
        tested = rows.test_fold == number if rows.test_fold.notna().any() else rows.split == "test"
        assert {utterances[row].id for row in parts["test"]} == set(rows.id[tested])
        assert {utterances[row].id for row in parts["train"]} == set(rows.id[~tested])


@pytest.mark.parametrize("name", NAMED)
def test_what_else_the_names_tell(scanned: Scanned, name: str) -> None:
    corpus = corpora.load(name)
    utterances = scanned(name)
    types = {"string": str, "int32": int, "float32": float}
    for detail, dtype in corpus.details.items():
        values = [utterance.details[detail] for utterance in utterances]
        assert values.count(None) == UNTOLD.get((name, detail), 0)
        assert {type(value) for value in values if value is not None} == {types[dtype]}
        assert len(set(values)) > 1
    languages = {utterance.language for utterance in utterances}
    assert languages == ({"mix"} if name == "asvp_esd" else set(corpus.languages))


def test_the_language_of_every_utterance_of_esd(scanned: Scanned) -> None:
    utterances = scanned("esd")
    by_language = {
        language: {u.speaker for u in utterances if u.language == language} for language in ("zh", "en")
    }
    assert by_language["zh"] == {f"{number:04d}" for number in range(1, 11)}
    assert by_language["en"] == {f"{number:04d}" for number in range(11, 21)}


@pytest.mark.parametrize("name", NAMED)
def test_the_order_of_the_listing_does_not_matter(
    tree: Tree, scanned: Scanned, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = tree(name)
    listed = scanned(name)
    scandir = os.scandir

    class Backwards:
        def __init__(self, path: str):
            with scandir(path) as entries:
                self.entries = list(entries)[::-1]

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(os, "scandir", Backwards)
    assert corpora.load(name).scan(root) == listed


# --- The cards.


@pytest.mark.parametrize("name", corpora.names())
def test_a_card_is_whole(name: str) -> None:
    corpus = corpora.load(name)
    assert corpus.name == name
    assert set(corpus.labels.values()) <= set(VOCABULARY)
    assert set(corpus.unscored) < set(corpus.label_list)
    assert corpus.label_list == (*corpus.scored_labels, *corpus.unscored) or corpus.unscored
    assert corpus.homepage.startswith("http") or name == "demo"
    assert corpus.licence
    assert corpus.citation.startswith("@") or name == "demo"
    assert set(corpus.details.values()) <= {"string", "int32", "float32"}
    if isinstance(corpus.folds, SpeakerFolds):
        assert corpus.speakers == sum(map(len, corpus.folds.groups))
        assert not corpus.released_ids
    elif isinstance(corpus.folds, OwnSplit):
        assert sum(corpus.folds.sizes.values()) <= corpus.utterances
        assert not corpus.released_ids
    else:
        assert len(corpus.listed_ids) == corpus.utterances


def test_the_shared_four() -> None:
    assert {label for label in VOCABULARY if shared_four(label)} == set(SHARED_FOUR)
    assert shared_four("Excited") is None
