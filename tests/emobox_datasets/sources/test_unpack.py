"""Archives from the network: nothing outside of the folder, no links, no bombs, nothing half."""

import io
import resource
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_corpus import COMMIT, tarred, zipped

from emobox_datasets.errors import CorpusError
from emobox_datasets.sources import unpack as unpacking
from emobox_datasets.sources.source import RemoteFile
from emobox_datasets.sources.unpack import unpack

FILES = {"Corpus/a.wav": b"RIFF" * 10_000, "Corpus/deep/b.wav": b"RIFX", "Corpus/empty.txt": b""}
Pack = Callable[[dict[str, bytes]], bytes]
PACKS = pytest.mark.parametrize(("name", "pack"), [("c.zip", zipped), ("c.tar.gz", tarred)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "outer" / "corpus"
    made.mkdir(parents=True)
    return made


def unpacked(
    content: bytes, name: str, folder: Path, members: tuple[str, ...] = (), commit: str = ""
) -> dict[str, bytes]:
    archive = folder.parent.parent / name
    archive.write_bytes(content)
    unpack(archive, RemoteFile(name, members=members), folder, "https://page", commit)
    return everything(folder)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@PACKS
def test_every_file_is_written(name: str, pack: Pack, folder: Path) -> None:
    assert unpacked(pack(FILES), name, folder) == FILES


@PACKS
def test_only_what_is_needed(name: str, pack: Pack, folder: Path) -> None:
    assert set(unpacked(pack(FILES), name, folder, ("*/deep/*",))) == {"Corpus/deep/b.wav"}


def test_names_that_mean_the_same_place(folder: Path) -> None:
    assert unpacked(tarred({"./a.wav": b"1", "b//c.wav": b"2"}), "c.tar", folder) == {
        "a.wav": b"1",
        "b/c.wav": b"2",
    }


@PACKS
@pytest.mark.parametrize(
    "evil", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:/evil", "a/..", ".."]
)
@pytest.mark.parametrize("members", [(), ("*.wav",)])
def test_no_name_leads_out(name: str, pack: Pack, folder: Path, evil: str, members: tuple[str, ...]) -> None:
    with pytest.raises(CorpusError, match=r"has a name that leads out of its folder; nothing of it is used"):
        unpacked(pack({evil: b"evil", **FILES}), name, folder, members)
    assert not everything(folder)
    assert sorted(path.name for path in folder.parent.parent.iterdir()) == sorted(
        [f"{name}.refused", "outer"]
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_no_link_or_device_in_a_tar(kind: bytes, folder: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("Corpus")
        member.type, member.linkname = kind, "/etc"
        archive.addfile(member)
        inner = tarfile.TarInfo("Corpus/passwd")
        inner.size = 4
        archive.addfile(inner, io.BytesIO(b"evil"))
    with pytest.raises(CorpusError, match=r"'Corpus' is a link or a device"):
        unpacked(packed.getvalue(), "c.tar", folder)
    assert not list(folder.iterdir())


def test_a_link_that_is_not_needed_is_not_made(folder: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("Corpus/latest")
        link.type, link.linkname = tarfile.SYMTYPE, "a.wav"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("Corpus/a.wav"), io.BytesIO())
    assert unpacked(packed.getvalue(), "c.tar", folder, ("*.wav",)) == {"Corpus/a.wav": b""}
    assert not (folder / "Corpus/latest").is_symlink()


def test_no_link_in_a_zip(folder: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("Corpus")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
    with pytest.raises(CorpusError, match=r"'Corpus' is a link or a device"):
        unpacked(packed.getvalue(), "c.zip", folder)


@PACKS
def test_a_bomb_is_stopped(name: str, pack: Pack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_REST", 1 << 20)
    with pytest.raises(CorpusError, match=r"unpack to at most 20 times its size"):
        unpacked(pack({"zeros.wav": bytes(8 << 20)}), name, folder)
    assert sum(map(len, everything(folder).values())) < 2 << 20


def test_a_bomb_of_empty_files_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_REST", 1 << 16)
    with pytest.raises(CorpusError, match=r"unpack to at most 20 times its size"):
        unpacked(tarred({f"{number}.wav": b"" for number in range(2_000)}), "c.tgz", folder)


def test_a_zip_that_lies_about_its_sizes_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_REST", 1 << 20)
    content = zipped({"zeros.wav": bytes(8 << 20)})
    lying = content.replace((8 << 20).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    assert lying != content
    with pytest.raises(CorpusError, match=r"at most 20 times|cannot be unpacked"):
        unpacked(lying, "c.zip", folder)
    assert sum(map(len, everything(folder).values())) < 2 << 20


@PACKS
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_half_an_archive_is_told(name: str, pack: Pack, folder: Path, kept: float) -> None:
    content = pack({f"{number}.wav": bytes([number]) * 3_000 + str(number).encode() for number in range(200)})
    with pytest.raises(
        CorpusError, match=rf"cannot be unpacked .* damaged or half, and kept aside as .*/{name}\.refused"
    ):
        unpacked(content[: int(len(content) * kept)], name, folder)
    assert not (folder.parent.parent / name).exists(), "so that it is fetched again"


@PACKS
def test_a_flipped_bit_is_told(name: str, pack: Pack, folder: Path) -> None:
    content = bytearray(pack(FILES))
    content[len(content) // 3] ^= 0x10
    with pytest.raises(CorpusError):
        unpacked(bytes(content), name, folder)


def test_a_password_is_told(folder: Path) -> None:
    content = bytearray(zipped({"a.wav": b"1"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(
        CorpusError, match=r"aside as .*/c\.zip\.refused: unpack that by hand and name the folder"
    ):
        unpacked(bytes(content), "c.zip", folder)


@PACKS
def test_a_full_disk_is_told(name: str, pack: Pack, folder: Path) -> None:
    content = pack(FILES)
    (folder.parent.parent / name).write_bytes(content)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(CorpusError, match=r"the disk is full; make room there. The archive is kept"):
            unpack(folder.parent.parent / name, RemoteFile(name), folder, "https://page")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_archive_of_a_commit_says_so(folder: Path) -> None:
    assert unpacked(tarred(FILES, COMMIT), "c.tar.gz", folder, commit=COMMIT) == FILES
    with pytest.raises(
        CorpusError, match=f"Expected the files of commit {'f' * 40} in c.tar.gz, but it is of {COMMIT}"
    ):
        unpacked(tarred(FILES, COMMIT), "c.tar.gz", folder, commit="f" * 40)
    with pytest.raises(CorpusError, match=r"but it is of no commit"):
        unpacked(tarred(FILES), "c.tar.gz", folder, commit=COMMIT)
