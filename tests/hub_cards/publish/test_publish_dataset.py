"""`emobox publish-dataset` with the real client: what arrives, what is refused, what an interrupted upload leaves."""

import json
import shutil
from pathlib import Path

import pytest
from datasets import get_dataset_config_names, load_dataset
from hub_server import HubServer
from huggingface_hub import constants
from plain_datasets import load_elsewhere, rows_of

import emobox
from emobox_datasets.repository import prepared


def publish(folder: Path, *options: str) -> int:
    """The exit status of `emobox publish-dataset`."""
    with pytest.raises(SystemExit) as finished:
        emobox.main(["publish-dataset", str(folder), *options])
    return int(str(finished.value.code))


def sent(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in prepared.files(folder)}


@pytest.mark.parametrize("corpus", ["demo", pytest.param("emodb", marks=pytest.mark.slow)])
def test_plain_datasets_loads_the_rows_of_the_plugin(
    hub: HubServer, request: pytest.FixtureRequest, tmp_path: Path, corpus: str
) -> None:
    folder: Path = request.getfixturevalue(f"prepared_{corpus}")
    assert publish(folder, "--repo-id", f"emobox/{corpus}", "--private", "--send") == 0
    data_dir = str(request.getfixturevalue("shared_assets") / "corpora/emodb") if corpus == "emodb" else None
    names = get_dataset_config_names(f"emobox/{corpus}")
    assert len(names) == (10 if corpus == "emodb" else 5)
    asked = [
        (path, name, streaming)
        for path in (f"emobox/{corpus}", str(folder))
        for streaming in (False, True)
        for name in names
    ]
    found = load_elsewhere(asked, tmp_path, {**hub.environment(), "HF_TOKEN": hub.token})
    expected = [rows_of(load_dataset(f"emobox/{corpus}", name, data_dir=data_dir)) for name in names]
    assert found == 4 * expected
    assert hub.count(r"GET .*/resolve/.*parquet") > 2 * len(names)  # they came from the Hub


