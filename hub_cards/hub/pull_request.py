"""Files added to a repository that holds other things too: one commit or one pull request, and never the same twice.

What an earlier version of them left behind is deleted in the same commit.

What is sent is told apart from what is there by the checksums that the Hub lists, so nothing is loaded for that. A pull
request that is open already counts as the same one where the same files, merged with what it holds, would change
nothing: so it does not matter who opened it, what it is called, or whether an answer was lost.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha1, sha256
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile

from hub_cards.hub.one_commit import (
    Destination,
    PublishError,
    Remote,
    look,
    open_pull_requests,
    persistently,
)

# What our pull requests are called; only such are looked at.
TITLE = "EmoBox"


@dataclass(frozen=True)
class Snapshot:
    """A repository at one commit."""

    api: HfApi
    destination: Destination
    remote: Remote

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where there is none."""
        if path not in self.remote.paths:
            return None
        try:
            file = self.api.hf_hub_download(
                self.destination.repo_id, path, repo_type=self.destination.kind, revision=self.remote.commit
            )
        except EntryNotFoundError:
            return None
        return Path(file).read_bytes()


# What a repository should hold, path to content, given what it holds; None where it should hold no such file.
Wanted = Callable[[Snapshot], Mapping[str, bytes | None]]


@dataclass(frozen=True)
class Pending:
    """What a repository lacks: the files that would change it, None where one would go, and what of them is there."""

    snapshot: Snapshot
    files: Mapping[str, bytes | None]


def compare(api: HfApi, destination: Destination, wanted: Wanted) -> Pending:
    """What sending would change; nothing is sent.

    Raises:
        PublishError: there is no such repository, or the Hub cannot be reached.
    """
    return persistently(lambda: _pending(api, destination, wanted), destination)


def add(api: HfApi, destination: Destination, wanted: Wanted, title: str) -> tuple[str, bool]:
    """Send what a repository lacks, in one commit on main or as a pull request (`destination.create_pr`).

    Returns:
        The URL of the commit or pull request, and whether it was made now. Where the repository lacks nothing,
        its own URL; where an open pull request has it all, that one's.

    Raises:
        PublishError: the Hub refused or could not be reached. Nothing of it was sent.
    """
    return persistently(lambda: _add(api, destination, wanted, title), destination)


def _add(api: HfApi, destination: Destination, wanted: Wanted, title: str) -> tuple[str, bool]:
    pending = _pending(api, destination, wanted)
    if not pending.files:
        return destination.url, False
    if destination.create_pr and (opened := _opened(api, destination, wanted)):
        return opened, False
    commit = api.create_commit(
        destination.repo_id,
        [
            CommitOperationDelete(path) if content is None else CommitOperationAdd(path, content)
            for path, content in pending.files.items()
        ],
        commit_message=title,
        repo_type=destination.kind,
        create_pr=destination.create_pr,
        parent_commit=pending.snapshot.remote.commit,
    )
    return str(commit.pr_url or commit.commit_url), True


def _pending(api: HfApi, destination: Destination, wanted: Wanted, revision: str | None = None) -> Pending:
    remote = look(api, destination, revision)
    if remote is None:
        raise PublishError(
            f"Expected {destination.kind} {destination.repo_id} on the Hub, but there is none, or your token may not "
            f"see it; check the name, or create it first."
        )
    snapshot = Snapshot(api, destination, remote)
    files = wanted(snapshot)
    listed = api.get_paths_info(
        destination.repo_id, list(files), repo_type=destination.kind, revision=remote.commit
    )
    known = {entry.path: entry for entry in listed if isinstance(entry, RepoFile)}
    return Pending(
        snapshot, {path: content for path, content in files.items() if not _same(known.get(path), content)}
    )


def _same(entry: RepoFile | None, content: bytes | None) -> bool:
    """Whether the Hub has this content: by its SHA-256 where it is a large file, else by Git's checksum."""
    if entry is None or content is None:
        return entry is None and content is None
    if entry.size != len(content):
        return False
    if entry.lfs is not None:
        return bool(entry.lfs.sha256 == sha256(content).hexdigest())
    return bool(entry.blob_id == sha1(b"blob %d\0" % len(content) + content).hexdigest())


def _opened(api: HfApi, destination: Destination, wanted: Wanted) -> str:
    """The URL of the open pull request that has it all already."""
    for request in open_pull_requests(api, destination):
        if request.title.startswith(TITLE):
            try:
                pending = _pending(api, destination, wanted, f"refs/pr/{request.num}")
            except (RevisionNotFoundError, PublishError):  # one that cannot be merged with is not ours
                continue
            if not pending.files:
                return str(request.url)
    return ""
