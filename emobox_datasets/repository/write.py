"""A corpus as a data-only Hub dataset repository, which plain `datasets` loads without this package.

Utterances that are in the same part of every configuration share a shard, so a fold is a list of shards and no audio
is stored twice. A shard is written by one process, under another name until it is whole; a run that was killed goes
on with the shards that are there. The repository appears under its name when all of it is there.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

import emobox_datasets.corpora as corpora
from emobox_datasets.audio_files.audio import flac_checksum
from emobox_datasets.audio_files.fingerprint import fingerprint_of
from emobox_datasets.audio_files.processes import pool
from emobox_datasets.corpus import Corpus, Utterance
from emobox_datasets.errors import CorpusError, is_disk_full
from emobox_datasets.files import scratch_folder, sha256, write_whole
from emobox_datasets.folds.partition import Item, configurations, partition
from emobox_datasets.loading.builder import features_of, row_of
from emobox_datasets.loading.row_version import source_hash
from emobox_datasets.repository import prepared, target
from emobox_datasets.repository.prepared import Prepared, Shard

# A shard of some 100 to 300 MB: small enough to be sent again, large enough to be few.
SHARD_ROWS = 2_000
# `datasets` streams a shard in pieces of at least 32 MB, whatever its row groups are; so that the first example is
# heard sooner, the first shard of a large part is a small one.
FIRST_SHARD_ROWS = 64
# A row group is what a reader decodes and holds at a time.
ROW_GROUP_BYTES = 2_000_000
# Raise it with every change of this module after which a shard, or which rows are in it, would be another one:
# repositories that an earlier version wrote are then written anew. Rows have a number of their own, `ROW_VERSION`.
WRITE_VERSION = 1
# What shapes the bytes of a shard but is not our code.
LIBRARIES = ("av", "datasets", "numpy", "pyarrow", "soundfile", "soxr")

# Writes README.md and what it shows into a folder that has everything else.
Describe = Callable[[Path, Prepared], None]


@dataclass(frozen=True)
class Task:
    """One shard to write."""

    corpus: Corpus
    path: str
    utterances: Sequence[Utterance]
    parts: dict[str, str]


@dataclass(frozen=True)
class Inspected:
    """A shard as it is on disk; `lines` is what the fingerprint needs of its rows."""

    shard: Shard
    lines: list[tuple[str, str, str | None, str]]


def prepare(
    corpus: Corpus,
    root: str | Path,
    out: str | Path,
    describe: Describe,
    allow_missing: bool = False,
    jobs: int = 1,
    progress: bool = False,
) -> Prepared:
    """Write the repository of the corpus below `root` to the folder `out`.

    What is there already is left alone if it was made from the same files by the same code, and replaced as a whole
    if not.

    Raises:
        CorpusError: the corpus is not whole (unless `allow_missing`) or cannot be decoded, or `out` is something
            else than a repository of this corpus.
    """
    out = Path(out).absolute()
    with target.locked(out):
        target.check(corpus, out)
        source = _source(corpus, Path(root), allow_missing)
        if (finished := _finished(out, source)) is not None:
            _describe_again(out, finished, describe)
            return finished
        unfinished = target.unfinished_of(out)
        target.start(unfinished, source)
        tasks = plan(corpus, corpus.scan(root, allow_missing))
        try:
            inspected = list(_write_all(unfinished, tasks, jobs, progress))
        except OSError as error:
            if not is_disk_full(error):
                raise
            raise CorpusError(
                f"Expected room for the repository of {corpus.name} in {out.parent}, but the disk is full; make room "
                f"there. The shards that are written are kept: the same command goes on with the next one."
            ) from error
        made = Prepared(
            corpus=corpus.name,
            fingerprint=fingerprint_of(line for one in inspected for line in one.lines),
            audio=True,
            utterances=sum(one.shard.rows for one in inspected),
            configurations=splits_of(corpus, tasks),
            shards=[one.shard for one in inspected],
        )
        complete(unfinished, made, describe)
        target.replace(out, unfinished)
    return made


def complete(folder: Path, made: Prepared, describe: Describe) -> None:
    """Write what goes beside the shards; what an earlier run left there and no one lists goes away."""
    listed = {shard.path for shard in made.shards}
    for file in folder.glob("data/*"):
        if str(file.relative_to(folder)) not in listed:
            file.unlink()
    describe(folder, made)
    made.write(folder)
    prepared.check(folder, made, deep=False)


def cells(corpus: Corpus, items: Sequence[Item]) -> dict[tuple[str | None, ...], list[int]]:
    """Rows by the parts they are in, one for every configuration (None: in no part): the finest common refinement."""
    parts_of: list[list[str | None]] = [[] for _ in items]
    for name in configurations(corpus):
        part_of = {row: part for part, rows in partition(corpus, name, items).items() for row in rows}
        for row, parts in enumerate(parts_of):
            parts.append(part_of.get(row))
    found: dict[tuple[str | None, ...], list[int]] = {}
    for row, parts in enumerate(parts_of):
        found.setdefault(tuple(parts), []).append(row)
    return dict(sorted(found.items(), key=lambda cell: [part or "" for part in cell[0]]))


def plan(corpus: Corpus, utterances: Sequence[Utterance]) -> list[Task]:
    """The shards to write: every cell, cut into pieces of at most `SHARD_ROWS` utterances where it is large."""
    names = list(configurations(corpus))
    tasks = []
    for number, (key, rows) in enumerate(cells(corpus, utterances).items()):
        parts = {name: part for name, part in zip(names, key, strict=True) if part is not None}
        pieces = _pieces(rows)
        for position, piece in enumerate(pieces):
            path = f"data/part{number:02d}-{position:05d}-of-{len(pieces):05d}.parquet"
            tasks.append(Task(corpus, path, [utterances[row] for row in piece], parts))
    return tasks


def _pieces(rows: Sequence[int]) -> list[Sequence[int]]:
    """The rows of a part cut into those of its shards."""
    head = FIRST_SHARD_ROWS if len(rows) > 4 * FIRST_SHARD_ROWS else 0
    firsts = [0] * bool(head) + list(range(head, len(rows), SHARD_ROWS))
    return [rows[first:last] for first, last in zip(firsts, [*firsts[1:], len(rows)], strict=True)]


def splits_of(corpus: Corpus, tasks: Sequence[Task]) -> dict[str, list[str]]:
    """Every configuration with the splits that have rows, in the order of `partition`."""
    return {
        name: [
            split
            for split in ("train", "validation", "test")
            if any(task.parts.get(name) == split for task in tasks)
        ]
        for name in configurations(corpus)
    }


def loading_metadata(corpus: Corpus, made: Prepared, features: datasets.Features) -> dict[str, Any]:
    """The part of the card's YAML that makes `load_dataset` work: `configs` and `dataset_info`."""
    configs: list[dict[str, Any]] = []
    infos: list[dict[str, Any]] = []
    for name, configuration in configurations(corpus).items():
        splits = {split: made.shards_of(name, split) for split in made.configurations[name]}
        configs.append(
            {
                "config_name": name,
                "description": configuration.described(corpus.utterances - made.utterances),
                "version": made.version,
                **({"default": True} if not configs else {}),
                "data_files": [
                    {"split": split, "path": [shard.path for shard in shards]}
                    for split, shards in splits.items()
                ],
            }
        )
        sizes = datasets.splits.SplitDict()
        for split, shards in splits.items():
            size, rows = sum(shard.arrow for shard in shards), sum(shard.rows for shard in shards)
            sizes.add(datasets.SplitInfo(split, num_bytes=size, num_examples=rows))
        info = datasets.DatasetInfo(
            features=features,
            splits=sizes,
            download_size=sum(shard.size for shards in splits.values() for shard in shards),
            dataset_size=sum(size.num_bytes for size in sizes.values()),
        )
        infos.append({"config_name": name, **info._to_yaml_dict()})
    return {"configs": configs, "dataset_info": infos}


