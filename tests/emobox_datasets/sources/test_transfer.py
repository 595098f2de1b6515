"""One file over HTTP: every byte arrives once and is the publisher's, or nothing is taken for it."""

import hashlib
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publisher_server import PAGE, PublisherServer

from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.transfer import TRIES, Download, StoppedError, client, fetch

CONTENT = random.Random(0).randbytes(300_000)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
PATH = "/zenodo.org/records/1/files/a.bin"


def download_to(
    folder: Path, publishers: PublisherServer, size: int | None = len(CONTENT), checksum: str | None = MD5
) -> Download:
    publishers.files.setdefault(PATH, CONTENT)
    return Download(publishers.url + PATH, folder / "a.bin", size, checksum, "https://zenodo.org/records/1")


def bring(download: Download, stopped: Event | None = None) -> list[int]:
    """What the bar was told."""
    counted = [download.received]
    with client() as http:
        fetch(http, download, counted.append, stopped or Event())
    return counted


def test_a_whole_file_arrives_once(tmp_path: Path, publishers: PublisherServer) -> None:
    download = download_to(tmp_path, publishers)
    assert sum(bring(download)) == len(CONTENT)
    assert download.target.read_bytes() == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]
    bring(download)
    assert len(publishers.asked) == 1, "what is there is not fetched again"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    breaks=st.lists(st.integers(0, len(CONTENT)), max_size=4),
    validator=st.sampled_from(["etag", "date", "weak", ""]),
)
def test_it_goes_on_where_the_connection_broke(
    tmp_path_factory: pytest.TempPathFactory, publishers: PublisherServer, breaks: list[int], validator: str
) -> None:
    """The publisher states a checksum; only a place that has been reached can be gone on from."""
    publishers.asked.clear()
    publishers.behave(PATH, breaks=sorted(breaks), validator=validator)
    download = download_to(tmp_path_factory.mktemp("broken"), publishers)
    assert sum(bring(download)) == len(CONTENT)
    assert download.target.read_bytes() == CONTENT
    assert publishers.bytes_sent(PATH) == len(CONTENT), "no byte twice"


@pytest.mark.parametrize(
    ("manners", "checksum"),
    [
        ({"ranges": False}, MD5),
        ({"ranges": False, "length": False}, MD5),
        ({"validator": ""}, None),
        ({"validator": "weak"}, None),
    ],
)
def test_it_begins_anew_where_it_cannot_go_on(
    tmp_path: Path, publishers: PublisherServer, manners: dict[str, object], checksum: str | None
) -> None:
    """Without ranges, or where nothing could tell whether two pieces are of one file."""
    publishers.behave(PATH, breaks=[200_000], **manners)
    download = download_to(tmp_path, publishers, checksum=checksum)
    assert sum(bring(download)) == len(CONTENT)
    assert download.target.read_bytes() == CONTENT
    assert publishers.bytes_sent(PATH) == len(CONTENT) + 200_000


def test_a_file_that_changes_meanwhile_is_not_mixed(tmp_path: Path, publishers: PublisherServer) -> None:
    download = download_to(tmp_path, publishers, checksum=None)
    publishers.behave(PATH, breaks=[100_000])
    stopped = Event()
    with client() as http, pytest.raises(StoppedError):
        fetch(http, download, lambda _: stopped.set(), stopped)
    assert 0 < download.received < len(CONTENT)
    publishers.files[PATH] = changed = CONTENT[::-1]
    bring(download)
    assert download.target.read_bytes() == changed


def test_it_gives_up_when_no_byte_comes(tmp_path: Path, publishers: PublisherServer) -> None:
    publishers.behave(PATH, breaks=[150_000, *[0] * 20])
    download = download_to(tmp_path, publishers)
    with pytest.raises(CorpusError, match=rf"failed {TRIES} times .* check the network and the proxy"):
        bring(download)
    assert len(publishers.asked) == 1 + TRIES
    publishers.manners.clear()
    bring(download)
    assert publishers.bytes_sent(PATH) == len(CONTENT), "what had arrived was kept"


