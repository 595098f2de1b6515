"""Model cards, read back by huggingface_hub and by a CommonMark parser."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from markdown_it.token import Token
from records import record
from result_runs import make_cross_run, make_run

import emobox
from emobox_probe.encoders.facts import OwnSource
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.records.result import LayerScore, ResultRecord
from hub_cards.cards.markdown import shell, text
from hub_cards.cards.model_card import METRICS, model_card, readme
from hub_cards.cards.parts import command, cross_part
from hub_cards.runs.find_and_check import Run


def test_the_hub_reads_the_scores_back(tmp_path: Path) -> None:
    model_card(record()).save(tmp_path / "README.md")
    results = ModelCard.load(tmp_path / "README.md").data.eval_results
    assert [(r.metric_type, r.metric_value) for r in results] == [
        ("recall", 0.5),
        ("accuracy", 0.625),
        ("f1", 0.55),
    ]
    assert {r.dataset_type for r in results} == {"emobox/urdu"}
    assert results[0].dataset_args == {"fingerprint": "3" * 64}
    assert len(METRICS) == len(results)


def test_the_card_says_what_the_model_has_seen_in_training() -> None:
    name = "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53"
    text = str(model_card(record(name=name)))
    said = "Seen in training: **tuned**, trained on this corpus with its emotion labels ([Model card (commit 4700315)]("
    # Beside the score, before its table.
    assert 0 < text.index(said) < text.index("| percent | UA |")
    assert "Seen in training" not in str(model_card(record()))


def test_a_matrix_says_which_targets_the_model_has_seen(tmp_path: Path) -> None:
    name = "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53"
    part = cross_part(make_cross_run(tmp_path, name=name))
    assert "- urdu seen in training: **tuned** ([Model card" in part
    assert "- emodb seen in training" not in part


def test_the_card_marks_an_encoder_of_ones_own() -> None:
    made = record(name="python:mine:load")
    own = OwnSource(import_path="python:mine:load", code_sha256="5" * 64)
    marked = made.model_copy(update={"encoder": made.encoder.model_copy(update={"own": own})})
    said = (
        f"| own encoder | loaded from its author's code (sha256 {'5' * 64}); others cannot load it by name |"
    )
    assert said in str(model_card(marked))
    assert "own encoder" not in str(model_card(made))


def test_the_card_says_how_it_was_made() -> None:
    text = str(model_card(record()))
    for part in (
        "| fold1 | 50.0 | 62.5 | 55.0 | 100 |",
        "40.0 to 60.0",
        "confusion.png",
        "0" * 64,
        "Section 3.1 of the EmoBox paper on its released folds.",
    ):
        assert part in text
    assert "base_model: openai/whisper-base" in text
    assert "are missing" not in text
    assert "**2 of 400 utterances of urdu are missing" in str(model_card(record(missing=2)))


def test_a_sentence_is_not_cut_where_it_is_long() -> None:
    sentence = "; ".join(f"speaker {number} has no utterance of Sad" for number in range(40)) + "."
    labels = [f"an emotion with a long name, number {number}" for number in range(12)]
    made = record().model_copy(update={"remarks": [sentence]})
    made = made.model_copy(update={"corpus": made.corpus.model_copy(update={"labels": labels})})
    card = str(model_card(made))
    assert sentence in card
    assert f"12 classes ({', '.join(labels)})" in card
    assert "…" not in card


def test_scores_on_an_incomplete_corpus_say_so_wherever_the_card_has_them(tmp_path: Path) -> None:
    model_card(record(missing=2)).save(tmp_path / "README.md")
    results = ModelCard.load(tmp_path / "README.md").data.eval_results
    assert {result.dataset_name for result in results} == {"EmoBox URDU (incomplete: 2 utterances missing)"}
    assert {result.dataset_args["missing"] for result in results} == {2}
    made = make_cross_run(tmp_path / "cross")
    lacking = made.corpora[0].model_copy(update={"missing": 2, "utterances": 533})
    part = cross_part(made.model_copy(update={"corpora": [lacking, made.corpora[1]]}))
    assert part.count("†") == 4  # the sentence, and all pairs but URDU on URDU
    assert "**† 2 of 535 utterances of emodb are missing: not comparable.**" in part
    assert "†" not in cross_part(made)


def test_the_card_counts_what_is_in_the_audio() -> None:
    made = record()
    assert "| utterances | 400 (0.28 h) |" in str(model_card(made))
    corpus = made.corpus.model_copy(
        update={"silent": 1_234, "over_30_seconds": 2, "under_25_milliseconds": 3}
    )
    encoder = made.encoder.model_copy(update={"lengthened": 4})
    assert (
        "| utterances | 400 (0.28 h); 1,234 silent, 2 longer than 30 s, 3 shorter than 25 ms, 4 lengthened for the "
        "encoder |"
    ) in str(model_card(made.model_copy(update={"corpus": corpus, "encoder": encoder})))


def test_a_time_that_is_not_known_is_not_made_up() -> None:
    made = record()
    unknown = made.provenance.model_copy(update={"extraction_seconds": None})
    assert "| extraction, training | 12 s, 34 s on a processor" in str(model_card(made))
    card = str(model_card(made.model_copy(update={"provenance": unknown})))
    assert "| extraction, training | unknown, 34 s on a processor" in card


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "emobox probe --model openai/whisper-base --corpus urdu --data-dir /path/to/urdu "
            "--revision abc123 --protocol paper",
        ),
        (
            {"corpus": "demo"},
            "emobox probe --model openai/whisper-base --corpus demo --revision abc123 --protocol paper",
        ),
        (
            {"corpus": "demo", "name": "/home/ada/whisper-base:trimmed"},
            "emobox probe --model /path/to/whisper-base:trimmed --corpus demo --revision abc123 --protocol paper",
        ),
    ],
)
def test_the_command_makes_the_result_again(changes: dict[str, object], expected: str) -> None:
    assert command(record(**changes)) == expected


def test_the_command_line_writes_it_beside_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(name="/models/my-encoder").write(tmp_path)
    with pytest.raises(SystemExit) as finished:
        emobox.main(["card", str(tmp_path)])
    assert finished.value.code == 0
    assert ModelCard.load(tmp_path / "README.md").data.model_name == "my-encoder"
    with pytest.raises(SystemExit) as failed:
        emobox.main(["card", str(tmp_path / "nowhere")])
    assert failed.value.code == 1
    assert "run the probe first" in capsys.readouterr().err


def card(*words: object) -> int:
    """The exit status of `emobox card`."""
    with pytest.raises(SystemExit) as finished:
        emobox.main(["card", *map(str, words)])
    return int(str(finished.value.code))


def test_many_runs_are_one_card_with_a_table_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for corpus, protocol in (("urdu", "paper"), ("urdu", "strict"), ("emodb", "paper")):
        make_run(tmp_path / "runs" / corpus / protocol, corpus, protocol)
    assert card(tmp_path / "runs") == 1
    assert "Expected --out or --readme" in capsys.readouterr().err
    out = tmp_path / "out/README.md"
    assert card(tmp_path / "runs", "--out", out) == 0
    made = ModelCard.load(out)
    *parts, paper, strict = made.text.split("\n### ")[1:]
    assert [part.splitlines()[0] for part in (*parts, paper, strict)] == [
        "EmoDB, protocol paper",
        "URDU, protocol paper",
        "URDU, protocol strict",
        "Protocol paper",
        "Protocol strict",
    ]
    # What a protocol is stands there once, whatever number of runs there is.
    for said in (PROTOCOLS["paper"].description, PROTOCOLS["strict"].description):
        assert made.text.count(said) == 1
    assert all(part.count("| percent | UA | WA | F1 | tested |") == 1 for part in parts)
    assert ["± over seeds" in part for part in parts] == [False, False, True]
    assert all("± over seeds" not in part or "5 seeds" in part for part in parts)
    assert {(r.dataset_type, r.dataset_config) for r in made.data.eval_results} == {
        ("emobox/emodb", "fold1..fold2, protocol paper"),
        ("emobox/urdu", "fold1..fold2, protocol paper"),
        ("emobox/urdu", "fold1..fold2, protocol strict"),
    }
    assert sorted(made.data.language) == ["de", "ur"]
    pictures = [token.attrs["src"] for token in images(made.text)]
    assert len(pictures) == 3
    for picture in pictures:
        assert (out.parent / str(picture)).read_bytes().startswith(b"\x89PNG")


def test_an_existing_readme_keeps_everything_else(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    mine = tmp_path / "mine/README.md"
    mine.parent.mkdir()
    before = "---\nlicense:  mit # sic\n---\n# Mine\n\n| a |\n"
    mine.write_text(before)
    for _ in range(2):
        assert card(tmp_path / "run", "--readme", mine) == 0
    after = mine.read_text()
    start, end = before.split("---\n# Mine")
    assert after.startswith(f"{start}model-index:\n- name: lab/encoder\n")
    assert f"---\n# Mine{end}\n<!-- emobox:begin -->" in after
    assert sorted(path.name for path in mine.parent.rglob("*")) == [
        "README.md",
        "emobox",
        "urdu-paper-confusion.png",
    ]
    assert mine.with_name("emobox").is_dir()
    assert card(tmp_path / "run", "--readme", tmp_path / "none.md") == 1
    other = tmp_path / "other/README.md"
    assert card(tmp_path / "run", "--readme", mine, "--out", other) == 0
    assert other.read_text() == after


def test_pictures_that_a_run_did_not_keep_are_drawn(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run")
    layers = [LayerScore(layer=str(layer), validation_ua=0.5, ua=0.4) for layer in range(3)]
    made.model_copy(update={"layers": layers}).write(tmp_path / "run")
    (tmp_path / "run/confusion.png").unlink()
    assert card(tmp_path / "run", "--out", tmp_path / "README.md") == 0
    for name in ("confusion", "layers"):
        assert (tmp_path / f"emobox/urdu-paper-{name}.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "run/confusion.png").write_text("<script>")
    assert card(tmp_path / "run", "--out", tmp_path / "README.md") == 1


def test_runs_of_two_models_are_no_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "a", name="lab/a")
    make_run(tmp_path / "b", "emodb", name="lab/b")
    assert card(tmp_path, "--out", tmp_path / "README.md") == 1
    assert "their names differ" in capsys.readouterr().err
    make_run(tmp_path / "b", name="lab/a")
    assert card(tmp_path, "--out", tmp_path / "README.md") == 1
    said = capsys.readouterr().err
    assert "of urdu, protocol paper" in said, said
    assert not (tmp_path / "README.md").exists()


def test_scores_between_corpora_are_a_matrix(tmp_path: Path) -> None:
    told = make_cross_run(tmp_path)
    shared: dict[bool, list[str]] = {True: ["4 | speakers"], False: []}
    pairs = [pair.model_copy(update={"overlap": shared[pair.source != pair.target]}) for pair in told.pairs]
    told = told.model_copy(update={"pairs": pairs})
    assert "- emodb on urdu: 4 &#124; speakers\n- urdu on emodb: 4 &#124; speakers\n" in cross_part(told)
    found = {(pair.source, pair.target): f"{100 * pair.scores.ua:.1f}" for pair in told.pairs}
    (matrix, _) = tables(cross_part(told))
    assert matrix == [
        ["trained on", "emodb", "urdu"],
        ["emodb", found["emodb", "emodb"], found["emodb", "urdu"]],
        ["urdu", found["urdu", "emodb"], found["urdu", "urdu"]],
    ]
    assert card(tmp_path) == 0
    assert "model-index" not in (tmp_path / "README.md").read_text()


# Whatever a record says is text.

NASTY = [
    "a | b | c",
    "two\nlines\r\n\n# heading",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "**bold** _em_ ~~gone~~ `code` ![p](javascript:x) [l](http://evil) <http://evil>",
    "-->\n<!-- emobox:end -->\n# out",
    "```\n# out\n```",
    "---\nlicense: evil\n---",
    "&lt;b&gt; &copy; \\| \\\\ \\` $x$ #tag",
    "\u202egnp.exe\u2028next \x1b[31mred\x00",
    "x" * 5_000,
    "' && rm -rf ~ ; $(reboot) `reboot` \"",
    "{{ 7 * 7 }} {% raw %}",
]


def spoiled(nasty: str) -> ResultRecord:
    """A record that says something nasty wherever it may say anything."""
    told = record()
    return told.model_copy(
        update={
            "encoder": told.encoder.model_copy(
                update={"name": nasty, "revision": nasty, "weights_sha256": nasty}
            ),
            "corpus": told.corpus.model_copy(update={"labels": [nasty, "Happy"], "fingerprint": nasty}),
            "protocol": {**told.protocol, "name": nasty, "description": nasty},
            "folds": [told.folds[0].model_copy(update={"name": nasty, "kind": nasty})],
            "provenance": told.provenance.model_copy(
                update={"created": nasty, "machine": nasty, "hardware": nasty, "libraries": {nasty: nasty}}
            ),
        }
    )


def parsed(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def images(markdown: str) -> list[Token]:
    return [child for token in parsed(markdown) for child in token.children or [] if child.type == "image"]


def tables(markdown: str) -> list[list[list[str]]]:
    """Every table of a text: rows of what a reader sees in the cells."""
    found: list[list[list[str]]] = []
    inside = False
    for token in parsed(markdown):
        inside = (inside or token.type == "table_open") and token.type != "table_close"
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and inside:
            found[-1][-1].append("".join(child.content for child in token.children or []))
    return found


def structure(markdown: str) -> list[tuple[Any, ...]]:
    """What a text is made of, whatever its words are."""
    return [
        (
            token.type,
            token.tag,
            tuple(child.type for child in token.children or [] if child.type != "text_special"),
        )
        if token.type == "inline"
        else (token.type, token.tag)
        for token in parsed(markdown)
    ]


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_in_a_record_is_markup(nasty: str) -> None:
    before = "---\nlicense: mit\n---\n# Mine\n"
    made = readme(before.encode(), [Run(Path(), spoiled(nasty))]).decode()
    plain = readme(before.encode(), [Run(Path(), spoiled("plain"))]).decode()
    body, expected = (text.split("\n---\n", 1)[1] for text in (made, plain))
    assert structure(body) == structure(expected)
    assert not [
        token for token in parsed(body) if token.type == "html_block" and "emobox:" not in token.content
    ]
    assert [len(row) for table in tables(body) for row in table] == [
        len(row) for table in tables(expected) for row in table
    ]
    assert re.fullmatch(r"emobox/urdu-[\w-]+-confusion\.png", str(images(body)[0].attrs["src"]))
    cells = {row[0]: row[1] for row in tables(body)[1]}
    shown = cells["revision"]
    words = " ".join(re.sub("[\x00\x1b\u2028]", " ", nasty.replace("\u202e", "")).split())
    assert shown == (words if len(words) <= 160 else f"{words[:159]}…")
    assert all(len(line) < 4_500 or line.startswith("emobox probe") for line in body.splitlines())
    metadata = yaml.safe_load(
        made.split("---\n")[1] if nasty != NASTY[6] else made[4 : made.index("\n---\n")]
    )
    assert set(metadata) == {"license", "model-index"}
    assert metadata["license"] == "mit"
    assert readme(made.encode(), [Run(Path(), spoiled(nasty))]).decode() == made
    whole = ModelCard(str(model_card(spoiled(nasty)))).data
    assert len(whole.eval_results) == 3
    assert whole.license is None


@pytest.mark.parametrize("nasty", [nasty for nasty in NASTY if "\x00" not in nasty])
def test_the_command_is_one_line_of_exactly_these_words(nasty: str) -> None:
    line = shell(["printf", "%s", nasty])
    assert "\n" not in line
    told = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert told.stdout.decode() == nasty
    assert shlex.split(command(record()))[:2] == ["emobox", "probe"]


def test_text_reads_as_it_was() -> None:
    seen = MarkdownIt("commonmark").renderInline(text("a_b*c*[d](e) <f> & \\ | `g` ~h~ #1 $2"))
    assert seen == "a_b*c*[d](e) &lt;f&gt; &amp; \\ | `g` ~h~ #1 $2"
