"""`emobox publish` with the real client: what changes on the Hub, what does not, what is refused."""

import json
import re
from pathlib import Path

import pytest
from hub_server import HubServer
from hub_store import Repository
from huggingface_hub import ModelCard
from result_runs import BY_HAND, MODEL, make_run, publish
from stress_records import make_stress

from hub_cards.hub import pull_request as additions

FIGURE = "Confusion matrix over all tested utterances of URDU, protocol paper"


def only_ours(before: bytes, after: bytes) -> tuple[str, str]:
    """What was added to the metadata and to the body, if nothing else changed."""
    old, new = before.decode().splitlines(keepends=True), after.decode().splitlines(keepends=True)
    rest, added = iter(new), []
    for line in old:
        for found in rest:
            if found.rstrip("\n") == line.rstrip("\n"):
                break
            added.append(found)
        else:
            raise AssertionError(f"{line!r} is gone")
    return "".join(added), "".join(rest)


def test_a_dry_run_shows_the_change_of_the_card_and_sends_nothing(
    hub: HubServer, model: Repository, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(finished / "urdu/paper", "--to", MODEL) == 0
    shown = capsys.readouterr().out
    changed = [line for line in shown.splitlines() if re.match(r"[+-](?![+-]{2} )", line)]
    assert changed
    assert not [line for line in changed if line.startswith("-")]
    for part in (
        "+### URDU, protocol paper",
        "+    dataset:",
        "emobox/urdu-paper-confusion.png",
        ".eval_results/emobox_urdu_paper.yaml",
        "as a pull request",
        "Nothing was sent",
    ):
        assert part in shown
    assert model.files()["README.md"] == BY_HAND
    assert not [request for request in hub.requests if "/commit/" in request.path]
    assert len(model.commits) == 2
    assert hub.token not in shown


def test_a_card_by_hand_gets_our_section_and_nothing_else(
    hub: HubServer, model: Repository, finished: Path
) -> None:
    before = model.files()
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send", "--no-pull-request") == 0
    after = model.files()
    assert {path for path in after if after[path] != before.get(path)} == {
        "README.md",
        "emobox/urdu-paper-confusion.png",
        ".eval_results/emobox_urdu_paper.yaml",
    }
    metadata, body = only_ours(BY_HAND, after["README.md"])
    assert metadata.startswith('- name: My "encoder"\n  results:\n  - task:\n')
    assert "greedy" not in metadata
    assert body.startswith("\n<!-- emobox:begin -->\n")
    assert body.endswith("<!-- emobox:end -->\n")
    assert f"![{FIGURE}](emobox/urdu-paper-confusion.png)" in body
    assert after["emobox/urdu-paper-confusion.png"] == (finished / "urdu/paper/confusion.png").read_bytes()
    card = ModelCard(after["README.md"].decode())
    card.validate()
    assert [(result.dataset_type, result.metric_type) for result in card.data.eval_results] == [
        ("librispeech_asr", "wer"),
        ("emobox/urdu", "recall"),
        ("emobox/urdu", "accuracy"),
        ("emobox/urdu", "f1"),
    ]


@pytest.mark.parametrize("way", [(), ("--no-pull-request",)])
def test_publishing_twice_is_publishing_once(
    hub: HubServer,
    model: Repository,
    finished: Path,
    capsys: pytest.CaptureFixture[str],
    way: tuple[str, ...],
) -> None:
    words = (finished / "urdu/paper", finished / "emodb", finished / "cross", "--to", MODEL, "--send", *way)
    results = ("--results-repo", "lab/results", "--public")
    assert publish(*words, *results) == 0
    dataset = hub.repository("dataset", "lab/results")
    commits = len(model.commits), len(dataset.commits)
    sent = hub.count("POST .*/commit/")
    assert (hub.count("PUT /lfs"), sent) == (5, 2)  # two pictures, three tables of predictions
    assert publish(*words, *results) == 0
    assert (len(model.commits), len(dataset.commits)) == commits
    assert (hub.count("PUT /lfs"), hub.count("POST .*/commit/")) == (5, sent)
    assert len(model.discussions) == (0 if way else 1)
    assert not dataset.discussions  # made a moment ago: nobody to ask
    assert "there already" in capsys.readouterr().out


def test_a_pull_request_is_found_again_whatever_has_happened_since(
    hub: HubServer, model: Repository, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send") == 0
    assert model.files()["README.md"] == BY_HAND
    assert "/discussions/1" in capsys.readouterr().out
    # Somebody edits the card; the pull request would still bring the same scores.
    model.add(
        "main", "a typo", {**model.files(), "README.md": BY_HAND.replace(b"My encoder", b"Our encoder")}
    )
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send") == 0
    assert len(model.discussions) == 1
    # Other scores are another pull request, and the same ones again once it is closed.
    assert publish(finished / "urdu/strict", "--to", MODEL, "--send") == 0
    assert len(model.discussions) == 2
    model.discussions[0]["status"] = "closed"
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send") == 0
    assert len(model.discussions) == 3
    model.merge(3)
    assert b"### URDU, protocol paper" in model.files()["README.md"]
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send") == 0
    assert len(model.discussions) == 3


def test_scores_of_other_corpora_and_protocols_stay(
    hub: HubServer, model: Repository, finished: Path, tmp_path: Path
) -> None:
    for run in ("urdu/paper", "urdu/strict", "emodb/paper"):
        assert publish(finished / run, "--to", MODEL, "--send", "--no-pull-request") == 0
    before = model.files()["README.md"]
    assert [line for line in before.decode().splitlines() if line.startswith("### ")] == [
        "### EmoDB, protocol paper",
        "### URDU, protocol paper",
        "### URDU, protocol strict",
        "### Protocol paper",
        "### Protocol strict",
    ]
    newer = make_run(tmp_path / "urdu/paper", chance=7)
    assert publish(tmp_path, "--to", MODEL, "--send", "--no-pull-request") == 0
    after = model.files()["README.md"].decode()
    old = before.decode().split("<!-- emobox:scores ")
    new = after.split("<!-- emobox:scores ")
    assert [part for part in new if part not in old] == [
        new[0],
        new[2],
    ]  # metadata with the summary, and the part of URDU by paper
    values = {
        (result.dataset_type, result.dataset_config): result.metric_value
        for result in ModelCard(after).data.eval_results
        if result.metric_type == "recall"
    }
    assert len(values) == 4 - 1
    assert values["emobox/urdu", "fold1..fold2, protocol paper"] == round(newer.mean.ua, 4)


def test_a_model_without_a_card_gets_one(hub: HubServer, finished: Path) -> None:
    repository = hub.create("model", MODEL)
    for _ in range(2):
        assert publish(finished / "urdu/paper", "--to", MODEL, "--send", "--no-pull-request") == 0
    card = ModelCard(repository.files()["README.md"].decode())
    assert card.data.pipeline_tag == "audio-classification"
    assert len(card.data.eval_results) == 3
    assert len(repository.commits) == 2


def test_every_picture_that_is_sent_stands_in_the_card(
    hub: HubServer, model: Repository, tmp_path: Path
) -> None:
    make_run(tmp_path)
    tested = make_stress(tmp_path)
    assert publish(tmp_path, "--to", MODEL, "--send", "--no-pull-request") == 0
    files = model.files()
    card = files["README.md"].decode()
    assert "emobox/urdu-paper-stress.png" in files
    for picture in (path for path in files if path.endswith(".png")):
        assert f"]({picture})" in card
    for one in tested.perturbations:
        assert f"| {one.name} |" in card


def test_a_card_without_metadata_gets_some_and_keeps_its_text(
    hub: HubServer, model: Repository, finished: Path
) -> None:
    text = b"# Mine\r\n\r\nIt is good.\r\n"
    model.add("main", "", {"README.md": text})
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send", "--no-pull-request") == 0
    after = model.files()["README.md"]
    assert text in after
    assert after.count(b"\n") == after.count(b"\r\n")
    assert len(ModelCard(after.decode()).data.eval_results) == 3


# What is refused, before anything is sent.


def test_scores_that_were_tampered_with_are_refused_and_the_hub_is_not_asked(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = make_run(tmp_path).model_dump(mode="json")
    told["mean"]["ua"] += 0.01
    (tmp_path / "result.json").write_text(json.dumps(told))
    assert publish(tmp_path, "--to", MODEL, "--send") == 1
    assert "UA of the mean" in capsys.readouterr().err
    assert publish(tmp_path, "--to", "no name", "--send") == 1
    assert "such as my-lab" in capsys.readouterr().err
    assert not hub.requests


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (b"---\nlicense: [mit\n---\n# A\n", "that is YAML"),
        (b"---\n- mit\n---\n# A\n", "that is a mapping"),
        (b"---\nmodel-index: mine\n---\n# A\n", "Expected a model-index"),
        (b"# A\n<!-- emobox:begin -->\nhalf\n", "Expected one section"),
        (b"# \xff\xfe", "Expected a README in UTF-8"),
    ],
)
def test_cards_that_cannot_be_merged_are_left_alone(
    hub: HubServer,
    model: Repository,
    finished: Path,
    capsys: pytest.CaptureFixture[str],
    card: bytes,
    message: str,
) -> None:
    model.add("main", "", {"README.md": card})
    words = ("--to", MODEL, "--results-repo", "lab/results", "--send")
    assert publish(finished / "urdu/paper", *words) == 1
    assert message in capsys.readouterr().err
    assert hub.count("POST .*/commit/") == 0
    assert ("dataset", "lab/results") not in hub.repositories


def test_no_model_is_made_for_others(
    hub: HubServer, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(finished / "urdu/paper", "--to", "lab/nobody", "--send", "--no-pull-request") == 1
    assert "lab/nobody on the Hub, but there is none" in capsys.readouterr().err
    assert not hub.repositories


# What goes wrong on the way.


@pytest.mark.parametrize(
    ("request_", "what", "way", "message"),
    [
        ("POST .*/commit/main", 403, "", "may write to lab/encoder"),
        ("POST .*/commit/main", 500, "--no-pull-request", "but got 500"),
        ("PUT /lfs", 503, "", "but got 503"),
        ("POST .*/paths-info", 500, "--no-pull-request", "but got 500"),
        ("GET .*/discussions", 500, "", "but got 500"),
        ("POST .*/preupload", 401, "--no-pull-request", "expired or was revoked"),
        ("POST .*/preupload", "drop", "", "connection failed"),
    ],
)
def test_a_hub_that_fails_leaves_the_model_as_it_was(
    hub: HubServer,
    model: Repository,
    finished: Path,
    capsys: pytest.CaptureFixture[str],
    request_: str,
    what: int | str,
    way: str,
    message: str,
) -> None:
    before = dict(model.files())
    words = (finished / "urdu/paper", "--to", MODEL, "--send", *filter(None, [way]))
    hub.fail(request_, what, times=10_000)
    assert publish(*words) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Nothing was published" in error
    assert hub.token not in error
    assert model.files() == before
    assert not model.discussions
    hub.faults.clear()
    assert publish(*words) == 0
    assert (len(model.discussions), len(model.commits)) == (0 if way else 1, 3)


def test_a_failure_between_two_repositories_is_told_and_mended_by_running_again(
    hub: HubServer, model: Repository, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (finished / "urdu/paper", "--to", MODEL, "--results-repo", "lab/results", "--send")
    hub.fail("POST /api/datasets/.*/commit/", 503, times=10_000)
    assert publish(*words) == 1
    assert "Nothing was published" in capsys.readouterr().err
    assert set(hub.repository("dataset", "lab/results").files()) == {".gitattributes"}  # made, and empty
    hub.faults.clear()
    hub.fail("POST /api/models/.*/commit/", 403, times=10_000)
    assert publish(*words) == 1
    error = capsys.readouterr().err
    assert "may write to lab/encoder" in error
    assert f"Before that, and not done again: sent: {hub.url}/datasets/lab/results/commit/" in error
    assert model.files()["README.md"] == BY_HAND
    dataset = hub.repository("dataset", "lab/results")
    assert len(dataset.commits) == 2
    hub.faults.clear()
    assert publish(*words) == 0
    assert len(dataset.commits) == 2
    assert len(model.discussions) == 1


@pytest.mark.parametrize("way", [(), ("--no-pull-request",)])
def test_an_answer_that_is_lost_sends_nothing_twice(
    hub: HubServer, model: Repository, finished: Path, way: tuple[str, ...]
) -> None:
    hub.fail("POST .*/commit/main", "drop after")
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send", *way) == 0
    assert (len(model.discussions), len(model.commits)) == (0 if way else 1, 3)


def test_a_card_that_changes_while_we_send_is_merged_again(
    hub: HubServer, model: Repository, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = additions._pending, []

    def meanwhile(*arguments: object) -> additions.Pending:
        found = original(*arguments)  # type: ignore[arg-type]
        calls.append(found)
        if len(calls) == 2:  # the first is the dry look before
            model.add("main", "", {**model.files(), "README.md": BY_HAND + b", nor later"})
        return found

    monkeypatch.setattr(additions, "_pending", meanwhile)
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send", "--no-pull-request") == 0
    text = model.files()["README.md"]
    assert b"at the end, nor later\n" in text
    assert b"### URDU, protocol paper" in text


def test_without_a_token_only_looking_is_possible(
    hub: HubServer,
    model: Repository,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert publish(finished / "urdu/paper", "--to", MODEL) == 0
    assert publish(finished / "urdu/paper", "--to", MODEL, "--send") == 1
    assert "HF_TOKEN" in capsys.readouterr().err
