"""Broken annotation files: the error names file and line (or entry), and no corpus shrinks in silence."""

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from publishers import lay_out, released, roomy_folder

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError


@pytest.fixture
def small() -> Iterator[Callable[[str], Path]]:
    """Lays out a few utterances of a corpus: enough for broken files, since reading stops at the first error."""

    def make(corpus: str) -> Path:
        rows = released(corpus)
        if corpus in ("meld", "mer2023", "resd"):
            rows = rows.groupby(["split", rows.path.str.split("/").str[-2]]).head(3)
        elif corpus == "pavoque":
            rows = rows.groupby("path").head(3)
        elif corpus == "m3ed":
            rows = rows.groupby("split").head(20)
        else:
            rows = rows.head(20)
        return lay_out(folder / corpus, corpus, rows)

    with roomy_folder() as folder:
        yield make


def edit(root: Path, file: str, old: str, new: str) -> Path:
    path = next(root.rglob(file))
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())
    return path


ANNOTATIONS = {
    "emns": ["metadata.csv"],
    "emozionalmente": ["samples.csv", "users.csv"],
    "m3ed": ["annotation.json", "movie_list_val.txt"],
    "meld": ["train_sent_emo.csv", "dev_sent_emo.csv", "test_sent_emo.csv"],
    "mer2023": ["train-label.csv", "test3-label.csv"],
    "msp_podcast": ["labels_concensus.json"],
    "pavoque": ["pavoque-outtakes.yaml"],
    "resd": ["train.csv", "test.csv"],
}


@pytest.mark.parametrize("corpus", sorted(ANNOTATIONS))
def test_a_missing_annotation_file_is_named(small: Callable[[str], Path], corpus: str) -> None:
    for file in ANNOTATIONS[corpus]:
        root = small(corpus)
        next(root.rglob(file)).unlink()
        with pytest.raises(
            CorpusError, match=rf"Expected the file [\w/]*{file} below {root}, but found none"
        ):
            corpora.load(corpus).find(root)
        shutil.rmtree(root)


@pytest.mark.parametrize(
    ("corpus", "file", "column"),
    [
        ("emns", "metadata.csv", "emotion"),
        ("emozionalmente", "samples.csv", "emotion_expressed"),
        ("emozionalmente", "users.csv", "username"),
        ("meld", "dev_sent_emo.csv", "Speaker"),
        ("mer2023", "test1-label.csv", "discrete"),
        ("resd", "test.csv", "emotion"),
    ],
)
def test_a_missing_column_is_named_with_file_and_line(
    small: Callable[[str], Path], corpus: str, file: str, column: str
) -> None:
    root = small(corpus)
    path = edit(root, file, column, "something")
    with pytest.raises(
        CorpusError, match=rf"Expected column {column} in {re.escape(str(path))}, line 1, but got .*something"
    ):
        corpora.load(corpus).find(root)


@pytest.mark.parametrize(
    ("corpus", "file", "old", "new", "message"),
    [
        (
            "emns",
            "metadata.csv",
            "|Disgust|",
            "|Digust|",
            r"Expected one of the raw labels .*FILE, line \d+, but got",
        ),
        (
            "emozionalmente",
            "samples.csv",
            ",anger",
            ",angry",
            r"raw labels .*FILE, line \d+, but got 'angry'",
        ),
        (
            "iemocap",
            "Ses01F_impro04.txt",
            "\tneu\t",
            "\tneutral\t",
            r"Expected time span.* FILE, line 3, but got",
        ),
        ("iemocap", "Ses01F_impro04.txt", "\tneu\t", "\tbor\t", r"raw labels .*FILE, line 3, but got 'bor'"),
        (
            "m3ed",
            "annotation.json",
            '"Neutral"\n',
            '"Bored"\n',
            r"raw labels .*FILE, utterance \w+, but got 'Bored'",
        ),
        (
            "m3ed",
            "annotation.json",
            '"Name"',
            '"Nome"',
            r"Expected Name below SpeakerInfo > \w in FILE, but it is",
        ),
        (
            "m3ed",
            "annotation.json",
            '"final_main_emo"',
            '"final"',
            r"Expected final_main_emo below .*Emo.* in FILE",
        ),
        (
            "m3ed",
            "annotation.json",
            '"Speaker":',
            '"Speaker"',
            r"Expected JSON in FILE, line \d+, but got Expecting",
        ),
        (
            "m3ed",
            "movie_list_train.txt",
            "shaonianpai",
            "",
            r"Expected shaonianpai of .*annotation.json in one of",
        ),
        (
            "meld",
            "train_sent_emo.csv",
            "Chandler,neutral",
            "Chandler,shock",
            r"raw labels .*FILE, line \d+, but got 'shock'",
        ),
        (
            "mer2023",
            "train-label.csv",
            ",neutral,-1.5",
            "",
            r"Expected a value for column discrete in FILE, line 2",
        ),
        (
            "msp_podcast",
            "labels_concensus.json",
            '"Validation"',
            '"Test3"',
            r"Expected Split_Set .*FILE.*'Test3'",
        ),
        (
            "msp_podcast",
            "labels_concensus.json",
            '"SpkrID"',
            '"Speaker"',
            r"Expected SpkrID below .* in FILE",
        ),
        (
            "msp_podcast",
            "labels_concensus.json",
            ',\n  "Split',
            '\n  "Split',
            r"Expected JSON in FILE, line 9, but",
        ),
        (
            "pavoque",
            "pavoque-sad.yaml",
            "style:",
            "stile:",
            r"Expected style in the entry of FILE, line 1, but got",
        ),
        (
            "pavoque",
            "pavoque-sad.yaml",
            "end: ",
            "end: x",
            r"Expected seconds in the entry of FILE, line 1, but",
        ),
        ("pavoque", "pavoque-sad.yaml", "vier'", "vier", r"Expected YAML in FILE, line \d+, but got"),
        (
            "pavoque",
            "pavoque-sad.yaml",
            "style: sad",
            "style: bad",
            r"raw labels .*FILE, line 1, but got 'bad'",
        ),
        ("resd", "train.csv", ",happiness", ",joy", r"raw labels .*FILE, line \d+, but got 'joy'"),
    ],
)
def test_broken_annotations_are_named_with_file_and_line(
    small: Callable[[str], Path], corpus: str, file: str, old: str, new: str, message: str
) -> None:
    root = small(corpus)
    path = edit(root, file, old, new)
    with pytest.raises(CorpusError, match=message.replace("FILE", re.escape(str(path)))):
        corpora.load(corpus).find(root)


