"""Annotation files: found by name, read whole, and every mistake in them named with file and line."""

from pathlib import Path

import pytest

from emobox_datasets.copy.annotations import by_column, entry, pair, read_json, read_table, read_text
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.errors import CorpusError


def folder(root: Path, **files: str | bytes) -> CorpusFolder:
    """Files by name, `__` for a folder and `_csv` for an extension."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_csv", ".csv").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return CorpusFolder(root)


def test_a_file_is_found_by_the_end_of_its_path(tmp_path: Path) -> None:
    found = folder(tmp_path, outer__metadata__samples_csv="", outer__other_csv="")
    assert found.find_one("samples.csv") == "outer/metadata/samples.csv"
    assert found.find_one("metadata/samples.csv") == "outer/metadata/samples.csv"
    with pytest.raises(CorpusError, match=rf"the file metadata/other\.csv below {tmp_path}, but found none"):
        found.find_one("metadata/other.csv")


def test_two_files_of_one_name_that_differ_are_an_error(tmp_path: Path) -> None:
    found = folder(tmp_path, a__labels_csv="a", b__labels_csv="b")
    with pytest.raises(CorpusError, match=r"labels\.csv below .*/a/labels\.csv and .*/b/labels\.csv"):
        found.find_one("labels.csv")
    with pytest.raises(
        CorpusError, match=r"one file for labels\.csv.* .*/a/labels\.csv and .*/b/labels\.csv"
    ):
        found.by_name(r"labels\.csv")


def test_of_two_equal_files_the_first_is_taken_and_the_other_told(tmp_path: Path) -> None:
    found = folder(tmp_path, a__labels_csv="a", b__labels_csv="a")
    assert found.find_one("labels.csv") == found.by_name(r"labels\.csv")["labels.csv"] == "a/labels.csv"
    assert [choice.equal for choice in found.copies.values()] == [[f"{tmp_path}/b/labels.csv"]]


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(file: Path, **options: str) -> str:
        """Stands in for a file without permissions, which root may read."""
        raise PermissionError(13, "Permission denied", str(file))

    found = folder(tmp_path, labels_csv="a\n1\n")
    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(
        CorpusError, match=r"read .*labels\.csv, but got Permission denied; correct its permissions"
    ):
        read_table(found, "labels.csv", ("a",))


def test_decomposed_accents_are_found(tmp_path: Path) -> None:
    (tmp_path / "Ore\u0301au.csv").write_text("a\n1\n")
    assert CorpusFolder(tmp_path).find_one("Or\u00e9au.csv") == "Ore\u0301au.csv"


def test_rows_know_their_line(tmp_path: Path) -> None:
    text = '\ufeffname|text\na|"two\nlines"\nb|one \u2028 line\x85\n'
    rows = read_table(folder(tmp_path, t_csv=text), "t.csv", ("name", "text"), delimiter="|")
    assert [(row["name"], row["text"], row.line) for row in rows] == [
        ("a", "two\nlines", 3),
        ("b", "one \u2028 line\x85", 4),
    ]
    assert rows[1].origin == f"{tmp_path}/t.csv, line 4"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,label\na,b\n", r"column split in .*t\.csv, line 1, but got name, label"),
        (b"", r"column name, split in .*t\.csv, line 1, but got an empty file"),
        (b"name,x,split\na,1,2\nb,1\n", r"value for column split in .*t\.csv, line 3"),
        (b"name,split\na,\xff\n", r"utf-8-sig text in .*t\.csv, line 2, but got byte 0xff"),
    ],
)
def test_broken_tables_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_table(folder(tmp_path, t_csv=content), "t.csv", ("name", "split"))


def test_numbers_are_checked(tmp_path: Path) -> None:
    one, other = read_table(folder(tmp_path, t_csv="start\n1.5\nlater\n"), "t.csv", ("start",))
    assert one.number("start") == 1.5
    with pytest.raises(CorpusError, match=r"number in column start of .*t\.csv, line 3, but got 'later'"):
        other.number("start")


def test_rows_by_a_column_are_unique(tmp_path: Path) -> None:
    rows = read_table(folder(tmp_path, t_csv="name\na\nb\na\n"), "t.csv", ("name",))
    assert list(by_column(rows[:2], "name")) == ["a", "b"]
    with pytest.raises(CorpusError, match=r"one row for a in .*t\.csv, but got lines 2 and 4"):
        by_column(rows, "name")


def test_rows_and_audio_are_paired(tmp_path: Path) -> None:
    rows = by_column(read_table(folder(tmp_path, t_csv="name\na\nb\n"), "t.csv", ("name",)), "name")
    assert [(path, row["name"]) for path, row in pair(rows, {"a": "x/a.wav"}, "t.csv")] == [
        ("x/a.wav", "a"),
        (None, "b"),
    ]
    with pytest.raises(
        CorpusError, match=r"row for every audio file in t\.csv, but got none for 1: x/c\.wav"
    ):
        list(pair(rows, {"c": "x/c.wav"}, "t.csv"))


def test_json_is_read_and_walked(tmp_path: Path) -> None:
    file, document = read_json(folder(tmp_path, d_json='{"a": {"b": 1}}'), "d.json")
    assert entry(file, document, "a", "b") == 1
    with pytest.raises(CorpusError, match=rf"Expected c below a in {tmp_path}/d\.json"):
        entry(file, document, "a", "c")
    with pytest.raises(CorpusError, match="Expected x below the top"):
        entry(file, document, "x")
    with pytest.raises(CorpusError, match="Expected c below a > b"):
        entry(file, document, "a", "b", "c")


def test_broken_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"JSON in .*d\.json, line 2, but got Expecting"):
        read_json(folder(tmp_path, d_json='{"a":\n}'), "d.json")


def test_text_is_read_whole(tmp_path: Path) -> None:
    file, text = read_text(folder(tmp_path, list_csv="a\r\nb\x85c\n"), "list.csv")
    assert (file, text.split("\n")) == (tmp_path / "list.csv", ["a", "b\x85c", ""])
