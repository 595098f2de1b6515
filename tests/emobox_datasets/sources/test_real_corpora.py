"""RAVDESS, EmoDB and URDU as their publishers pack them: one command from nothing to a score."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from publisher_server import PublisherServer
from tiny_corpus import tarred, zipped

from emobox_datasets import corpora
from emobox_datasets.sources.download import RECORD
from emobox_datasets.sources.source import Source
from emobox_probe.records.result import read_record

# What the copies at hand are not: byte for byte what is published, whose size and MD5 are known beforehand.
FORGET = """
from dataclasses import replace
from emobox_datasets.corpora import ravdess
source = ravdess.CORPUS.download
files = tuple(replace(file, size=None, checksum=None) for file in source.files)
ravdess.CORPUS = replace(ravdess.CORPUS, download=replace(source, files=files))
import emobox
emobox.main()
"""


def ravdess(copy: Path, publishers: PublisherServer, source: Source) -> None:
    """The copy at hand is FLAC; the archive has WAV."""
    files = {}
    for path in sorted(copy.glob("Actor_*/*.flac")):
        waveform, rate = soundfile.read(path, dtype="int16")
        sound = io.BytesIO()
        soundfile.write(sound, waveform, rate, format="WAV")
        files[f"{path.parent.name}/{path.stem}.wav"] = sound.getvalue()
    publishers.zenodo(source.record, {source.files[0].name: zipped(files), "Video_Speech_Actor_01.zip": b""})


def emodb(copy: Path, publishers: PublisherServer, source: Source) -> None:
    files = {
        path.relative_to(copy).as_posix(): path.read_bytes() for path in copy.rglob("*") if path.is_file()
    }
    publishers.files["/emodb.bilderbar.info/download/download.zip"] = zipped(files)


def urdu(copy: Path, publishers: PublisherServer, source: Source) -> None:
    top = f"URDU-Dataset-{source.revision}"
    paths = [path for path in sorted(copy.rglob("*")) if path.is_file()]
    files = {f"{top}/{path.relative_to(copy).as_posix()}": path.read_bytes() for path in paths}
    publishers.github(source.record, source.revision, tarred(files, source.revision))


@pytest.mark.slow
@pytest.mark.parametrize("pack", [ravdess, emodb, urdu])
def test_one_command_from_nothing_to_a_score(
    pack: Callable[[Path, PublisherServer, Source], None],
    publishers: PublisherServer,
    shared_assets: Path,
    tmp_path: Path,
) -> None:
    corpus = corpora.load(pack.__name__)
    assert isinstance(corpus.download, Source)
    pack(shared_assets / "corpora" / corpus.name, publishers, corpus.download)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "EMOBOX_DATA"))},
        "HF_HOME": str(tmp_path / "cache"),
        "EMOBOX_MIRROR": publishers.url,
        "EMOBOX_ACCEPT_LICENCE": "emodb,urdu",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    words = [
        "probe",
        "--model",
        "builtin:logmel",
        "--corpus",
        corpus.name,
        "--folds",
        "fold1",
        "--output-dir",
        "runs",
    ]
    done = subprocess.run(
        [sys.executable, "-c", FORGET, *words], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Its licence: {corpus.licence}." in done.stderr
    root = tmp_path / "cache/emobox/corpora" / corpus.name
    assert json.loads((root / RECORD).read_text())["problems"] == []
    assert not list(root.parent.glob(f".{corpus.name}.download"))
    (folder,) = (tmp_path / "runs").rglob("result.json")
    record = read_record(folder.parent)
    assert record.corpus.utterances == corpus.utterances
    assert record.headline.ua > 1.5 / len(corpus.scored_labels), "better than chance"