@pytest.mark.parametrize(
    ("corpus", "file", "delimiter"), [("emns", "metadata.csv", "|"), ("emozionalmente", "samples.csv", ",")]
)
def test_a_missing_row_is_named_by_its_audio(
    small: Callable[[str], Path], corpus: str, file: str, delimiter: str
) -> None:
    root = small(corpus)
    path = next(root.rglob(file))
    rows = list(csv.reader(path.open(encoding="utf-8", newline=""), delimiter=delimiter))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows[:-1])
    with pytest.raises(
        CorpusError, match=rf"Expected a row for every audio file in .*{file}, but got none for"
    ):
        corpora.load(corpus).find(root)


def test_a_row_twice_is_named_with_both_lines(small: Callable[[str], Path]) -> None:
    root = small("emozionalmente")
    path = next(root.rglob("users.csv"))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]), encoding="utf-8")
    with pytest.raises(
        CorpusError, match=rf"Expected one row for \w+ in .*, but got lines 2 and {len(lines) + 1}"
    ):
        corpora.load("emozionalmente").find(root)


def test_an_actor_without_a_row_is_named(small: Callable[[str], Path]) -> None:
    root = small("emozionalmente")
    path = next(root.rglob("users.csv"))
    path.write_text("username,gender,age\n", encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"Expected a row for actor \w+ of .*samples.csv, line \d+ in metadata/users"
    ):
        corpora.load("emozionalmente").find(root)


def test_annotated_audio_that_is_not_there_is_named(small: Callable[[str], Path]) -> None:
    root = small("resd")
    audio = next(root.rglob("[0-9]*.wav"))
    audio.unlink()
    assert corpora.load("resd").find(root).absent == [f"resd-{audio.name}"]
    with pytest.raises(CorpusError, match=rf"Missing first: resd-{audio.name}\."):
        corpora.load("resd").scan(root)


def test_one_recording_of_pavoque_missing_is_not_a_smaller_corpus(small: Callable[[str], Path]) -> None:
    root = small("pavoque")
    next(root.rglob("pavoque-sad.flac")).unlink()
    found = corpora.load("pavoque").find(root)
    assert len(found.absent) == 3
    assert all(id.endswith("-sad") for id in found.absent)


def test_too_much_of_one_part_is_an_error(tmp_path: Path) -> None:
    rows = released("resd")
    more = rows[rows.split == "test"].head(1).copy()
    more["path"] = more.path.str.replace("_010", "_999").str.replace(r"_(\d+)\.wav", "_998.wav", regex=True)
    root = lay_out(tmp_path / "resd", "resd", pd.concat([rows, more]))
    with pytest.raises(CorpusError, match="its test part should have 280, but has 281"):
        corpora.load("resd").scan(root)


@pytest.mark.parametrize(("corpus", "file"), [("resd", "test.csv"), ("mer2023", "train-label.csv")])
def test_a_row_less_is_not_a_smaller_corpus(corpus: str, file: str) -> None:
    rows = released(corpus)
    with roomy_folder() as folder:
        root = lay_out(folder, corpus, rows)
        path = next(root.rglob(file))
        path.write_text(
            "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8"
        )
        with pytest.raises(CorpusError, match=rf"Expected {len(rows)} utterances of .* 1 missing"):
            corpora.load(corpus).scan(root)
