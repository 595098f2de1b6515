"""A corpus of eight sounds, packed as publishers pack: for what is about fetching, not about the corpus."""

import gzip
import io
import os
import tarfile
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import soundfile

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_datasets.audio_files.synthesis import STYLES, VOICES, utter
from emobox_datasets.corpora import demo
from emobox_datasets.corpus import Corpus, SpeakerFolds, from_names
from emobox_datasets.sources.source import Recipe, RemoteFile, Source

NAMES = [
    f"{speaker}_{emotion}.wav" for speaker in ("ana", "bob", "eve", "kim") for emotion in ("angry", "sad")
]
FOLDER = "Tiny Corpus"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# The module of it, for EMOBOX_CORPORA; its source is that of the test.
MODULE = """
from tiny_corpus import tiny
from emobox_datasets.sources.source import RemoteFile, Recipe, Source

CORPUS = tiny({source!r}, {licence!r})
"""


def tiny(source: Source | Recipe | None, licence: str = "CC-BY-4.0") -> Corpus:
    return replace(
        demo.CORPUS,
        name="tiny",
        display_name="Tiny",
        tables=(),
        source="acted",
        licence=licence,
        homepage="https://tiny.example.org",
        labels={"angry": "Angry", "sad": "Sad"},
        utterances=len(NAMES),
        hours=sum(soundfile.info(io.BytesIO(sound)).duration for sound in sounds().values()) / 3600,
        speakers=4,
        read=from_names(r"(?P<speaker>[a-z]+)_(?P<raw_label>[a-z]+)\.wav"),
        folds=SpeakerFolds((("ana", "bob"), ("eve", "kim"))),
        example="ana_angry.wav",
        details={},
        synthesise=None,
        download=source,
    )


@cache
def sounds() -> dict[str, bytes]:
    """Base name to the bytes of a wav of about a second."""
    made = {}
    for number, name in enumerate(NAMES):
        file = io.BytesIO()
        voice, style = (
            list(VOICES.values())[number % len(VOICES)],
            list(STYLES.values())[number % len(STYLES)],
        )
        soundfile.write(file, utter(voice, style, name), SAMPLING_RATE, format="WAV")
        made[name] = file.getvalue()
    return made


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(files: dict[str, bytes], commit: str = "") -> bytes:
    """As `git archive` makes it where a commit is told: with the commit in its head."""
    packed = io.BytesIO()
    told = {"comment": commit} if commit else {}
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT, pax_headers=told) as archive,
    ):
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def in_folder(files: dict[str, bytes], folder: str = FOLDER) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def zenodo(**facts: object) -> Source:
    """A record with one archive, `tiny.zip`, of which nothing is known beforehand unless told."""
    return Source("zenodo", "4242", (RemoteFile("tiny.zip", **facts),), "here", "2026-11-28")  # type: ignore[arg-type]


def write_module(folder: Path, source: Source | None, licence: str = "CC-BY-4.0") -> dict[str, str]:
    """Variables with which other processes know the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.py").write_text(MODULE.format(source=source, licence=licence))
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    return {"EMOBOX_CORPORA": str(folder), "PYTHONPATH": path}
