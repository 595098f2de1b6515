"""Model cards, read back by huggingface_hub."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from records import record

import emobox
from hub_cards.cards import METRICS, command, model_card


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


def test_the_card_says_how_it_was_made() -> None:
    text = str(model_card(record()))
    for part in (
        "| fold1 | 50.00 | 62.50 | 55.00 | 100 |",
        "40.0 to 60.0",
        "confusion.png",
        "0" * 64,
        "As in the paper.",
    ):
        assert part in text
    assert "base_model: openai/whisper-base" in text
    assert "are missing" not in text
    assert "**2 utterances of the corpus are missing" in str(model_card(record(missing=2)))


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
