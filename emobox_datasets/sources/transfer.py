"""One file over HTTP: resumed where the connection broke, held against size and checksum, never taken half.

`datasets.DownloadManager` begins anew after a break and checks nothing while it downloads; `pooch` checks, but begins
anew; `huggingface_hub` resumes, but holds only sizes against what it expects. Archives of gigabytes need all of it, so
this is the smallest client that does it, on the HTTP library that `huggingface_hub` brings.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx2

from emobox_datasets.copy.placeholders import sniffed
from emobox_datasets.errors import CorpusError, is_disk_full
from emobox_datasets.files import write_whole

# Tries in a row that bring no byte; every byte that arrives starts the count anew.
TRIES = 5
# Seconds before the second try; doubled for each further one.
PAUSE = 1.0
LONGEST_PAUSE = 60.0
TIMEOUT = httpx2.Timeout(30.0)
# Answers of a server that is busy or being repaired: another try may help.
BUSY = (408, 425, 429, 500, 502, 503, 504)

PART, VALIDATOR, REFUSED = ".part", ".validator", ".refused"


def set_aside(file: Path) -> Path:
    """Rename what must not be used, so that the next call fetches it again; where it is now."""
    return file.replace(file.with_name(file.name + REFUSED))


class StoppedError(Exception):
    """Somebody else's error or Ctrl-C: nobody waits for this file any longer."""


class _BrokenOffError(Exception):
    """The connection ended before the file did; `pause` is how long the server asks to wait."""

    def __init__(self, reason: str, pause: float = 0.0):
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Download:
    """A file to fetch: from `url` to `target`; `page` is where a person can look for it.

    `checksum` is `md5:…` or `sha256:…`; it and `size` may be unknown.
    """

    url: str
    target: Path
    size: int | None
    checksum: str | None
    page: str

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + PART)

    @property
    def validator(self) -> Path:
        """What the server calls the state of the file that `part` is a piece of."""
        return self.target.with_name(self.target.name + VALIDATOR)

    @property
    def refused(self) -> Path:
        return self.target.with_name(self.target.name + REFUSED)

    @property
    def received(self) -> int:
        """Bytes that are here."""
        return next((file.stat().st_size for file in (self.target, self.part) if file.is_file()), 0)


def client() -> httpx2.Client:
    """What speaks HTTP: follows redirections, and takes proxies from the usual variables.

    Raises:
        CorpusError: a variable names a proxy of a kind that it does not know.
    """
    try:
        return httpx2.Client(follow_redirects=True, timeout=TIMEOUT, headers={"User-Agent": "emobox"})
    except (ImportError, ValueError) as error:
        raise CorpusError(
            f"Expected http://… in the variables that name a proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY), but got: "
            f"{error} Correct them, or install what that proxy needs."
        ) from error


def fetch(http: httpx2.Client, download: Download, advance: Callable[[int], object], stopped: Event) -> None:
    """Fetch one file whole, from where an earlier call was cut off; nothing to do if it is there.

    Args:
        http: the client.
        download: what to fetch.
        advance: is told of bytes as they arrive; of a negative number where some have to be fetched again.
        stopped: once set, the fetching ends at the next piece.

    Raises:
        CorpusError: the server cannot be reached, does not have the file, sends another one, or the disk is full.
        StoppedError: `stopped` was set.
    """
    if download.target.is_file():
        return
    failures = 0
    while True:
        before = download.received
        try:
            _receive(http, download, advance, stopped)
            break
        except (httpx2.RequestError, _BrokenOffError) as error:
            failures = 0 if download.received > before else failures + 1
            if failures == TRIES:
                raise _unreachable(download, error) from error
            pause = max(PAUSE * 2 ** max(failures - 1, 0), getattr(error, "pause", 0.0))
            stopped.wait(min(pause, LONGEST_PAUSE))
        except OSError as error:
            if is_disk_full(error):
                raise CorpusError(
                    f"Expected room for {download.target.name} in {download.target.parent}, but the disk is full; make "
                    f"room there. What has arrived is kept: the same call goes on from there."
                ) from error
            raise
    _verify(download)
    download.part.replace(download.target)
    download.validator.unlink(missing_ok=True)


def _receive(
    http: httpx2.Client, download: Download, advance: Callable[[int], object], stopped: Event
) -> None:
    """Ask for what is missing, and append it."""
    headers = _resume_headers(download, advance)
    if download.size is not None and download.received == download.size:
        return
    with http.stream("GET", download.url, headers=headers) as response:
        _check_status(response, download, advance)
        if response.status_code == 200:
            _forget(download, advance)
        _check_size(response, download)
        if validator := _strong_validator(response):
            write_whole(download.validator, validator.encode())
        _append(response, download, advance, stopped)
    if download.size is not None and download.received < download.size:
        raise _BrokenOffError(f"only {download.received:,} of {download.size:,} bytes arrived")