def test_the_default_configuration_is_the_first_fold(prepared_demo: Path) -> None:
    fold = load_dataset(str(prepared_demo))
    assert fold["test"].config_name == "fold1"
    assert set(fold) == {"train", "test"}


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(
    hub: HubServer, prepared_demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--create-pr") == 0
    shown = capsys.readouterr().out
    for part in (
        "README.md",
        "part00-00000",
        "lab/demo (public if it has to be made)",
        "pull request",
        "Apache-2.0",
        "--send",
    ):
        assert part in shown
    assert not hub.requests


def test_everything_arrives_in_one_commit_and_once(
    hub: HubServer, prepared_demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 0
    repository = hub.repository("dataset", "lab/demo")
    assert {path: repository.files()[path] for path in sent(prepared_demo)} == sent(prepared_demo)
    assert set(repository.files()) - set(sent(prepared_demo)) == {".gitattributes"}
    assert [commit.title.split(",")[0] for commit in repository.commits.values()] == [
        "initial commit",
        "EmoBox demo",
    ]
    output = capsys.readouterr()
    assert f"{hub.url}/datasets/lab/demo/commit/" in output.out
    assert hub.token not in output.out + output.err


def test_a_pull_request_is_opened_once(
    hub: HubServer, prepared_demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert publish(prepared_demo, "--repo-id", "lab/demo", "--create-pr", "--send") == 0
        assert capsys.readouterr().out.endswith(f"{hub.url}/datasets/lab/demo/discussions/1\n")
    repository = hub.repository("dataset", "lab/demo")
    assert set(repository.files()) == {".gitattributes"}
    assert set(repository.files("refs/pr/1")) == {".gitattributes", *sent(prepared_demo)}
    repository.merge(1)
    assert prepared.FILE in repository.files()


def test_a_new_version_leaves_nothing_of_the_old_one(
    hub: HubServer, prepared_demo: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(prepared_demo, older)
    told = json.loads((older / prepared.FILE).read_text())
    (older / "data/part03-00000-of-00001.parquet").rename(older / "data/part99-00000-of-00001.parquet")
    told["shards"][3]["path"] = "data/part99-00000-of-00001.parquet"
    (older / prepared.FILE).write_text(json.dumps(told))
    card = (older / prepared.CARD).read_text()
    (older / prepared.CARD).write_text(card.replace(told["version"], prepared.read(older).version))
    assert publish(older, "--repo-id", "lab/demo", "--send") == 0
    arrived = hub.count("PUT /lfs")
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 0
    assert set(hub.repository("dataset", "lab/demo").files()) == {".gitattributes", *sent(prepared_demo)}
    assert hub.count("PUT /lfs") == arrived  # the same bytes under another name


# Interrupted uploads.


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ("PUT /lfs", 503),
        ("PUT /lfs", "drop"),
        ("POST .*/preupload", 500),
        ("POST .*/batch", "drop"),
        ("POST .*/commit/main", 503),
        ("POST .*/commit/main", "drop"),
        ("POST .*/commit/main", "drop after"),
        ("POST .*/commit/main", 412),
        ("POST .*/repos/create", 502),
        ("POST .*/validate-yaml", "drop"),
    ],
)
def test_an_upload_goes_on_after_a_hiccup(
    hub: HubServer, prepared_demo: Path, request_: str, what: int | str
) -> None:
    hub.fail(request_, what)
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 0
    repository = hub.repository("dataset", "lab/demo")
    assert set(repository.files()) == {".gitattributes", *sent(prepared_demo)}
    assert len(repository.commits) == 2
    assert hub.faults[0].times == 0  # it did go wrong


def test_a_lost_answer_does_not_open_a_second_pull_request(hub: HubServer, prepared_demo: Path) -> None:
    hub.fail("POST .*/commit/main", "drop after")
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--create-pr", "--send") == 0
    assert len(hub.repository("dataset", "lab/demo").discussions) == 1


@pytest.mark.parametrize(
    ("request_", "what", "after", "message"),
    [
        ("PUT /lfs", 503, 2, "but got 503"),
        ("PUT /lfs", "drop", 2, "the connection failed"),
        ("POST /lfs/verify", 401, 2, "expired or was revoked"),
        ("POST .*/commit/main", 403, 0, "may write to lab/demo"),
        ("POST .*/commit/main", 500, 0, "but got 500"),
    ],
)
def test_an_upload_that_fails_says_why_and_continues_later(
    hub: HubServer,
    prepared_demo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request_: str,
    what: int | str,
    after: int,
    message: str,
) -> None:
    hub.fail(request_, what, times=10_000, after=after)
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Nothing was published" in error
    assert hub.token not in error
    repository = hub.repository("dataset", "lab/demo")
    assert set(repository.files()) == {".gitattributes"}
    before = hub.count("PUT /lfs")
    assert before >= 2
    hub.faults.clear()
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 0
    assert set(repository.files()) == {".gitattributes", *sent(prepared_demo)}
    assert hub.count("PUT /lfs") == 6  # four shards and two pictures, none of them twice


def test_nothing_half_published_is_loadable(hub: HubServer, prepared_demo: Path, tmp_path: Path) -> None:
    hub.fail("POST .*/commit/main", 503, times=10_000)
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 1
    (told,) = load_elsewhere([("lab/demo", "fold1", False)], tmp_path, hub.environment())
    assert told in ("EmptyDatasetError", "DataFilesNotFoundError")


@pytest.mark.parametrize(
    ("status", "message"), [(401, "expired or was revoked"), (403, "may write to lab/demo")]
)
def test_xet_that_refuses_is_told_at_once(
    hub: HubServer,
    prepared_demo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.fail("xet-write-token", status, times=10_000)
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 1
    assert message in capsys.readouterr().err


# What is refused.


@pytest.mark.parametrize("option", [(), ("--create-pr",)])
def test_audio_that_may_not_be_public_stays_here(
    hub: HubServer, prepared_emodb: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    assert publish(prepared_emodb, "--repo-id", "lab/emodb", "--send", *option) == 1
    error = capsys.readouterr().err
    for part in ("licence of EmoDB is not known", "--metadata-only", "--private"):
        assert part in error
    assert not hub.requests


def test_a_private_upload_never_goes_to_a_public_repository(
    hub: HubServer, prepared_emodb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.create("dataset", "lab/emodb")
    assert publish(prepared_emodb, "--repo-id", "lab/emodb", "--private", "--send") == 1
    assert "there already and public" in capsys.readouterr().err
    assert hub.count("PUT") == 0
    assert publish(prepared_emodb, "--repo-id", "lab/other", "--private", "--send") == 0
    assert hub.repository("dataset", "lab/other").private


def test_another_repository_is_not_replaced_unless_told(
    hub: HubServer, prepared_demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.create("dataset", "lab/mine").add(
        "main", "mine", {"README.md": b"mine", "train.csv": b"text\nmine\n"}
    )
    assert publish(prepared_demo, "--repo-id", "lab/mine", "--send") == 1
    assert "holds 2 other files, such as README.md" in capsys.readouterr().err
    assert "train.csv" in hub.repository("dataset", "lab/mine").files()
    assert publish(prepared_demo, "--repo-id", "lab/mine", "--send", "--replace") == 0
    assert set(hub.repository("dataset", "lab/mine").files()) == set(sent(prepared_demo))


def test_another_corpus_is_not_replaced(
    hub: HubServer, prepared_demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads((prepared_demo / prepared.FILE).read_text())
    for content, message in (
        ({**told, "corpus": "urdu"}, "it holds urdu with audio"),
        ({**told, "format": 99}, "format 99"),
        ([], "cannot be read"),
    ):
        hub.create("dataset", "lab/mine").add("main", "", {prepared.FILE: json.dumps(content).encode()})
        assert publish(prepared_demo, "--repo-id", "lab/mine", "--send") == 1
        assert message in capsys.readouterr().err


def test_without_a_token_nothing_happens(
    hub: HubServer, prepared_demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 1
    assert "found none in the variable HF_TOKEN" in capsys.readouterr().err
    assert not hub.requests


def test_an_expired_token_is_told_and_not_printed(
    hub: HubServer, prepared_demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.create("dataset", "lab/demo")
    hub.tokens.clear()
    assert publish(prepared_demo, "--repo-id", "lab/demo", "--send") == 1
    output = capsys.readouterr()
    assert "expired or was revoked" in output.err
    assert hub.token not in output.out + output.err


@pytest.mark.parametrize("repo_id", ["demo", "a/b/c", "lab/de mo", ""])
def test_names_that_are_none_are_refused(
    prepared_demo: Path, capsys: pytest.CaptureFixture[str], repo_id: str
) -> None:
    assert publish(prepared_demo, "--repo-id", repo_id) == 1
    assert "error: Expected" in capsys.readouterr().err


def damaged(folder: Path, how: str) -> str:
    """Spoil a prepared repository; what the error should say."""
    file = folder / prepared.FILE
    if how == "not prepared":
        file.unlink()
        return "has no emobox.json"
    if how == "another version":
        file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
        return "got format 2"
    if how == "no contents":
        file.write_text("{")
        return "cannot be read"
    if how == "shard gone":
        (folder / "data/part00-00000-of-00001.parquet").unlink()
        return "is missing"
    if how == "shard changed":
        (folder / "data/part00-00000-of-00001.parquet").write_bytes(b"PAR1")
        return "is another"
    if how == "shard added":
        (folder / "data/part09-00000-of-00001.parquet").write_bytes(b"PAR1")
        return "remove it"
    if how == "card of another version":
        card = folder / prepared.CARD
        card.write_text(card.read_text().replace("version: 1.1.", "version: 1.1.1"))
        return "of this version"
    (folder / prepared.CARD).unlink()
    return "there is none"


@pytest.mark.parametrize(
    "how",
    [
        "not prepared",
        "another version",
        "no contents",
        "shard gone",
        "shard changed",
        "shard added",
        "card of another version",
        "card gone",
    ],
)
def test_folders_that_are_no_whole_repository_are_refused(
    prepared_demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    shutil.copytree(prepared_demo, tmp_path / "demo")
    message = damaged(tmp_path / "demo", how)
    assert publish(tmp_path / "demo", "--repo-id", "lab/demo", "--send") == 1
    assert message in capsys.readouterr().err


# Without audio.


def test_metadata_is_published_without_audio_and_joined_with_the_users_copy(
    hub: HubServer, prepared_emodb: Path, shared_assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publish(prepared_emodb, "--repo-id", "lab/emodb", "--metadata-only", "--send") == 0
    files = hub.repository("dataset", "lab/emodb").files()
    assert sum(map(len, files.values())) < 300_000
    for path, content in files.items():
        target = tmp_path / "emobox" / "emodb" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (plain,) = load_elsewhere([("lab/emodb", "strict2", False)], tmp_path, hub.environment())
    data_dir = str(shared_assets / "corpora" / "emodb")
    expected = rows_of(load_dataset("emobox/emodb", "strict2", data_dir=data_dir))
    assert [json.loads(row)["id"] for row in plain["test"]] == [
        json.loads(row)["id"] for row in expected["test"]
    ]
    monkeypatch.chdir(tmp_path)
    joined = load_dataset("emobox/emodb", "strict2", data_dir=data_dir)
    assert rows_of(joined) == expected
