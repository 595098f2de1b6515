"""Copies as laboratories keep them: converted, in folders of another case, with files twice."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from publishers import PUBLISHERS, lay_out, touch
from publishers import released as released_rows

from emobox_datasets import corpora
from emobox_datasets.copy.duplicates import choose, same_bytes
from emobox_datasets.copy.folder import AUDIO
from emobox_datasets.corpus import Corpus, Utterance
from emobox_datasets.errors import CorpusError
from emobox_datasets.folds.partition import partition

NAMED = [name for name in corpora.names() if name not in PUBLISHERS and name != "demo"]
Tree = Callable[[str], tuple[Path, pd.DataFrame]]
ROWS = 120


def told(utterances: list[Utterance]) -> list[Utterance]:
    """The utterances without where their files lie."""
    return [replace(utterance, path="") for utterance in utterances]


def as_released(utterances: list[Utterance]) -> dict[str, tuple[str, str | None]]:
    return {utterance.id: (utterance.raw_label, utterance.speaker) for utterance in utterances}


def some_rows(tree: Tree, name: str) -> pd.DataFrame:
    _, rows = tree(name)
    return rows.iloc[:: max(1, len(rows) // ROWS)]


def expected(rows: pd.DataFrame) -> dict[str, tuple[str, str | None]]:
    speakers = rows.speaker.astype(object).where(rows.speaker.notna(), None)
    return dict(zip(rows.id, zip(rows.raw_label, speakers, strict=True), strict=True))


def find(corpus: Corpus | str, root: Path) -> list[Utterance]:
    return (corpora.load(corpus) if isinstance(corpus, str) else corpus).find(root).utterances


# --- Converted copies.


@pytest.mark.parametrize("ending", [".flac", ".OGG"])
@pytest.mark.parametrize("name", NAMED)
def test_a_converted_copy_has_the_released_ids(tree: Tree, light_path: Path, name: str, ending: str) -> None:
    rows, corpus = some_rows(tree, name), corpora.load(name)
    touch(light_path, [path.removesuffix(corpus.ending) + ending for path in rows.path])
    findings = corpus.find(light_path)
    assert as_released(findings.utterances) == expected(rows)
    assert findings.converted == findings.utterances
    assert all(utterance.path.endswith(ending) for utterance in findings.utterances)


@pytest.mark.parametrize("name", NAMED)
def test_the_case_of_an_ending_is_no_conversion(tree: Tree, light_path: Path, name: str) -> None:
    rows, corpus = some_rows(tree, name), corpora.load(name)
    touch(light_path, [path.removesuffix(corpus.ending) + corpus.ending.upper() for path in rows.path])
    findings = corpus.find(light_path)
    assert as_released(findings.utterances) == expected(rows)
    assert not findings.converted


def few_rows(name: str) -> pd.DataFrame:
    """Three utterances of every folder, part and ending."""
    rows = released_rows(name)
    folders = rows.path.str.rpartition("/")[0]
    folders = folders.where(folders != "", rows.path)
    endings = rows.path.str.rpartition(".")[2]
    return rows.groupby([folders, endings, rows.split.astype(object).fillna("")]).head(3).head(200)


@pytest.mark.parametrize("name", sorted(PUBLISHERS))
def test_a_converted_copy_with_annotation_files_has_the_released_ids(light_path: Path, name: str) -> None:
    corpus, rows = corpora.load(name), few_rows(name)
    root = lay_out(light_path / name, name, rows)
    before = corpus.find(root)
    assert before.utterances
    assert not before.converted
    for path in [path for path in root.rglob("*") if path.suffix in AUDIO]:
        path.rename(path.with_suffix(".opus"))
    after = corpus.find(root)
    assert told(after.utterances) == told(before.utterances)
    assert {utterance.id for utterance in after.utterances} == set(rows.id)
    assert after.converted == after.utterances


def test_every_card_says_how_its_files_end(released: pd.DataFrame) -> None:
    endings = released.groupby("corpus").path.agg(lambda paths: set(paths.str.extract(r"(\.\w+)$")[0]))
    assert endings.pop("mer2023") == {".avi", ".mp4"}
    assert {name: {corpora.load(name).ending} for name in endings.index} == endings.to_dict()


def test_ravdess_as_flac_loads_with_the_released_folds(
    shared_assets: Path, released: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    corpus, root = corpora.load("ravdess"), shared_assets / "corpora/ravdess"
    utterances = corpus.scan(root)
    assert "Read 1440 files of RAVDESS that are in another container than published" in caplog.text
    rows = released[released.corpus == "ravdess"]
    assert as_released(utterances) == expected(rows)
    assert len(corpus.find(root).converted) == len(rows) == 1440
    for fold in range(1, 7):
        parts = partition(corpus, f"fold{fold}", utterances)
        assert {utterances[row].id for row in parts["test"]} == set(rows.id[rows.test_fold == fold])


def test_the_published_file_is_used_and_the_converted_one_told(
    tree: Tree, light_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, rows = tree("emodb")
    touch(light_path, [*rows.path, "wav/03a01Fa.flac", "16k/03a01Fa.mp3"])
    (light_path / "wav/03a01Fa.flac").write_bytes(b"other samples")
    findings = corpora.load("emodb").find(light_path)
    assert as_released(findings.utterances) == expected(rows)
    assert not findings.converted
    assert [Path(utterance.path).name for utterance in findings.surplus] == ["03a01Fa.mp3", "03a01Fa.flac"]
    corpora.load("emodb").scan(light_path)
    assert "Left out 2 converted files of EmoDB beside the published ones" in caplog.text


@pytest.mark.parametrize("name", ["emodb", "resd"])
def test_two_conversions_that_differ_are_an_error(tree: Tree, light_path: Path, name: str) -> None:
    rows = some_rows(tree, name)
    root = light_path / name
    lay_out(root, name, rows) if name in PUBLISHERS else touch(root, rows.path)
    original = next(path for path in sorted(root.rglob("*.wav")) if "MACOSX" not in str(path))
    original.with_suffix(".mp3").write_bytes(b"one")
    original.rename(original.with_suffix(".flac"))
    with pytest.raises(CorpusError, match=r"Expected one file for .*\.(flac|mp3) and .*\.(flac|mp3)"):
        find(name, root)


# --- Files twice.


def test_of_several_files_the_published_one_is_chosen(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a.flac", "b.wav", "c.WAV", "d.mp3")]
    for path in paths:
        Path(path).write_bytes(b"same")
    choice = choose(paths, ".wav", "a")
    assert (choice.file, choice.equal, choice.converted) == (paths[1], [paths[2]], [paths[0], paths[3]])
    assert choose(paths[:1] + paths[3:], ".wav", "a").equal == [paths[3]]
    Path(paths[2]).write_bytes(b"else")
    with pytest.raises(
        CorpusError, match=r"one file for a, but got .*b\.wav and .*c\.WAV, which are not equal"
    ):
        choose(paths, ".wav", "a")


def test_bytes_are_read_only_where_sizes_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, linked = (tmp_path / name for name in ("one", "other", "linked"))
    one.write_bytes(b"same"), other.write_bytes(b"longer"), linked.symlink_to(one)
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *arguments, **keywords: opened.append(arguments))
    assert not same_bytes(str(one), str(other))
    assert same_bytes(str(one), str(linked))
    assert not same_bytes(str(one), str(tmp_path / "nowhere"))
    assert not opened


@pytest.mark.parametrize("name", ["casia", "emodb", "mead", "polish", "turev_db"])
def test_equal_copies_count_once_and_others_are_an_error(tree: Tree, light_path: Path, name: str) -> None:
    rows = some_rows(tree, name)
    touch(light_path, [*rows.path, *(f"backup/{path}" for path in rows.path)])
    findings = corpora.load(name).find(light_path)
    assert as_released(findings.utterances) == expected(rows)
    assert len(findings.equal_copies) == len(rows)
    assert not findings.left_out
    (light_path / "backup" / rows.path.iloc[0]).write_bytes(b"another recording")
    with pytest.raises(CorpusError, match=r"one file for utterance .* which are not equal"):
        find(name, light_path)


@pytest.mark.parametrize("name", sorted(PUBLISHERS))
def test_a_corpus_with_annotation_files_may_lie_there_twice(light_path: Path, name: str) -> None:
    corpus, rows = corpora.load(name), few_rows(name)
    once = told(find(name, lay_out(light_path / "once", name, rows)))
    for half in ("first", "second"):
        lay_out(light_path / "twice" / half, name, rows)
    findings = corpus.find(light_path / "twice")
    assert told(findings.utterances) == once
    assert len({copy.path for copy in findings.equal_copies}) == len({u.path for u in findings.utterances})
    assert any(": equal to first/" in note for note in findings.ignored)


def test_tables_that_differ_are_an_error(light_path: Path) -> None:
    rows = few_rows("meld")
    for half in ("first", "second"):
        lay_out(light_path / half, "meld", rows)
    table = next((light_path / "second").rglob("dev_sent_emo.csv"))
    table.write_bytes(table.read_bytes() + b"\n")
    with pytest.raises(CorpusError, match=r"first/.*dev_sent_emo\.csv and .*second/.*which are not equal"):
        find("meld", light_path)


def test_an_utterance_that_a_table_lists_twice_is_an_error(light_path: Path) -> None:
    rows = few_rows("resd")
    root = lay_out(light_path, "resd", pd.concat([rows, rows.head(1)]))
    with pytest.raises(CorpusError, match=r"Expected utterance resd-\S+ .*of RESD once, but got it twice"):
        find("resd", root)


# --- Folders.

OTHER_CASE: dict[str, tuple[str, ...]] = {
    "casia": ("ZhaoZuoxiang/Angry/201.wav", "casia-201-zhaozuoxiang-angry"),
    "emov_db": ("BEA_DISGUSTED/disgust_57-84_0062.wav", "emovdb-bea-Disgust-0062"),
    "emovo": ("F3/NEU-F3-D2.wav", "emovo-neu-f3-d2"),
    "enterface": ("Subject 37/Disgust/Sentence 3/s37_di_3.avi", "enterface-s37_di_3.avi"),
    "esd": ("0013/neutral/TRAIN/0013_000223.wav", "esd-0013-000223"),
    "jl_corpus": ("Female1_happy_3A_2.wav", "jlcorpus-female1-happy-3a-2"),
    "mead": ("m042/Audio/Neutral/Level_1/037.m4a", "mead-M042-neutral-level-1-037"),
    "polish": ("M5.s_nie_2.WAV", "polish-m5.s_nie_2"),
    "savee": ("AudioData/dc/A01.wav", "savee-DC-a01"),
    "subesco": ("m_01_bashir_s_2_happy_4.wav", "subesco-M_01_BASHIR_S_2_HAPPY_4"),
    "turev_db": ("sound source/HAPPY/1234_mt_tahta.wav", "turevdb-1234_mt_tahta.wav"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OTHER_CASE))
def test_folders_and_speakers_in_another_case_are_found(
    light_path: Path, released: pd.DataFrame, name: str
) -> None:
    path, id = OTHER_CASE[name]
    touch(light_path, [path])
    assert as_released(find(name, light_path)) == expected(released[released.id == id])


def test_the_folder_that_a_pattern_names_may_be_the_root(tree: Tree, light_path: Path) -> None:
    _, rows = tree("turev_db")
    touch(light_path, rows.path)
    inside = light_path / "Sound Source"
    assert as_released(corpora.load("turev_db").scan(inside)) == expected(rows)
    before = Path.cwd()
    try:
        os.chdir(inside)
        assert len(find("turev_db", Path("."))) == len(rows)
    finally:
        os.chdir(before)


# --- Who speaks in MELD.


def test_the_speakers_of_meld_are_the_release_s_in_every_edition(light_path: Path) -> None:
    """In later tables one utterance of Ross is Joey's; which one does not matter to the sizes of strict folds."""
    corpus, rows = corpora.load("meld"), released_rows("meld").sort_values("id", ignore_index=True)
    later = rows.assign(
        speaker=rows.speaker.where(rows.index != rows.index[rows.speaker == "Ross"][0], "Joey")
    )
    utterances = find("meld", lay_out(light_path, "meld", later))
    assert as_released(utterances) == expected(rows)
    of_tables = [replace(u, speaker=speaker) for u, speaker in zip(utterances, later.speaker, strict=True)]
    tested = [
        [{items[row].id for row in partition(corpus, f"strict{k}", items)["test"]} for k in range(1, 5)]
        for items in (utterances, of_tables)
    ]
    moved = [len(ours - theirs) for ours, theirs in zip(*tested, strict=True)]
    assert sorted(moved) == [0, 0, 177, 177]
