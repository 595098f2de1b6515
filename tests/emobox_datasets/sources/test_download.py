"""From a publisher's record to a folder that the doctor has seen: every kind of publisher, and what may go wrong."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from hub_server import HubServer
from publisher_server import PublisherServer
from tiny_corpus import COMMIT, FOLDER, NAMES, in_folder, sounds, tarred, tiny, zenodo, zipped

from emobox_datasets.errors import CorpusError
from emobox_datasets.sources import download as downloading
from emobox_datasets.sources import unpack as unpacking
from emobox_datasets.sources.download import RECORD, Fetched, download, remind
from emobox_datasets.sources.source import Publisher, Recipe, RemoteFile, Source

SOUNDS = sounds()
PACKED = zipped(in_folder(SOUNDS))
WHERE = {"found": "a test", "checked": "2026-11-28"}


def source(publisher: Publisher, record: str, *files: RemoteFile, **more: object) -> Source:
    return Source(publisher, record, files, **WHERE, **more)  # type: ignore[arg-type]


def on_zenodo(publishers: PublisherServer) -> Source:
    publishers.zenodo("4242", {"tiny.zip": PACKED, "video.zip": b"not needed"})
    return source("zenodo", "4242", RemoteFile("tiny.zip"))


def on_zenodo_by_pattern(publishers: PublisherServer) -> Source:
    publishers.zenodo("4242", {"tiny corpus (v1).zip": PACKED, "licence.txt": b"CC"})
    return source("zenodo", "4242", RemoteFile("*.zip"))


def on_openslr(publishers: PublisherServer) -> Source:
    halves = [dict(list(SOUNDS.items())[:4]), dict(list(SOUNDS.items())[4:])]
    publishers.openslr("115", {f"{number}.tar.gz": tarred(half) for number, half in enumerate(halves)})
    return source("openslr", "115", RemoteFile("0.tar.gz"), RemoteFile("1.tar.gz"))


def on_github(publishers: PublisherServer) -> Source:
    files = in_folder({**in_folder(SOUNDS, "wav"), "README.md": b"read me"}, f"tiny-{COMMIT}")
    publishers.github("lab/tiny", COMMIT, tarred(files, COMMIT))
    return source("github", "lab/tiny", RemoteFile("tiny", members=("*/wav/*",)), revision=COMMIT)


def in_git_lfs(publishers: PublisherServer) -> Source:
    files = in_folder(
        {**{name: pointer(content) for name, content in SOUNDS.items()}, "video.flv": pointer(b"big")}
    )
    publishers.github("lab/tiny", COMMIT, tarred(files, COMMIT))
    publishers.git_lfs(list(SOUNDS.values()))
    size = sum(map(len, SOUNDS.values()))
    wanted = RemoteFile("tiny", members=("*.wav",))
    return source("github", "lab/tiny", wanted, revision=COMMIT, large_files=size)


def in_a_release(publishers: PublisherServer) -> Source:
    """Single files, no archive."""
    publishers.github_release("lab/tiny", SOUNDS)
    return source("github release", "lab/tiny", *map(RemoteFile, NAMES), revision="latest")


def in_an_old_release(publishers: PublisherServer) -> Source:
    """From when GitHub stated no checksums."""
    publishers.github_release("lab/tiny", {"tiny.tar.gz": tarred(SOUNDS), "more.txt": b""}, digests=False)
    return source("github release", "lab/tiny", RemoteFile("tiny.tar.gz"), revision="latest")


def on_dataverse(publishers: PublisherServer) -> Source:
    publishers.dataverse("borealisdata.ca", "10.5683/SP2/TINY", {"all.zip": PACKED, "readme.txt": b""})
    return source("dataverse", "10.5683/SP2/TINY", RemoteFile("*.zip"), host="borealisdata.ca")


def single_files_on_dataverse(publishers: PublisherServer) -> Source:
    files = {**in_folder(SOUNDS, "speech/wav"), "speech/readme.txt": b""}
    publishers.dataverse("borealisdata.ca", "10.5683/SP2/TINY", files)
    return source("dataverse", "10.5683/SP2/TINY", RemoteFile("*.wav"), host="borealisdata.ca")


def on_mendeley(publishers: PublisherServer) -> Source:
    publishers.mendeley("cy34mh68j9", "5", PACKED)
    return source("mendeley", "cy34mh68j9", RemoteFile("tiny.zip"), revision="5")


def on_a_page(publishers: PublisherServer) -> Source:
    publishers.files["/tiny.example.org/download/tiny.zip"] = PACKED
    return source("web", "http://tiny.example.org/download/", RemoteFile("tiny.zip"))


def pointer(content: bytes) -> bytes:
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()


KINDS = [on_zenodo, on_zenodo_by_pattern, on_openslr, on_github, in_git_lfs, in_a_release,
         in_an_old_release, on_dataverse, single_files_on_dataverse, on_mendeley, on_a_page]  # fmt: skip


def bring(made: Source, folder: Path, **options: object) -> Fetched:
    return download(tiny(made), folder, **options)  # type: ignore[arg-type]


def audio(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.wav")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_publisher(
    kind: Callable[[PublisherServer], Source], publishers: PublisherServer, tmp_path: Path
) -> None:
    fetched = bring(kind(publishers), tmp_path)
    assert fetched.root == tmp_path / "tiny"
    assert fetched.diagnosis is not None
    assert fetched.diagnosis.healthy, fetched.diagnosis.observations
    assert audio(fetched.root) == SOUNDS
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tiny.lock", "tiny"]
    asked = len(publishers.asked)
    assert bring(kind(publishers), tmp_path).diagnosis is None
    assert len(publishers.asked) == asked, "what is there is not asked for"


def test_the_hub(tmp_path: Path, publishers: PublisherServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files by its own client; what is changed on the way is kept aside."""
    with HubServer() as hub:
        for name, value in hub.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        repository = hub.create("dataset", "lab/tiny")
        commit = repository.add(
            "main", "corpus", {"data/tiny.zip": PACKED, "train.csv": b"a\n", "video.zip": b"no"}
        )
        made = source(
            "hub", "lab/tiny", RemoteFile("data/*.zip"), RemoteFile("train.csv"), revision=commit.oid
        )
        fetched = bring(made, tmp_path)
        assert audio(fetched.root) == SOUNDS
        assert (fetched.root / "train.csv").read_bytes() == b"a\n"
        nothing = source("hub", "lab/tiny", RemoteFile("*.tar"), revision=commit.oid)
        with pytest.raises(
            CorpusError, match=r"Expected \*\.tar in https://huggingface.co/datasets/lab/tiny/tree"
        ):
            bring(nothing, tmp_path / "other")
        gone = source("hub", "lab/gone", RemoteFile("*.zip"), revision=commit.oid)
        with pytest.raises(CorpusError, match=r"whether the dataset was moved or asks for a sign-in"):
            bring(gone, tmp_path / "other")


