"""What a prepared repository holds: `emobox.json`, written last, read before anything else is trusted.

README.md        the card: YAML that `datasets` reads, text that people read
emobox.json      this: which shard holds which rows, SHA-256 of every shard
data/*.parquet   the shards: each row once
pictures/*.png
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, NonNegativeInt, ValidationError
from pydantic.dataclasses import dataclass

from emobox_datasets.errors import CorpusError
from emobox_datasets.files import inside, sha256, write_whole

FILE = "emobox.json"
CARD = "README.md"
DATA = "data"
# Changes with the layout: a repository of another format is not read.
FORMAT = 1
# What anyone may have written is of the types that it is used as, or refused.
STRICT = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True, config=STRICT)
class Shard:
    """One Parquet file: `parts` names the split it belongs to in every configuration that uses it."""

    path: str
    rows: NonNegativeInt
    size: NonNegativeInt
    audio: NonNegativeInt  # bytes of FLAC in it
    arrow: NonNegativeInt  # bytes of its rows once they are in memory
    sha256: str
    parts: dict[str, str]


@dataclass(frozen=True, config=STRICT)
class Prepared:
    """A prepared corpus. `audio`: whether the shards hold audio, or checksums of it (a metadata-only repository)."""

    corpus: str
    fingerprint: str
    audio: bool
    utterances: NonNegativeInt
    configurations: dict[str, list[str]]  # name: its splits, in order
    shards: list[Shard]
    format: int = FORMAT

    @property
    def version(self) -> str:
        """Changes with every byte of every shard and with what is made of them.

        `datasets` keys its cache of a repository by README.md only; with this version in it, rows that have
        changed are never answered with old ones.
        """
        content = [(shard.path, shard.sha256, sorted(shard.parts.items())) for shard in self.shards]
        digest = hashlib.sha256(json.dumps([self.configurations, content]).encode()).hexdigest()
        return f"{self.format}.{int(self.audio)}.{int(digest[:8], 16)}"

    def shards_of(self, configuration: str, split: str) -> list[Shard]:
        """The shards that make up one split of a configuration, in order."""
        return [shard for shard in self.shards if shard.parts.get(configuration) == split]

    def rows_of(self, configuration: str, split: str) -> int:
        """How many rows a split of a configuration has; the dataset card's template asks."""
        return sum(shard.rows for shard in self.shards_of(configuration, split))

    def write(self, folder: Path) -> None:
        """Write `emobox.json`; no one ever reads half of it."""
        write_whole(folder / FILE, (json.dumps(self.as_json(), indent=1) + "\n").encode())

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "version": self.version}


def read(folder: str | Path) -> Prepared:
    """What `folder` says it holds.

    Raises:
        CorpusError: the folder is no prepared repository, or one of another format.
    """
    file = Path(folder) / FILE
    if not file.is_file():
        raise CorpusError(
            f"Expected a prepared repository at {folder}, but it has no {FILE}; make one with "
            f"emobox prepare <corpus> <folder of the corpus> --out {folder}."
        )
    return parse(file.read_bytes(), str(file))


def is_readable(folder: str | Path) -> bool:
    """Whether a local folder is a prepared repository of this format; no error, whatever else it is."""
    try:
        return bool(read(folder))
    except (CorpusError, OSError):
        return False


def is_metadata_only(folder: str | Path) -> bool:
    """Whether a local folder is a repository without audio; no error, whatever else it is."""
    return is_readable(folder) and not read(folder).audio


def parse(content: bytes, origin: str) -> Prepared:
    """What `emobox.json` says; `origin` is what errors should name.

    Raises:
        CorpusError: it is no such file, one of another format, or it names a shard that is none of its own.
    """
    try:
        told = json.loads(content)
        found = told.get("format")
        if found == FORMAT:
            told.pop("version")
            _check_paths([shard["path"] for shard in told["shards"]], origin)
            shards = [Shard(**shard) for shard in told.pop("shards")]
            return Prepared(shards=shards, **told)
    except CorpusError:
        raise
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise CorpusError(
            f"Expected the contents of a prepared repository in {origin}, but it cannot be read ({_reason(error)}); "
            f"prepare the corpus again."
        ) from error
    raise CorpusError(
        f"Expected a prepared repository of format {FORMAT} in {origin}, but got format {found!r}; prepare the "
        f"corpus again with this version of EmoBox, or use the version that made it."
    )


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return repr(error)
    first = error.errors()[0]
    return f"{error.title}, {'.'.join(map(str, first['loc']))}: {first['msg']}"


def corpus_of(folder: Path) -> str:
    """The corpus of a repository of whatever format; empty if that cannot be read."""
    try:
        name = json.loads((folder / FILE).read_bytes())["corpus"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def _check_paths(paths: list[str], origin: str) -> None:
    """Refuse shards that are not where `prepare` puts them: what reads or writes them would leave the folder."""
    for number, path in enumerate(paths):
        try:
            inside(DATA, str(path).removeprefix(f"{DATA}/"))
        except ValueError:
            plain = False
        else:
            plain = isinstance(path, str) and path.startswith(f"{DATA}/") and path.endswith(".parquet")
        if not plain or path in paths[:number]:
            raise CorpusError(
                f"Expected distinct Parquet files below {DATA}/ as shards in {origin}, but shard {number} is {path!r}; "
                f"get the repository again from a source that you trust, or prepare the corpus again."
            )


def check(folder: Path, prepared: Prepared, deep: bool = True) -> None:
    """Hold the files of a prepared repository against their sizes and, if `deep`, checksums.

    Raises:
        CorpusError: a shard is missing or was changed, there is one too many, or the card is missing or of another
            version.
    """
    for shard in prepared.shards:
        check_shard(folder, shard, deep)
    listed = {shard.path for shard in prepared.shards}
    found = {str(file.relative_to(folder)) for file in folder.glob("data/*")}
    if strangers := sorted(found - listed):
        raise CorpusError(
            f"Expected only the shards that {FILE} lists in {folder}, but got {strangers[0]}; remove it, or prepare "
            f"the corpus again."
        )
    if not (folder / CARD).is_file():
        raise CorpusError(
            f"Expected the card {CARD} in {folder}, but there is none; prepare the corpus again."
        )
    if f"version: {prepared.version}\n" not in (folder / CARD).read_text(encoding="utf-8"):
        raise CorpusError(
            f"Expected the card {CARD} in {folder} to be of this version, {prepared.version}, but it is not; prepare "
            f"the corpus again."
        )


def check_shard(folder: Path, shard: Shard, deep: bool = True) -> None:
    """Hold a shard against its size and, if `deep`, checksum.

    Raises:
        CorpusError: it is missing or was changed.
    """
    file = folder / shard.path
    if not file.is_file() or file.stat().st_size != shard.size or (deep and sha256(file) != shard.sha256):
        state = "is another" if file.is_file() else "is missing"
        raise CorpusError(
            f"Expected {shard.path} in {folder} with the checksum that {FILE} tells, but it {state}; prepare "
            f"the corpus again."
        )


def files(folder: Path) -> list[str]:
    """The paths of all files that make up a prepared repository, sorted; hidden files are ours alone."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))
