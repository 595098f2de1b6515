"""Copies that are not the corpus: incomplete, doubled, strange. Every error names what it is about."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from publishers import PUBLISHERS, touch

from emobox_datasets import corpora
from emobox_datasets.corpus import Corpus, OwnSplit
from emobox_datasets.errors import CorpusError

NAMED = [name for name in corpora.names() if name not in PUBLISHERS and name != "demo"]
Tree = Callable[[str], tuple[Path, pd.DataFrame]]


def without(tree: Tree, name: str, root: Path, missing: int) -> pd.DataFrame:
    _, rows = tree(name)
    touch(root, rows.path[missing:])
    return rows


def test_a_partial_copy_is_counted_and_named(tree: Tree, light_path: Path) -> None:
    rows = without(tree, "ased", light_path, 7)
    corpus = corpora.load("ased")
    with pytest.raises(CorpusError) as caught:
        corpus.scan(light_path)
    for part in ("2474", "2467", "7 missing", ", ".join(rows.id[:5]), "--allow-missing", corpus.homepage):
        assert part in str(caught.value)
    assert len(corpus.scan(light_path, allow_missing=True)) == 2467


def test_a_partial_copy_without_lists_names_the_speakers(tree: Tree, light_path: Path) -> None:
    _, rows = tree("polish")
    touch(light_path, rows.path[(rows.speaker != "m4") & (rows.id != "polish-m2.a_nie_1")])
    with pytest.raises(CorpusError, match=r"91 missing.*m4 \(0\), m2 \(89\), m1 \(90\)"):
        corpora.load("polish").scan(light_path)


def test_names_in_another_case_are_told(tree: Tree, light_path: Path) -> None:
    """Upper case would be other emotions in EmoDB's names, so it is not guessed at."""
    _, rows = tree("emodb")
    touch(light_path / "upper", [path.upper() for path in rows.path])
    said = r"found none; .*in case only: 535, first WAV/03A01FA\.WAV, .*; give them the published names"
    with pytest.raises(CorpusError, match=said):
        corpora.load("emodb").scan(light_path / "upper")
    touch(light_path / "mixed", [rows.path[0].upper(), *rows.path[1:]])
    with pytest.raises(CorpusError, match=r"1 missing.* in case only: 1, first WAV/03A01FA"):
        corpora.load("emodb").scan(light_path / "mixed")


def test_a_renamed_file_is_named_by_both_names(tree: Tree, light_path: Path) -> None:
    _, rows = tree("emodb")
    touch(light_path, [*rows.path[1:], "wav/03a01Fz.wav"])
    said = f"does not have 1 of them, first emodb-03a01Fz; .* Missing: 1, first {rows.id[0]}"
    with pytest.raises(CorpusError, match=said):
        corpora.load("emodb").scan(light_path)


def test_an_empty_folder_says_what_was_looked_for(light_path: Path) -> None:
    for name in NAMED:
        corpus = corpora.load(name)
        with pytest.raises(CorpusError, match=re.escape(corpus.example)):
            corpus.scan(light_path, allow_missing=True)


def test_two_files_that_claim_one_id_are_named(tree: Tree, light_path: Path) -> None:
    _, rows = tree("savee")
    touch(light_path, [*rows.path, "AudioData/DC/a01.wav"])
    (light_path / "AudioData/DC/a01.wav").write_bytes(b"another recording")
    with pytest.raises(
        CorpusError, match=r"savee-DC-a01 of SAVEE.*/AudioData/DC/a01\.wav and .*/DC_a01\.wav"
    ):
        corpora.load("savee").scan(light_path)


@pytest.mark.parametrize(
    ("name", "path", "label"),
    [
        ("crema_d", "AudioWAV/1001_DFA_JOY_XX.wav", "JOY"),
        ("esd", "0011/Bored/0011_000001.wav", "Bored"),
        ("ravdess", "Actor_01/03-01-09-01-01-01-01.wav", "09"),
        ("shemo", "male/M01X01.wav", "X"),
        ("tess", "OAF_calm_calm.wav", "calm"),
        ("asvp_esd", "Audio/actor_1/03-01-99-01-01-01-02-02.wav", "99"),
    ],
)
def test_an_unknown_raw_label_is_named(light_path: Path, name: str, path: str, label: str) -> None:
    touch(light_path, [path])
    with pytest.raises(
        CorpusError, match=f"raw labels .* in {re.escape(f'{light_path}/{path}')}, but got '{label}'"
    ):
        corpora.load(name).scan(light_path)


def test_an_utterance_the_release_does_not_have_is_named(tree: Tree, light_path: Path) -> None:
    _, rows = tree("mesd")
    touch(light_path, [*rows.path, "Anger_F_A_queso.wav"])
    with pytest.raises(CorpusError, match=r"does not have 1 of them, first mesd-Anger_F_A_queso"):
        corpora.load("mesd").scan(light_path)


def test_a_speaker_the_corpus_does_not_have_is_named(tree: Tree, light_path: Path) -> None:
    _, rows = tree("polish")
    touch(light_path, [*rows.path[1:], "m9.s_nie_2.wav"])
    with pytest.raises(CorpusError, match=r"m9\.s_nie_2\.wav is of speaker m9"):
        corpora.load("polish").scan(light_path)


def own_split(read: list[tuple[str | None, dict[str, object]]], **sizes: int) -> Corpus:
    known = corpora.load("polish")
    total = sum(sizes.values())
    return replace(known, name="toy", utterances=total, folds=OwnSplit(**sizes), read=lambda folder: read)


def test_parts_that_are_too_large_are_an_error(light_path: Path) -> None:
    row = {"raw_label": "a", "speaker": "m1", "word": "no", "take": 1}
    read: list[tuple[str | None, dict[str, object]]] = [
        (f"{n}.wav", {**row, "id": str(n), "split": "train"}) for n in range(3)
    ]
    with pytest.raises(CorpusError, match="train part should have 2, but has 3"):
        own_split(read, train=2, test=1).scan(light_path)
    assert len(own_split(read, train=3, test=0).scan(light_path)) == 3


def test_annotated_audio_that_is_absent_is_named(light_path: Path) -> None:
    row = {"raw_label": "a", "speaker": "m1", "split": "test", "word": "no", "take": 1}
    read: list[tuple[str | None, dict[str, object]]] = [("a.wav", row), (None, {**row, "id": "b"})]
    with pytest.raises(CorpusError, match=r"1 missing\. Missing first: toy-b"):
        own_split(read, train=0, test=2).scan(light_path)


def test_the_label_error_names_the_line_of_an_annotation_file(light_path: Path) -> None:
    read: list[tuple[str | None, dict[str, object]]] = [
        ("a.wav", {"raw_label": "zzz", "origin": "labels.csv, line 7"})
    ]
    with pytest.raises(CorpusError, match=r"in labels\.csv, line 7, but got 'zzz'"):
        own_split(read, train=1, test=0).scan(light_path)


def test_a_detail_that_is_no_number_is_named(light_path: Path) -> None:
    read: list[tuple[str | None, dict[str, object]]] = [
        ("a.wav", {"raw_label": "a", "take": "two", "origin": "labels.csv, line 7"})
    ]
    with pytest.raises(CorpusError, match=r"number as take in labels\.csv, line 7, but got 'two'"):
        own_split(read, train=1, test=0).scan(light_path)


def test_a_part_that_does_not_exist_is_a_mistake_of_the_card(light_path: Path) -> None:
    with pytest.raises(ValueError, match="split to be one of"):
        own_split([("a.wav", {"raw_label": "a", "split": "dev"})], train=1, test=0).scan(light_path)
