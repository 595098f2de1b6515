"""The nine corpora with annotation files: equal to the release in every row and every fold."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from publishers import BARE_TEXT, PUBLISHERS, TEXT, lay_out, released, roomy_folder

from emobox_datasets import corpora
from emobox_datasets.corpus import Corpus, SpeakerFolds, Utterance
from emobox_datasets.folds.partition import configurations, partition

PART_OF = {"train": "train", "valid": "validation", "test": "test", "unused": None}


@dataclass(frozen=True)
class Scanned:
    """One corpus as laid out and read, and the rows of the release that it must equal."""

    corpus: Corpus
    root: Path
    utterances: list[Utterance]
    rows: pd.DataFrame


@pytest.fixture(scope="module", params=sorted(PUBLISHERS))
def scanned(request: pytest.FixtureRequest) -> Iterator[Scanned]:
    rows, corpus = released(request.param), corpora.load(request.param)
    with roomy_folder() as folder:
        root = lay_out(folder, request.param, rows)
        yield Scanned(corpus, root, corpus.scan(root), rows)


def test_every_row_equals_the_release(scanned: Scanned) -> None:
    corpus, root, utterances, rows = scanned.corpus, scanned.root, scanned.utterances, scanned.rows
    outer = f"{root}/{corpus.name} (copy)/"
    found = pd.DataFrame(
        {
            "id": [utterance.id for utterance in utterances],
            "path": [utterance.path.removeprefix(outer) for utterance in utterances],
            "raw_label": [utterance.raw_label for utterance in utterances],
            "label": [utterance.label for utterance in utterances],
            "speaker": [utterance.speaker for utterance in utterances],
            "gender": [utterance.gender for utterance in utterances],
            "start": [utterance.start for utterance in utterances],
            "end": [utterance.end for utterance in utterances],
            # 1 in the release but for MELD says nothing: its scripts wrote it without looking.
            "channel": [utterance.channel or 1 for utterance in utterances],
            "split": [utterance.split for utterance in utterances],
        }
    )
    expected = rows.sort_values("id", ignore_index=True)
    assert len(found) == corpus.utterances == len(expected)
    compared = ["id", "path", "raw_label", "label", "speaker", "channel", "start", "end"]
    if corpus.name == "msp_podcast":
        expected["speaker"] = expected.speaker.replace("Unknown", None)
    if not isinstance(corpus.folds, SpeakerFolds) and not corpus.listed_ids:
        expected["split"] = expected.split.map(PART_OF)
        compared.append("split")
    if expected.gender.notna().any():
        compared.append("gender")
    differences = {
        column: int(
            (~((found[column] == expected[column]) | (found[column].isna() & expected[column].isna()))).sum()
        )
        for column in compared
    }
    assert differences == dict.fromkeys(compared, 0)


def test_folds_equal_the_release_and_our_own_are_sound(scanned: Scanned) -> None:
    corpus, utterances, rows = scanned.corpus, scanned.utterances, scanned.rows
    for fold in configurations(corpus).values():
        parts = partition(corpus, fold.name, utterances)
        ids = {part: {utterances[row].id for row in chosen} for part, chosen in parts.items()}
        assert sum(map(len, ids.values())) == len(set().union(*ids.values())), fold
        if fold.kind == "released":
            if rows.test_fold.notna().any():
                expected = {"test": set(rows.id[rows.test_fold == fold.number])}
                expected["train"] = set(rows.id) - expected["test"]
            else:
                known = {PART_OF[split] for split in rows.split} - {None}
                expected = {part: set(rows.id[rows.split.map(PART_OF) == part]) for part in known}
            assert ids == expected, fold
        if fold.kind == "strict":
            speakers = {part: {utterances[row].speaker for row in chosen} for part, chosen in parts.items()}
            assert not speakers["train"] & speakers["test"], fold


def test_what_else_the_corpora_tell(scanned: Scanned) -> None:
    corpus, first = scanned.corpus, scanned.utterances[0]
    assert list(first.details) == list(corpus.details)
    assert None not in first.details.values()
    if "valence" in corpus.details:
        assert isinstance(first.details["valence"], float)
    if corpus.name in ("emns", "emozionalmente", "m3ed"):
        assert first.details["text"] == TEXT
    if corpus.name == "meld":
        assert first.details["text"] == BARE_TEXT
    if corpus.name == "pavoque":
        assert first.details["text"] == 'Eins: zwei, "drei", vier'
        assert sum(utterance.details["labels_of_span"] > 1 for utterance in scanned.utterances) == 288


def test_both_spellings_of_an_apostrophe_in_meld_are_one_speaker() -> None:
    rows = released("meld")
    rows = rows[rows.speaker.str.contains("\x92")]
    with roomy_folder() as folder:
        root = lay_out(folder, "meld", rows.assign(speaker=rows.speaker.str.replace("\x92", "’")))
        assert {u.speaker for u in corpora.load("meld").find(root).utterances} == set(rows.speaker)