def test_what_was_fetched_is_recorded(publishers: PublisherServer, tmp_path: Path) -> None:
    root = bring(on_zenodo(publishers), tmp_path).root
    record = json.loads((root / RECORD).read_text())
    assert record["from"] == "https://zenodo.org/records/4242"
    assert record["files"][0]["checksum"] == f"md5:{hashlib.md5(PACKED).hexdigest()}", "as the record states"
    assert record["problems"] == []


def test_archives_are_kept_where_asked(publishers: PublisherServer, tmp_path: Path) -> None:
    bring(on_zenodo(publishers), tmp_path, keep_archives=True)
    assert (tmp_path / "tiny.archives" / "tiny.zip").read_bytes() == PACKED


def test_what_is_known_beforehand_is_not_asked_for(publishers: PublisherServer, tmp_path: Path) -> None:
    on_zenodo(publishers)
    known = RemoteFile("tiny.zip", len(PACKED), f"md5:{hashlib.md5(PACKED).hexdigest()}")
    bring(source("zenodo", "4242", known), tmp_path)
    assert [asked.path for asked in publishers.asked] == ["/zenodo.org/records/4242/files/tiny.zip"]


@pytest.mark.parametrize("facts", [{"size": 5}, {"checksum": f"md5:{'0' * 32}"}])
def test_what_is_known_beforehand_wins(
    publishers: PublisherServer, tmp_path: Path, facts: dict[str, object]
) -> None:
    """A record that states another size or checksum today has another file."""
    on_zenodo(publishers)
    with pytest.raises(CorpusError, match=r"another file than the one that was confirmed|kept aside as"):
        bring(source("zenodo", "4242", RemoteFile("tiny.zip", **facts)), tmp_path)  # type: ignore[arg-type]
    assert not (tmp_path / "tiny").exists()