def write_shard(file: Path, features: datasets.Features, rows: Iterator[dict[str, Any]]) -> None:
    """Write rows as one Parquet file that tells its features; no one ever reads half of it."""
    plain = [column for column in _columns(features) if column != "audio.bytes"]

    def write(stream: BinaryIO) -> None:
        with pq.ParquetWriter(
            stream,
            features.arrow_schema,
            # FLAC does not get smaller, and a dictionary or a least and a greatest value of it are of no use.
            compression={
                column: "NONE" if column == "audio.bytes" else "ZSTD" for column in _columns(features)
            },
            use_dictionary=plain,
            write_statistics=plain,
            # Pages are cut by content, so that a new version shares most of its bytes with the old one on the Hub.
            use_content_defined_chunking=True,
        ) as writer:
            for group in _groups(rows):
                writer.write_table(pa.Table.from_pylist(group, schema=features.arrow_schema))

    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, write)


def inspect(folder: Path, path: str, parts: dict[str, str]) -> Inspected:
    """Read a shard back, all of it."""
    table = pq.read_table(folder / path)
    rows = table.to_pylist()
    names = datasets.Features.from_arrow_schema(table.schema)["label"].names
    checksums = [
        flac_checksum(row["audio"]["bytes"]) if "audio" in row else row["audio_checksum"] for row in rows
    ]
    shard = Shard(
        path=path,
        rows=table.num_rows,
        size=(folder / path).stat().st_size,
        audio=sum(len(row["audio"]["bytes"]) for row in rows) if "audio" in table.column_names else 0,
        arrow=table.nbytes,
        sha256=sha256(folder / path),
        parts=parts,
    )
    lines = [
        (row["id"], names[row["label"]], row["speaker"], checksum)
        for row, checksum in zip(rows, checksums, strict=True)
    ]
    return Inspected(shard, lines)