def test_a_busy_server_is_asked_again(tmp_path: Path, publishers: PublisherServer) -> None:
    publishers.behave(PATH, statuses=[503, 429, 500])
    download = download_to(tmp_path, publishers)
    bring(download)
    assert download.target.read_bytes() == CONTENT


def test_nobody_listening_is_told(tmp_path: Path, publishers: PublisherServer) -> None:
    download = Download("http://127.0.0.1:9/a.bin", tmp_path / "a.bin", None, None, "https://page")
    with pytest.raises(CorpusError, match="check the network and the proxy"):
        bring(download)


def test_a_portal_that_sends_in_circles_is_told(tmp_path: Path, publishers: PublisherServer) -> None:
    publishers.redirections |= {PATH: "/portal", "/portal": PATH}
    with pytest.raises(CorpusError, match="Exceeded maximum allowed redirects"):
        bring(download_to(tmp_path, publishers))


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "gopher://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(CorpusError, match="Expected http://… in the variables that name a proxy"):
        client()


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "moved or withdrawn; look for it at https://zenodo.org/records/1"), (410, "moved or withdrawn"),
     (403, "the server refuses it"), (407, "the settings of your proxy")],
)  # fmt: skip
def test_a_refusal_is_final(tmp_path: Path, publishers: PublisherServer, status: int, said: str) -> None:
    publishers.behave(PATH, statuses=[status])
    with pytest.raises(CorpusError, match=said):
        bring(download_to(tmp_path, publishers))
    assert len(publishers.asked) == 1


def test_another_content_is_kept_aside(tmp_path: Path, publishers: PublisherServer) -> None:
    wrong = b"RIFF" + CONTENT[4:]
    publishers.files[PATH] = wrong
    download = download_to(tmp_path, publishers)
    with pytest.raises(CorpusError, match=r"with the MD5 .* kept aside as .*a\.bin\.refused"):
        bring(download)
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin.refused"]
    assert download.refused.read_bytes() == wrong
    publishers.files[PATH] = CONTENT
    bring(download)
    assert download.target.read_bytes() == CONTENT


def test_another_size_is_refused_before_it_is_fetched(tmp_path: Path, publishers: PublisherServer) -> None:
    with pytest.raises(CorpusError, match=r"of 7 bytes from .* it has 300,000 there now"):
        bring(download_to(tmp_path, publishers, size=7))
    assert not list(tmp_path.iterdir())


def test_more_than_stated_is_cut_off(tmp_path: Path, publishers: PublisherServer) -> None:
    publishers.behave(PATH, length=False)
    with pytest.raises(CorpusError, match="but it sends more"):
        bring(download_to(tmp_path, publishers, size=100_000))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [None, len(PAGE), 5])
def test_a_web_page_is_no_file(tmp_path: Path, publishers: PublisherServer, size: int | None) -> None:
    publishers.behave(PATH, page=True)
    with pytest.raises(CorpusError, match="but got a web page, as proxies and sign-in"):
        bring(download_to(tmp_path, publishers, size, None))
    publishers.manners.clear()
    download = download_to(tmp_path, publishers)
    bring(download)
    assert download.target.read_bytes() == CONTENT


def test_a_page_that_claims_to_be_a_file_is_none(tmp_path: Path, publishers: PublisherServer) -> None:
    publishers.files[PATH] = PAGE
    with pytest.raises(CorpusError, match="but got a web page"):
        bring(download_to(tmp_path, publishers, None, None))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_gone_on_from(tmp_path: Path, publishers: PublisherServer) -> None:
    download = download_to(tmp_path, publishers)
    with files_of_at_most(150_000), pytest.raises(CorpusError, match="the disk is full; make room there"):
        bring(download)
    assert download.received == 150_000
    bring(download)
    assert download.target.read_bytes() == CONTENT
    assert publishers.requests(PATH)[1].range == "bytes=150000-"


@pytest.mark.parametrize("rest", [b"", b"!" * 400_000])
def test_a_part_that_nobody_can_have_left_is_no_trap(
    tmp_path: Path, publishers: PublisherServer, rest: bytes
) -> None:
    """Longer than the file, or all of it but its last step."""
    download = download_to(tmp_path, publishers)
    download.part.write_bytes(CONTENT + rest)
    bring(download)
    assert download.target.read_bytes() == CONTENT
