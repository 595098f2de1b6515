"""What a corpus's module says of where its audio comes from: a record that anyone may download, or the way to ask.

A `Source` is facts of a publisher's record: which of its files are needed, their sizes and checksums as stated there.
What could not be confirmed is None or absent, never guessed: the record itself is asked for it when it is fetched.
"""

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import quote, urlsplit

from emobox_datasets.errors import CorpusError

Publisher = Literal["zenodo", "openslr", "github", "github release", "dataverse", "mendeley", "hub", "web"]

MIRROR_VARIABLE = "EMOBOX_MIRROR"

# Where a file of a record is. `web`: `record` is the address of the folder, or of the file itself.
_FILES: dict[Publisher, str] = {
    "zenodo": "https://zenodo.org/records/{record}/files/{name}?download=1",
    "openslr": "https://www.openslr.org/resources/{record}/{name}",
    "github": "https://codeload.github.com/{record}/tar.gz/{revision}",
    "github release": "https://github.com/{record}/releases/{revision}/download/{name}",
    "dataverse": "https://{host}/api/access/datafile/{number}?format=original",
    "mendeley": "https://data.mendeley.com/public-api/zip/{record}/download/{revision}",
    "web": "{record}{name}",
}
# Where a publisher states the files of a record with their sizes and checksums, for programs.
_RECORDS: dict[Publisher, str] = {
    "zenodo": "https://zenodo.org/api/records/{record}",
    "dataverse": "https://{host}/api/datasets/:persistentId/?persistentId=doi:{record}",
    "github release": "https://api.github.com/repos/{record}/releases/{revision}",
}
# The page of a record, for people.
_PAGES: dict[Publisher, str] = {
    "zenodo": "https://zenodo.org/records/{record}",
    "openslr": "https://www.openslr.org/{record}/",
    "github": "https://github.com/{record}/tree/{revision}",
    "github release": "https://github.com/{record}/releases/{revision}",
    "dataverse": "https://doi.org/{record}",
    "mendeley": "https://data.mendeley.com/datasets/{record}/{revision}",
    "hub": "https://huggingface.co/datasets/{record}/tree/{revision}",
    "web": "{record}",
}


@dataclass(frozen=True)
class RemoteFile:
    """One file of a record.

    Attributes:
        name: how it is called there; with a `*`, all files of the record that match.
        size: bytes; None: not confirmed.
        checksum: `md5:…` or `sha256:…` as the publisher or those who fetched it state; None: not confirmed.
        number: what a Dataverse calls it.
        members: patterns of what is needed of an archive; empty: all.
    """

    name: str
    size: int | None = None
    checksum: str | None = None
    number: int | None = None
    members: tuple[str, ...] = ()

    def needs(self, member: str) -> bool:
        """Whether a file of the archive is needed."""
        return not self.members or any(fnmatchcase(member, pattern) for pattern in self.members)


@dataclass(frozen=True)
class Source:
    """A record that its publisher lets anyone download.

    Attributes:
        publisher: who keeps the record; says what its addresses look like.
        record: number, DOI or name of the record there.
        files: those that are needed.
        found: where these facts were found, in words, with links.
        checked: when, as an ISO date.
        revision: commit, version, Hub revision, or `latest` release; empty where a record never changes.
        host: of a Dataverse.
        large_files: sizes and SHA-256 are in Git-LFS pointers, so many bytes of files in all; None: there are none.
        note: what else one should know before fetching it.
    """

    publisher: Publisher
    record: str
    files: tuple[RemoteFile, ...]
    found: str
    checked: str
    revision: str = ""
    host: str = ""
    large_files: int | None = None
    note: str = ""

    @property
    def page(self) -> str:
        """The record's page, for people."""
        return _PAGES[self.publisher].format(**self._names())

    @property
    def size(self) -> int | None:
        """Bytes to fetch in all; None where a size could not be confirmed.

        >>> Source("zenodo", "1", (RemoteFile("a.zip", 5), RemoteFile("b.zip", 6)), "", "").size
        11
        """
        if self.large_files is not None:
            return self.large_files
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def confirmed(self) -> bool:
        """Whether size and checksum of every file are known; a commit or a Hub revision is its own checksum."""
        if self.publisher in ("github", "hub"):
            return True
        return all(file.size is not None and file.checksum for file in self.files)

    @property
    def checksum_origin(self) -> str:
        """What the files are held against when they are fetched, and where that comes from."""
        if self.publisher == "github":
            return "SHA-256 in the commit's pointers" if self.large_files is not None else "the commit"
        if self.publisher == "hub":
            return "SHA-256 that the Hub states"
        if self.confirmed:
            algorithms = {(file.checksum or "").partition(":")[0].upper() for file in self.files}
            return f"{' and '.join(sorted(algorithms))}, known beforehand"
        if self.publisher in _RECORDS:
            return "what the record states when it is fetched"
        return "none is stated: the archive's own"

    def url(self, file: RemoteFile) -> str:
        """Where a file of the record is; at the mirror that `EMOBOX_MIRROR` names, if any."""
        return mirrored(
            _FILES[self.publisher].format(**self._names(), name=quote(file.name), number=file.number)
        )

    @property
    def record_url(self) -> str | None:
        """Where the record states its files for programs, if it does."""
        template = _RECORDS.get(self.publisher)
        return template and mirrored(template.format(**self._names()))

    def _names(self) -> dict[str, str]:
        return {"record": self.record, "revision": self.revision, "host": self.host}


@dataclass(frozen=True)
class Recipe:
    """How to come by a corpus that a program cannot or may not download.

    Attributes:
        ask: the first step, a sentence: the form, or where the corpus is and why it has no source.
        fetch: which archives or files are needed.
    """

    ask: str
    fetch: str


def mirrored(url: str) -> str:
    """The same file at the mirror that `EMOBOX_MIRROR` names: below it, by the publisher's host and path.

    Raises:
        CorpusError: the variable is no address.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    if not mirror:
        return url
    if urlsplit(mirror).scheme not in ("http", "https"):
        raise CorpusError(
            f"Expected the address of a mirror in {MIRROR_VARIABLE}, such as https://mirror.example.org, but got "
            f"{mirror!r}; correct it, or unset it to ask the publishers."
        )
    return f"{mirror}/{url.partition('://')[2]}"


def megabytes(size: int | None) -> str:
    """A size for people.

    >>> megabytes(208_468_073), megabytes(None)
    ('208.5 MB', 'size unknown')
    """
    if size is None:
        return "size unknown"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
