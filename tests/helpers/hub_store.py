"""What `hub_server` keeps: repositories with their commits and pull requests, what was asked for, what shall fail."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

DATE = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Request:
    """One request: `received` and `sent` are the bytes of the bodies."""

    method: str
    path: str
    status: int
    received: int
    sent: int


@dataclass
class Fault:
    """What goes wrong with requests whose "METHOD path" matches, `times` times.

    `what` is a status; "drop" closes the connection before anything is done, "drop after" when it is done but
    not answered yet.
    """

    pattern: str
    what: int | str
    times: int
    after: int  # how many matching requests go well first


@dataclass
class Commit:
    oid: str
    title: str
    files: dict[str, bytes]


@dataclass
class Repository:
    """A repository; `branches` maps main and refs/pr/1 … to commit ids."""

    kind: str
    name: str
    private: bool = False
    gated: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)  # SHA-256 of files that are in LFS
    discussions: list[dict[str, Any]] = field(default_factory=list)

    def files(self, revision: str = "main") -> dict[str, bytes]:
        commit = self.commit(revision)
        return {} if commit is None else commit.files

    def commit(self, revision: str) -> Commit | None:
        return self.commits.get(self.branches.get(revision, revision))

    def add(self, branch: str, title: str, files: dict[str, bytes]) -> Commit:
        content = sorted((path, blob_id(content)) for path, content in files.items())
        told = f"{self.kind}{self.name}{branch}{len(self.commits)}{title}{content}"
        commit = Commit(hashlib.sha1(told.encode()).hexdigest(), title, files)
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit

    def merge(self, number: int) -> None:
        """Accept a pull request."""
        self.branches["main"] = self.branches[f"refs/pr/{number}"]
        self.discussions[number - 1]["status"] = "merged"

    def is_large(self, content: bytes) -> bool:
        return sha256(content) in self.large

    def entry(self, path: str, content: bytes) -> dict[str, Any]:
        told: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
        if self.is_large(content):
            told["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
        return told


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def metadata(card: str) -> dict[str, Any] | str:
    """The metadata of a card, or what is wrong with it."""
    found = re.match(r"---\r?\n(.*?)\n---", card, re.DOTALL)
    try:
        told = yaml.safe_load(found[1]) if found else {}
    except yaml.YAMLError as error:
        return str(error)
    return told if isinstance(told, dict) else "metadata is no mapping"