def test_a_record_that_is_gone(publishers: PublisherServer, tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"the record https://zenodo.org/records/77, .* moved or withdrawn; look for"
    ):
        bring(source("zenodo", "77", RemoteFile("tiny.zip")), tmp_path)


def test_a_record_without_the_file(publishers: PublisherServer, tmp_path: Path) -> None:
    on_zenodo(publishers)
    with pytest.raises(
        CorpusError, match=r"the file other.zip in the record .* but it has tiny.zip, video.zip"
    ):
        bring(source("zenodo", "4242", RemoteFile("other.zip")), tmp_path)


@pytest.mark.parametrize(
    "answer", [b"<html>sign in</html>", b"{}", b'{"files": [{"key": "tiny.zip"}]}', b"\xff\xfe", b"[]"]
)
def test_a_record_that_is_none(publishers: PublisherServer, tmp_path: Path, answer: bytes) -> None:
    made = on_zenodo(publishers)
    publishers.files["/zenodo.org/api/records/4242"] = answer
    with pytest.raises(CorpusError, match=r"sign in to your network|has another form|it has none"):
        bring(made, tmp_path)


@pytest.mark.parametrize("name", ["../evil.wav", "/tmp/evil.wav", "a/../../evil.wav", "..\\evil.wav"])
def test_a_record_whose_names_lead_out(publishers: PublisherServer, tmp_path: Path, name: str) -> None:
    publishers.zenodo("4242", {name: b"evil", "b.wav": b"good"})
    with pytest.raises(CorpusError, match="which leads out of the folder; nothing is fetched"):
        bring(source("zenodo", "4242", RemoteFile("*.wav")), tmp_path / "data")
    assert not publishers.requests("/files/")


def test_large_files_that_the_server_has_no_longer(publishers: PublisherServer, tmp_path: Path) -> None:
    made = in_git_lfs(publishers)
    publishers.large.popitem()
    with pytest.raises(CorpusError, match=r"may be over its quota for today"):
        bring(made, tmp_path)
    publishers.git_lfs(list(SOUNDS.values()))
    assert audio(bring(made, tmp_path).root) == SOUNDS


def test_an_archive_that_nothing_unpacks(publishers: PublisherServer, tmp_path: Path) -> None:
    publishers.zenodo("4242", {"tiny.rar": b"Rar!"})
    with pytest.raises(CorpusError, match=r"but got tiny.rar; fetch and unpack it by hand"):
        bring(source("zenodo", "4242", RemoteFile("*")), tmp_path)


def test_an_archive_without_a_checksum_that_is_half(publishers: PublisherServer, tmp_path: Path) -> None:
    """Kept aside, and fetched again by the next call."""
    made = on_mendeley(publishers)
    publishers.mendeley("cy34mh68j9", "5", PACKED[:-100])
    with pytest.raises(CorpusError, match=r"damaged or half, and kept aside as"):
        bring(made, tmp_path)
    assert not (tmp_path / "tiny").exists()
    publishers.mendeley("cy34mh68j9", "5", PACKED)
    assert audio(bring(made, tmp_path).root) == SOUNDS


def locked(content: bytes) -> bytes:
    """The same zip, of which every member says that it needs a password."""
    made = bytearray(content)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = made.find(signature)
        while at >= 0:
            made[at + flags] |= 1
            at = made.find(signature, at + 4)
    return bytes(made)


