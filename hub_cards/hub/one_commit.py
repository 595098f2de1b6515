"""Sending a folder to the Hub: all of it in one commit, or nothing.

Large files travel first, by their checksum: what has arrived is not sent again, however often a run is cut short. Only
then one commit names them all, so no one ever loads half of a repository.
"""

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    Discussion,
    HfApi,
    constants,
    get_token,
)
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]
from rich.console import Console
from rich.table import Column, Table

from emobox_datasets.errors import causes

logger = logging.getLogger(__name__)

Kind = Literal["model", "dataset", "space"]
Answer = TypeVar("Answer")
# The client tries every request up to six times; then we begin again with what has arrived.
ATTEMPTS = 3
WAIT_SECONDS = 5.0
NOT_SENT = "Nothing was sent. To send it, run the command again with --send."
# The Hub makes this file itself.
HUB_FILES = {".gitattributes"}


class PublishError(ValueError):
    """The Hub, or the user's rights on it, is not as expected. Nothing was published."""


@dataclass(frozen=True)
class Destination:
    """A repository on the Hub; `private` must hold for it, whether it is there already or made."""

    repo_id: str
    kind: Kind
    private: bool = False
    create_pr: bool = False

    @property
    def url(self) -> str:
        prefix = "" if self.kind == "model" else f"{self.kind}s/"
        return f"{constants.ENDPOINT}/{prefix}{self.repo_id}"

    @property
    def way(self) -> str:
        return "a pull request" if self.create_pr else "one commit on main"

    @property
    def words(self) -> str:
        """What is to be, before the Hub has been asked: a repository that is there may be private."""
        visibility = "private" if self.private else "public if it has to be made"
        return f"to {self.url} ({visibility}), as {self.way}"

    def plan(self, public: bool) -> str:
        """What would be done where a new repository is private unless asked for; a dry run does not ask the Hub."""
        visibility = "public" if public else "private"
        return (
            f"to {self.url}: as {self.way} if it is there, whose visibility stays; if not, as one commit to a new one, "
            f"which is {visibility}. The Hub was not asked which."
        )


@dataclass(frozen=True)
class Parcel:
    """Files of a folder that go to the Hub; `message` should name their content: one pull request has it once."""

    folder: Path
    paths: Sequence[str]
    message: str

    def show(self, console: Console) -> None:
        """The files, their bytes and what all of them take."""
        sizes = {path: (self.folder / path).stat().st_size for path in self.paths}
        table = table_of(sizes, self.message)
        table.add_row(f"{len(sizes)} files", f"{sum(sizes.values()):,}", style="bold")
        console.print(table)


@dataclass(frozen=True)
class Remote:
    """What is in a repository already."""

    commit: str
    private: bool
    paths: list[str]


def digest_of(folder: Path, paths: Sequence[str]) -> str:
    """The SHA-256 of files' names and contents, in hexadecimal digits."""
    lines = (f"{hashlib.sha256((folder / path).read_bytes()).hexdigest()} {path}\n" for path in sorted(paths))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def table_of(sizes: Mapping[str, int], title: str | None = None) -> Table:
    """Files with their bytes."""
    table = Table("file", Column("bytes", justify="right"), title=title)
    for path, size in sizes.items():
        table.add_row(path, f"{size:,}")
    return table


# Raises PublishError if the repository, as it is, should not be replaced.
Accept = Callable[[HfApi, Remote], None]


def check_repo_id(repo_id: str) -> None:
    """Refuse what is no name of a repository.

    Raises:
        PublishError: it is not `<user or organisation>/<name>`.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(
            f"Expected a repository such as my-lab/emodb, but got {repo_id!r}: {error}"
        ) from error
    if "/" not in repo_id:
        raise PublishError(f"Expected <user or organisation>/<name>, but got {repo_id!r}; name whose it is.")


def connect() -> HfApi:
    """The client, with the token of the user's environment or login.

    Raises:
        PublishError: there is none.
    """
    token = get_token()
    if not token:
        raise PublishError(
            f"Expected a Hub token, but found none in the variable HF_TOKEN nor in {constants.HF_TOKEN_PATH}; log in "
            f"with: hf auth login"
        )
    return HfApi(token=token)


def publish(api: HfApi, parcel: Parcel, destination: Destination, accept: Accept) -> str:
    """Send a parcel; what the repository holds beside it is removed. Returns the URL of the commit or pull request.

    Raises:
        PublishError: the Hub refused, could not be reached, or `accept` did not let it.
    """
    return persistently(lambda: _send(api, parcel, destination, accept), destination)


def deliver(parcel: Parcel, destination: Destination, public: bool, accept: Accept) -> str:
    """Send a parcel; where there is nobody to ask, in an empty repository or a new one, without a pull request.

    Args:
        parcel: what is sent.
        destination: where to, as it is if it holds something.
        public: whether a repository that has to be made is public.
        accept: as in `publish`, whose errors it raises.
    """
    api = connect()
    remote = persistently(lambda: look(api, destination), destination)
    if remote is None or set(remote.paths) <= HUB_FILES:
        destination = replace(destination, create_pr=False, private=remote is None and not public)
    return publish(api, parcel, destination, accept)


def persistently(send: Callable[[], Answer], destination: Destination) -> Answer:
    """Do what talks to a repository, again where that may help; it must be such that twice is once.

    Raises:
        PublishError: the Hub refused, or could not be reached.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return send()
        except PublishError:
            raise
        except Exception as error:
            reason, again = _explain(error, destination)
            if not again or attempt == ATTEMPTS:
                raise PublishError(
                    f"{reason} Nothing was published. Run the command again after that: what has arrived is not "
                    f"sent again."
                ) from error
            logger.warning(f"{reason} Trying again ({attempt} of {ATTEMPTS - 1}).")
            time.sleep(WAIT_SECONDS * attempt)
    raise AssertionError("unreachable")


