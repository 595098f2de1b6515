"""The corpora as their publishers, and Kaggle, ship them: the same utterances, however they are unpacked."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import pandas as pd
import pytest
from publishers import PUBLISHERS, touch

from emobox_datasets import corpora
from emobox_datasets.corpus import Utterance

Paths = list[str]
Tree = Callable[[str], tuple[Path, pd.DataFrame]]
Scanned = Callable[[str], list[Utterance]]


def told(utterances: list[Utterance]) -> list[Utterance]:
    """The utterances without where their files lie."""
    return [replace(utterance, path="") for utterance in utterances]


def below(folder: str) -> Callable[[Paths], Paths]:
    return lambda paths: [f"{folder}/{path}" for path in paths]


def flat(paths: Paths) -> Paths:
    return [path.rpartition("/")[2] for path in paths]


def renamed(pattern: str, replacement: str) -> Callable[[Paths], Paths]:
    return lambda paths: [re.sub(pattern, replacement, path) for path in paths]


def cafe_unpacked(form: str) -> Callable[[Paths], Paths]:
    """The folders in their French spelling, accents composed (NFC) or not (NFD)."""
    french = {"C": "Colère", "D": "Dégoût"}

    def spell(path: str) -> str:
        emotion = path.rpartition("/")[2].split("-")[1]
        parts = path.split("/")
        return normalize(form, "/".join([parts[0], french.get(emotion, parts[1]), *parts[2:]]))

    return lambda paths: [spell(path) for path in paths]


def esd_in_parts(paths: Paths) -> Paths:
    """As the archive has it: of each emotion 20 sentences to evaluate, 30 to test, 300 to train."""

    def part(path: str) -> str:
        number = (int(path[-10:-4]) - 1) % 350
        folder, _, name = path.rpartition("/")
        return f"{folder}/{'evaluation' if number < 20 else 'test' if number < 50 else 'train'}/{name}"

    return below("Emotion Speech Dataset")(
        [*map(part, paths), *(f"{n:04d}/{n:04d}.txt" for n in range(1, 21))]
    )


def tess_in_folders(paths: Paths) -> Paths:
    folders = {"ps": "pleasant_surprise", "sad": "Sad", "fear": "Fear"}

    def folder(path: str) -> str:
        speaker, _, emotion = path.removesuffix(".wav").split("_")
        return f"{speaker}_{folders.get(emotion, emotion)}/{path}".replace(
            "OAF_bite_neutral", "OA_bite_neutral"
        )

    once = [folder(path) for path in paths]
    return [*once, *below("TESS Toronto emotional speech set data")(once)]


def emov_db_sorted(paths: Paths) -> Paths:
    """Folders in folders, and texts that were recorded a second time."""
    sorted_paths = renamed(r"^([a-z]+)_", r"EmoV-DB_sorted/\1/")(paths)
    again = [re.sub(r"_\d+([-_])\d+_", r"_900\g<1>928_", path) for path in sorted_paths[::60]]
    return sorted_paths + again


VARIANTS: dict[str, list[Callable[[Paths], Paths]]] = {
    "aesdd": [lambda paths: below("Acted Emotional Speech Dynamic Database")([*paths, "sadness/s05 (3).wav"])],
    "ased": [below("ASED_V1-main"), flat],
    "asvp_esd": [below("ASVP-ESD-Update")],
    "cafe": [cafe_unpacked("NFC"), cafe_unpacked("NFD"), flat],
    "casia": [below("CASIA database")],
    "crema_d": [
        lambda paths: [
            *(path.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X") for path in paths),
            *(path.replace("AudioWAV", "AudioMP3").replace(".wav", ".mp3") for path in paths),
            "SentenceFilenames.csv",
        ]
    ],
    "emodb": [lambda paths: [*paths, "erkannt.txt", "lablaut/03a01Fa.lablaut"], flat],
    "emov_db": [emov_db_sorted],
    "emovo": [lambda paths: below("EMOVO")([*paths, "documents/readme.pdf"])],
    "enterface": [below("enterface database")],
    "esd": [esd_in_parts],
    "jl_corpus": [flat, lambda paths: [*paths, *(path.replace(".wav", ".txt") for path in paths)]],
    "mead": [lambda paths: below("MEAD")([*paths, "M003/video/front/angry/level_1/001.mp4"])],
    "mesd": [flat],
    "oreau": [lambda paths: [normalize("NFC", path) for path in paths], flat],
    "polish": [below("Speech_emotions")],
    "ravdess": [
        renamed("^audio/Audio_Speech_Actors_01-24/", ""),
        lambda paths: [*renamed("^audio/Audio", "audio")(paths), *renamed("^audio/[^/]+/", "")(paths)],
        lambda paths: [*paths, "Actor_01/03-02-01-01-01-01-01.wav", "Actor_01/01-01-01-01-01-01-01.mp4"],
    ],
    "savee": [renamed("^([A-Z]+)_", r"AudioData/\1/"), below("ALL")],
    "shemo": [lambda paths: below("ShEMO")([*paths, "male/M01N99.wav", "transcript/M01N99.txt"]), flat],
    "subesco": [below("SUBESCO")],
    "tess": [tess_in_folders],
    "turev_db": [
        lambda paths: below("TurEV-DB-master")(
            [*paths, *(f"Model Output for Test Data/500HighPass/sound/{path[13:]}" for path in paths[::3])]
        )
    ],
    "urdu": [flat],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shipped"), [(name, shipped) for name in VARIANTS for shipped in VARIANTS[name]]
)
def test_the_archive_as_shipped_yields_the_same(
    tree: Tree, scanned: Scanned, light_path: Path, name: str, shipped: Callable[[Paths], Paths]
) -> None:
    _, rows = tree(name)
    some = slice(None, None, 10 if len(rows) > 10_000 else 1)
    touch(light_path, [*shipped(list(rows.path[some])), ".DS_Store", "__MACOSX/._a.wav"])
    found = corpora.load(name).scan(light_path, allow_missing=len(rows) > 10_000)
    assert told(found) == told(scanned(name)[some])


def test_every_corpus_has_a_variant() -> None:
    named = [name for name in corpora.names() if name not in PUBLISHERS and name != "demo"]
    assert sorted(VARIANTS) == named


def test_of_two_recordings_the_one_the_release_names_is_chosen(tree: Tree, light_path: Path) -> None:
    _, rows = tree("emov_db")
    touch(light_path, emov_db_sorted(list(rows.path)))
    findings = corpora.load("emov_db").find(light_path)
    assert not any("_900" in utterance.path for utterance in findings.utterances)
    assert len(findings.left_out) == len(rows.path[::60])
    assert all("900" in utterance.path for utterance in findings.left_out)


def test_what_the_release_does_not_have_is_left_out_and_told(
    tree: Tree, light_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, rows = tree("aesdd")
    touch(light_path, [*rows.path, "sadness/s05 (3).wav"])
    findings = corpora.load("aesdd").find(light_path)
    assert [utterance.id for utterance in findings.left_out] == ["aesdd-s05-3"]
    corpora.load("aesdd").scan(light_path)
    assert "Left out 1 files of AESDD that the release does not mean, first" in caplog.text