def _write(folder: Path, task: Task) -> Inspected:
    """Read the shard of a task back, once it is written."""
    with suppress(OSError, pa.ArrowInvalid):  # not there, or spoiled when the machine went down
        return inspect(folder, task.path, task.parts)
    rows = (row_of(utterance, task.corpus) for utterance in task.utterances)
    write_shard(folder / task.path, features_of(task.corpus), rows)
    return inspect(folder, task.path, task.parts)


def _write_by_name(
    folder: Path, corpus: str, task: tuple[str, Sequence[Utterance], dict[str, str]]
) -> Inspected:
    """`_write` for another process: a card has functions in it that do not travel, its name does."""
    return _write(folder, Task(corpora.load(corpus), *task))


def _write_all(folder: Path, tasks: Sequence[Task], jobs: int, progress: bool) -> Iterator[Inspected]:
    console = Console(stderr=True)

    def shown(inspected: Iterator[Inspected]) -> Iterator[Inspected]:
        if not progress:
            return inspected
        return iter(track(inspected, "Writing shards", len(tasks), console=console, transient=True))

    if jobs == 1:
        yield from shown(_write(folder, task) for task in tasks)
        return
    with pool(jobs) as executor:
        names = [task.corpus.name for task in tasks]
        plain = [(task.path, task.utterances, task.parts) for task in tasks]
        yield from shown(executor.map(_write_by_name, [folder] * len(tasks), names, plain))


def _groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in groups of about `ROW_GROUP_BYTES` of audio; rows without audio in one group."""
    group: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += len(row["audio"]["bytes"]) if "audio" in row else 0
        if size >= ROW_GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _columns(features: datasets.Features) -> list[str]:
    """The columns as Parquet counts them: audio is two."""
    return [
        column
        for name in features
        for column in (["audio.bytes", "audio.path"] if name == "audio" else [name])
    ]


def _source(corpus: Corpus, root: Path, allow_missing: bool) -> str:
    """Changes with everything that the repository is made from and made by."""
    made_by = [
        *(prepared.FORMAT, SHARD_ROWS, FIRST_SHARD_ROWS, ROW_GROUP_BYTES),
        *(version(library) for library in LIBRARIES),
    ]
    parts = [WRITE_VERSION, source_hash(corpus, root), allow_missing, made_by]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _finished(out: Path, source: str) -> Prepared | None:
    """What is at `out`, if it was made from the same source and is whole."""
    try:
        if (out / target.SOURCE_FILE).read_text() != source:
            return None
        made = prepared.read(out)
        prepared.check(out, made)
    except (OSError, CorpusError):
        return None
    return made


def _describe_again(out: Path, made: Prepared, describe: Describe) -> None:
    """Write the card of a finished repository anew: what it says may have changed since."""
    with scratch_folder(out) as fresh:
        (fresh / "data").symlink_to(out / "data")
        describe(fresh, made)
        written = [path for path in prepared.files(fresh) if not path.startswith("data/")]
        changed = [path for path in written if not _is_same(fresh / path, out / path)]
        if not changed:
            return
        # While it has files of two cards it is an unfinished one: the run after one that is killed here ends it.
        unfinished = target.unfinished_of(out)
        shutil.rmtree(unfinished, ignore_errors=True)
        out.rename(unfinished)
        for path in changed:
            (unfinished / path).parent.mkdir(exist_ok=True)
            (fresh / path).replace(unfinished / path)
        unfinished.rename(out)


def _is_same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()