def _send(api: HfApi, parcel: Parcel, destination: Destination, accept: Accept) -> str:
    remote = look(api, destination) or create(api, destination)
    if destination.private and not remote.private:
        raise PublishError(
            f"Expected {destination.repo_id} to be private, but it is there already and public; make it private in its "
            f"settings, or choose another --repo-id."
        )
    accept(api, remote)
    if destination.create_pr and (opened := _opened(api, parcel, destination)):
        return opened
    known = set(parcel.paths) | HUB_FILES
    operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
        *(CommitOperationAdd(path, parcel.folder / path) for path in parcel.paths),
        *(CommitOperationDelete(path) for path in remote.paths if path not in known),
    ]
    commit = api.create_commit(
        destination.repo_id,
        operations,
        commit_message=parcel.message,
        repo_type=destination.kind,
        create_pr=destination.create_pr,
        parent_commit=remote.commit,
    )
    return str(commit.pr_url or commit.commit_url)


def look(api: HfApi, destination: Destination, revision: str | None = None) -> Remote | None:
    """What a repository holds at a revision (default: main); None where there is no such repository."""
    try:
        info = api.repo_info(destination.repo_id, repo_type=destination.kind, revision=revision)
    except RepositoryNotFoundError:
        return None
    paths = api.list_repo_files(destination.repo_id, repo_type=destination.kind, revision=info.sha)
    return Remote(str(info.sha), bool(info.private), list(paths))


def create(api: HfApi, destination: Destination) -> Remote:
    """Make a repository.

    Raises:
        PublishError: the Hub does not show it afterwards.
    """
    static = "static" if destination.kind == "space" else None
    api.create_repo(
        destination.repo_id,
        repo_type=destination.kind,
        private=destination.private,
        exist_ok=True,
        space_sdk=static,
    )
    made = look(api, destination)
    if made is None:
        raise PublishError(
            f"Expected {destination.repo_id} to be there once it was made, but the Hub does not show it; look at "
            f"the rights of your token."
        )
    return made


def open_pull_requests(api: HfApi, destination: Destination) -> Iterator[Discussion]:
    """Those that wait in a repository."""
    return api.get_repo_discussions(
        destination.repo_id,
        repo_type=destination.kind,
        discussion_type="pull_request",
        discussion_status="open",
    )


def _opened(api: HfApi, parcel: Parcel, destination: Destination) -> str:
    """The open pull request that has this parcel: made before, or by an attempt whose answer was lost."""
    waiting = open_pull_requests(api, destination)
    return next((str(request.url) for request in waiting if request.title == parcel.message), "")


def _explain(error: BaseException, destination: Destination) -> tuple[str, bool]:
    """What went wrong, for people, and whether it may go well the next time."""
    chain = list(causes(error))
    answer = next((cause for cause in chain if isinstance(cause, HfHubHTTPError)), None)
    if answer is not None:
        status = answer.response.status_code
        return _explain_status(status, str(answer.server_message or answer), destination)
    # Xet, which sends large files, tells of a refusal in words only.
    if refused := re.search(r"HTTP status client error \((\d+)[^)]*\)", " ".join(map(str, chain))):
        return _explain_status(int(refused[1]), refused[0], destination)
    if any(isinstance(cause, (httpx2.TransportError, ConnectionError, TimeoutError)) for cause in chain):
        return f"Expected to reach {destination.url}, but the connection failed ({chain[-1]!r}).", True
    if isinstance(error, (ValueError, FileNotFoundError)):
        return f"Expected files that the Hub accepts, but got: {error}", False
    return f"Expected {destination.url} to take the files, but got {chain[-1]!r}.", isinstance(
        error, RuntimeError
    )


def _explain_status(status: int, message: str, destination: Destination) -> tuple[str, bool]:
    if status == 401:
        return (
            "Expected a Hub token that is valid, but the Hub refused it (401): it expired or was revoked; log in again "
            "with: hf auth login.",
            False,
        )
    if status == 403:
        return (
            f"Expected a token that may write to {destination.repo_id}, but it may not (403: {message}); use one with "
            f"write access, or choose another repository.",
            False,
        )
    if status == 412:
        return f"Expected no one else to change {destination.repo_id}, but someone did (412).", True
    return (
        f"Expected {destination.url} to answer, but got {status}: {message}.",
        status == 429 or status >= 500,
    )
