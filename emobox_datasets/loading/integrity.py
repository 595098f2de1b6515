"""Whether a stored conversion still is what was written.

At every load: the sizes of its files and a checksum of all but the audio, which is a few MB of even a large corpus.
When all of the audio is read anyway, as for a fingerprint: a checksum of every utterance's.
"""

import json
import zlib
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from emobox_datasets.errors import AudioError

FILE = "emobox_integrity.json"
# An Arrow table of ids and checksums.
AUDIO_FILE = "audio.crc32"


def seal(conversion: str) -> None:
    """Record what the files of the folder of a conversion are, once all of them are written."""
    folder = Path(conversion)
    _write_audio_checksums(folder)
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != FILE)
    sealed = {path.name: {"size": path.stat().st_size, "crc32": _crc32(path)} for path in files}
    (folder / FILE).write_text(json.dumps(sealed, indent=1), encoding="utf-8")


def damage(conversion: str) -> str:
    """What is wrong with the folder of a conversion, as the end of a sentence; empty if it is whole."""
    folder = Path(conversion)
    try:
        sealed = json.loads((folder / FILE).read_text(encoding="utf-8"))
        for name, recorded in sealed.items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            if (size := path.stat().st_size) != recorded["size"]:
                return f"{name} has {size} bytes instead of {recorded['size']}"
            if _crc32(path) != recorded["crc32"]:
                return f"{name} has changed"
    except (OSError, ValueError, TypeError, AttributeError, KeyError, pa.ArrowException) as error:
        return f"it cannot be read ({error})"
    return ""


def check_audio(id: str, flac: bytes, checksums: dict[str, int]) -> None:
    """Hold the stored audio of an utterance against `audio_checksums`.

    Raises:
        AudioError: it has changed since it was stored; names the utterance.
    """
    if id in checksums and zlib.crc32(flac) != checksums[id]:
        raise AudioError(
            id,
            "what is stored of it has changed since it was converted",
            "load the corpus once with download_mode='force_redownload', which converts it again",
        )


def audio_checksums(stored: datasets.Dataset) -> dict[str, int]:
    """Id to the CRC-32 of its audio as converted; empty where a dataset is not as a conversion stored it."""
    files = {Path(file["filename"]).parent / AUDIO_FILE for file in stored.cache_files}
    tables = [_read(file) for file in files if file.is_file()]
    return {
        id: crc for table in tables for id, crc in zip(*(column.to_pylist() for column in table), strict=True)
    }


def _write_audio_checksums(folder: Path) -> None:
    ids: list[str] = []
    checksums: list[int] = []
    for path in sorted(folder.glob("*.arrow")):
        table = _read(path)
        if "audio" not in table.column_names:
            continue
        ids += table["id"].to_pylist()
        for chunk in table["audio"].chunks:
            checksums += [zlib.crc32(flac.as_buffer()) for flac in chunk.field("bytes")]
    if ids:
        table = pa.table({"id": ids, "crc32": pa.array(checksums, pa.uint32())})
        with (
            pa.OSFile(str(folder / AUDIO_FILE), "wb") as sink,
            pa.ipc.new_stream(sink, table.schema) as writer,
        ):
            writer.write_table(table)


def _read(path: Path) -> pa.Table:
    return pa.ipc.open_stream(pa.memory_map(str(path))).read_all()


def _crc32(path: Path) -> int:
    """Of all bytes; of an Arrow table schema and content, audio by its length: what is not asked for is not read."""
    if path.suffix != ".arrow":
        return zlib.crc32(path.read_bytes())
    table = _read(path)
    table.validate(full=True)  # offsets that lead out of the file would end the process, not raise
    flat = table.flatten()
    columns = [pc.binary_length(column) if pa.types.is_binary(column.type) else column for column in flat]
    sink = pa.BufferOutputStream()
    sink.write(table.schema.serialize())  # with what `datasets` has noted there of the features
    csv.write_csv(pa.table(columns, names=flat.column_names), sink)
    return zlib.crc32(sink.getvalue())