def _resume_headers(download: Download, advance: Callable[[int], object]) -> dict[str, str]:
    """Ask for the rest of the file, if it is still the file of which we have a piece."""
    headers = {"Accept-Encoding": "identity"}  # ranges and sizes are of the file itself
    have = download.received
    validator = download.validator.read_text() if download.validator.is_file() else ""
    if have and not validator and not download.checksum:
        # Nothing could tell whether two pieces are of one file.
        _forget(download, advance)
    elif have:
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    return headers


def _strong_validator(response: httpx2.Response) -> str:
    """The server's name for this state of the file; weak ones hold for the meaning, not for every byte."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _forget(download: Download, advance: Callable[[int], object]) -> None:
    if download.received:
        advance(-download.received)
    download.part.unlink(missing_ok=True)
    download.validator.unlink(missing_ok=True)


def _check_status(response: httpx2.Response, download: Download, advance: Callable[[int], object]) -> None:
    """Whether the answer holds the file, or the rest of it.

    Raises:
        CorpusError: the server refuses it, or has it no longer.
        _BrokenOffError: another try may help.
    """
    status = response.status_code
    if status == 200:
        return
    if status == 206 and _range_start(response) == download.received:
        return
    if status in (206, 416):  # another piece than the one asked for, or there is none of that place
        _forget(download, advance)
        raise _BrokenOffError("the server does not have the rest of what was fetched before")
    if status in BUSY:
        wait = response.headers.get("Retry-After", "")
        raise _BrokenOffError(f"it answers {status}", float(wait) if wait.isdecimal() else 0.0)
    if status in (404, 410):
        raise CorpusError(
            f"Expected {download.target.name} at {download.url}, but it is not there (HTTP {status}): the record was "
            f"moved or withdrawn; look for it at {download.page}, unpack it by hand and name the folder as data_dir."
        )
    raise CorpusError(
        f"Expected {download.target.name} from {download.url}, but the server refuses it (HTTP {status}); look at "
        f"{download.page} whether it asks for a sign-in, and at the settings of your proxy if you have one."
    )


def _range_start(response: httpx2.Response) -> int | None:
    told = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(told[1]) if told else None


def _check_size(response: httpx2.Response, download: Download) -> None:
    """Refuse another file before it has been fetched."""
    if response.status_code == 206:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        total = response.headers.get("Content-Length", "")
    if not response.headers.get("Content-Type", "").startswith("text/html") and (
        download.size is not None and total.isdecimal() and int(total) != download.size
    ):
        raise CorpusError(
            f"Expected {download.target.name} of {download.size:,} bytes from {download.url}, but it has "
            f"{int(total):,} there now; it is another file than the one that was confirmed: look at {download.page}."
        )


def _append(
    response: httpx2.Response, download: Download, advance: Callable[[int], object], stopped: Event
) -> None:
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    with download.part.open("ab") as part:
        for piece in response.iter_raw():
            if stopped.is_set():
                raise StoppedError
            if part.tell() == 0 and (is_page or sniffed(piece)):
                download.validator.unlink(missing_ok=True)
                raise CorpusError(
                    f"Expected {download.target.name} from {download.url}, but got a web page, as proxies and sign-in "
                    f"pages send; open {download.page} in a browser, sign in to your network if it asks for that, and "
                    f"try again."
                )
            part.write(piece)
            advance(len(piece))
            if download.size is not None and part.tell() > download.size:
                break
    if download.size is not None and download.received > download.size:
        _forget(download, advance)
        raise CorpusError(
            f"Expected {download.size:,} bytes of {download.target.name} from {download.url}, but it sends more; look "
            f"at {download.page}."
        )


def _verify(download: Download) -> None:
    """Keep aside what is not what the publisher states."""
    if not download.checksum:
        return
    algorithm, _, expected = download.checksum.partition(":")
    with download.part.open("rb") as stream:
        # Not for security, where the publisher states nothing better than MD5.
        digest = hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False))
    if (found := digest.hexdigest()) == expected:
        return
    download.part.replace(download.refused)
    download.validator.unlink(missing_ok=True)
    raise CorpusError(
        f"Expected {download.target.name} with the {algorithm.upper()} {expected}, but got {found} from "
        f"{download.url}; it is not used, and kept aside as {download.refused}. Try again; if it comes so a second "
        f"time, the record has changed: look at {download.page}."
    )


def _unreachable(download: Download, error: Exception) -> CorpusError:
    reason = str(error) or type(error).__name__
    return CorpusError(
        f"Expected {download.target.name} from {download.url}, but the connection failed {TRIES} times ({reason}); "
        f"check the network and the proxy (HTTPS_PROXY). What has arrived is kept: the same call goes on from there."
    )
