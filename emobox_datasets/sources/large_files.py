"""Files that a Git repository keeps outside of itself (Git-LFS): its archives hold pointers, with SHA-256 and size.

The protocol is that of https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2

from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.source import Source, mirrored
from emobox_datasets.sources.transfer import Download

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_LONGEST_POINTER = 1024
# What servers take at a time, by the protocol's advice.
BATCH = 100
_TYPE = "application/vnd.git-lfs+json"


def pointers(folder: Path) -> Iterator[tuple[Path, str, int]]:
    """(file, SHA-256, size) of every pointer below a folder."""
    for path in sorted(folder.rglob("*")):
        short = path.is_file() and path.stat().st_size <= _LONGEST_POINTER
        if short and (pointer := _POINTER.fullmatch(path.read_bytes())):
            yield path, pointer[1].decode(), int(pointer[2])


def downloads(
    http: httpx2.Client, source: Source, wanted: dict[str, int], folder: Path
) -> Iterator[Download]:
    """What to fetch into a folder so that it has files by their SHA-256.

    Addresses hold for minutes only, so a batch is asked for when the one before has been taken.

    Args:
        http: the client.
        source: the repository.
        wanted: SHA-256 to size.
        folder: where the files go.

    Raises:
        CorpusError: the server does not answer, or has a file no longer.
    """
    oids = list(wanted)
    for first in range(0, len(oids), BATCH):
        batch = oids[first : first + BATCH]
        for oid, url in _addresses(http, source, {oid: wanted[oid] for oid in batch}).items():
            yield Download(url, folder / oid, wanted[oid], f"sha256:{oid}", source.page)


def _addresses(http: httpx2.Client, source: Source, wanted: dict[str, int]) -> dict[str, str]:
    url = mirrored(f"https://github.com/{source.record}.git/info/lfs/objects/batch")
    asked = {
        "operation": "download",
        "transfers": ["basic"],
        "objects": [{"oid": oid, "size": size} for oid, size in wanted.items()],
    }
    try:
        response = http.post(url, json=asked, headers={"Accept": _TYPE, "Content-Type": _TYPE})
        response.raise_for_status()
        actions = {answer["oid"]: answer["actions"] for answer in response.json()["objects"]}
        return {oid: actions[oid]["download"]["href"] for oid in wanted}
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"Expected the addresses of {len(wanted)} large files of {source.page} from {url}, but got {error!r}; the "
            f"repository may be over its quota for today: try again tomorrow, or clone it with git-lfs and name the "
            f"folder as data_dir."
        ) from error