REFUSED = {
    "leads out": zipped({"../evil.wav": b"evil", **SOUNDS}),
    "bomb": zipped({"zeros.wav": bytes(8 << 20)}),
    "password": locked(PACKED),
    "empty": zipped({}),
    "nested": zipped({"inner.zip": PACKED}),
    "another corpus": zipped({f"other{number}.wav": b"RIFF" for number in range(3)}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_archive_that_is_refused_does_not_block_the_next_call(
    kind: str, publishers: PublisherServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_REST", 1 << 20)
    made = on_mendeley(publishers)
    publishers.mendeley("cy34mh68j9", "5", REFUSED[kind])
    with pytest.raises(CorpusError, match=r"kept aside as .*/tiny\.zip\.refused"):
        bring(made, tmp_path)
    assert not (tmp_path / "tiny").exists()
    assert not (tmp_path / ".tiny.download/tiny.zip").exists()
    publishers.mendeley("cy34mh68j9", "5", PACKED)
    assert audio(bring(made, tmp_path).root) == SOUNDS


def test_no_room_is_told_before_the_first_byte(
    publishers: PublisherServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = on_zenodo(publishers)
    usage = downloading.shutil.disk_usage(tmp_path)._replace(free=1_000)
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        CorpusError, match=r"Expected room for .* MB of Tiny in .* but the disk has 0.0 MB; make room"
    ):
        bring(made, tmp_path)
    assert not publishers.requests("/files/")


def test_a_folder_that_cannot_be_written(publishers: PublisherServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        CorpusError, match=r"Expected to write Tiny to .*file/tiny.* or name another folder with --to"
    ):
        bring(on_zenodo(publishers), tmp_path / "file")


def test_the_doctor_finds_another_corpus(
    publishers: PublisherServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said at once, and again by every later call and use, until somebody has mended it."""
    publishers.zenodo("4242", {"tiny.zip": zipped(dict(list(SOUNDS.items())[1:]))})
    for _ in range(2):
        fetched = bring(source("zenodo", "4242", RemoteFile("tiny.zip")), tmp_path)
        assert fetched.diagnosis is not None
        assert not fetched.diagnosis.healthy
    caplog.clear()
    remind(fetched.root)
    assert "This copy is not the one the benchmark means. " in caplog.text
    assert "7" in caplog.text
    (fetched.root / NAMES[0]).write_bytes(SOUNDS[NAMES[0]])
    mended = bring(source("zenodo", "4242", RemoteFile("tiny.zip")), tmp_path).diagnosis
    assert mended is not None
    assert mended.healthy
    assert bring(source("zenodo", "4242", RemoteFile("tiny.zip")), tmp_path).diagnosis is None
    assert len(publishers.requests("/files/")) == 1


def test_a_call_that_was_killed_before_the_doctor_looked(publishers: PublisherServer, tmp_path: Path) -> None:
    """The next one lets it look, offline too, and takes away what the first had left."""
    root = bring(on_zenodo(publishers), tmp_path).root
    record = json.loads((root / RECORD).read_text())
    (root / RECORD).write_text(json.dumps({**record, "problems": None}))
    (tmp_path / ".tiny.download").mkdir()
    (tmp_path / ".tiny.download/tiny.zip").touch()
    publishers.asked.clear()
    fetched = bring(on_zenodo(publishers), tmp_path)
    assert fetched.diagnosis is not None
    assert fetched.diagnosis.healthy
    assert not publishers.asked
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tiny.lock", "tiny"]
    assert bring(on_zenodo(publishers), tmp_path).diagnosis is None


@pytest.mark.parametrize("there", ["a file", "hidden files"])
def test_something_else_where_the_folder_is_to_be(
    publishers: PublisherServer, tmp_path: Path, there: str
) -> None:
    if there == "a file":
        (tmp_path / "tiny").touch()
    else:
        (tmp_path / "tiny").mkdir()
        (tmp_path / "tiny/.DS_Store").touch()
    with pytest.raises(CorpusError, match=r"an empty folder or none at .*/tiny, but something else is there"):
        bring(on_zenodo(publishers), tmp_path)
    assert not publishers.asked


def test_nothing_is_said_of_what_was_not_fetched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for content in ("", "[]", "{}", "null"):
        (tmp_path / RECORD).write_text(content)
        remind(tmp_path)
    remind(tmp_path / "nowhere")
    assert not caplog.text


# May it be fetched?


def test_a_licence_that_is_not_accepted(
    publishers: PublisherServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tiny(on_zenodo(publishers), "research only")
    with pytest.raises(
        CorpusError, match=r"accept the licence of Tiny \(research only\).* EMOBOX_ACCEPT_LICENCE=tiny"
    ):
        download(corpus, tmp_path)
    monkeypatch.setenv("EMOBOX_ACCEPT_LICENCE", "tinier,emodb")
    with pytest.raises(CorpusError, match=r"accept the licence"):
        download(corpus, tmp_path)
    assert not publishers.asked
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("EMOBOX_ACCEPT_LICENCE", "emodb, tiny")
    assert audio(download(corpus, tmp_path).root) == SOUNDS
    monkeypatch.delenv("EMOBOX_ACCEPT_LICENCE")
    assert audio(download(corpus, tmp_path / "b", accept_licence=True).root) == SOUNDS


def test_an_open_licence_is_noted(
    publishers: PublisherServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        download(tiny(on_zenodo(publishers), "CC-BY-NC-SA-4.0"), tmp_path)
    assert "Its licence: CC-BY-NC-SA-4.0. Its homepage: https://tiny.example.org" in caplog.text
    size = f"{len(PACKED) / 1e6:.1f} MB"  # as the record states
    assert f"Tiny: {size} from https://zenodo.org/records/4242 to {tmp_path}/tiny" in caplog.text


@pytest.mark.parametrize("name", ["hub", "datasets"])
def test_offline_is_respected(
    publishers: PublisherServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = on_zenodo(publishers)
    if name == "hub":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    else:
        monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    with pytest.raises(
        CorpusError, match=r"HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set; unset it, or name the folder"
    ):
        bring(made, tmp_path)
    assert not publishers.asked


def test_a_corpus_behind_a_form(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"but Tiny has to be asked for:\n1. Sign.\n2. Its page: https://tiny"
    ):
        download(tiny(Recipe("Sign.", "all.zip")), tmp_path)
    with pytest.raises(CorpusError, match=r"Tiny has no known source; it comes from https://tiny"):
        download(tiny(None), tmp_path)


def test_a_mirror_must_be_one(
    tmp_path: Path, publishers: PublisherServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOBOX_MIRROR", "/data/mirror")
    with pytest.raises(CorpusError, match=r"the address of a mirror in EMOBOX_MIRROR"):
        bring(zenodo(), tmp_path)


@pytest.mark.parametrize(
    ("made", "url", "page"),
    [
        (zenodo(), "https://zenodo.org/records/4242/files/tiny.zip?download=1", "https://zenodo.org/records/4242"),
        (source("openslr", "115", RemoteFile("a b.tgz")), "https://www.openslr.org/resources/115/a%20b.tgz",
         "https://www.openslr.org/115/"),
        (source("github", "o/r", RemoteFile("r"), revision="c"), "https://codeload.github.com/o/r/tar.gz/c",
         "https://github.com/o/r/tree/c"),
        (source("dataverse", "10.5683/A", RemoteFile("a.zip", number=7), host="borealisdata.ca"),
         "https://borealisdata.ca/api/access/datafile/7?format=original", "https://doi.org/10.5683/A"),
    ],
)  # fmt: skip
def test_addresses_are_the_publishers(
    made: Source, url: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EMOBOX_MIRROR", raising=False)
    assert made.url(made.files[0]) == url
    assert made.page == page


def test_folder_names_of_archives_stay(publishers: PublisherServer, tmp_path: Path) -> None:
    assert (bring(on_zenodo(publishers), tmp_path).root / FOLDER / NAMES[0]).is_file()
