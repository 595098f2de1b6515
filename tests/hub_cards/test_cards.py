"""Model cards, read back by huggingface_hub."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

import emobox
from emobox_probe.results import (
    CorpusRecord,
    EncoderRecord,
    Fold,
    Interval,
    Provenance,
    ResultRecord,
    Scores,
)
from hub_cards.cards import METRICS, command, model_card


def record(**changes: object) -> ResultRecord:
    scores = Scores(ua=0.5, wa=0.625, f1=0.55)
    fold = Fold(
        name="fold1",
        kind="released",
        training=240,
        validation=60,
        test=100,
        learning_rate=1e-3,
        hidden=128,
        epoch=17,
        validation_ua=0.7,
        scores=scores,
    )
    return ResultRecord(
        encoder=EncoderRecord(
            name=str(changes.get("name", "openai/whisper-base")),
            architecture="whisper",
            revision="abc123",
            weights_sha256="0" * 64,
            preprocessor_sha256="1" * 64,
            parameters=20_000_000,
            dimension=512,
            frame_rate=50.0,
            layer="last_hidden_state",
            layers="last",
            dtype="float32",
            way="alone",
            shortest_samples=400,
            store_dtype="float16",
            features="2" * 32,
        ),
        corpus=CorpusRecord(
            name=str(changes.get("corpus", "urdu")),
            fingerprint="3" * 64,
            utterances=400 - int(str(changes.get("missing", 0))),
            missing=int(str(changes.get("missing", 0))),
            hours=0.277,
            labels=["Angry", "Happy", "Neutral", "Sad"],
            over_30_seconds=0,
            under_25_milliseconds=0,
        ),
        protocol={"name": "paper", "description": "As in the paper."},
        folds=[fold],
        mean=scores,
        spread=None,
        pooled=scores,
        interval=Interval(
            confidence=0.95, resampled="speakers", ua=(0.4, 0.6), wa=(0.5, 0.75), f1=(0.45, 0.65)
        ),
        confusion=[[10, 5, 5, 5]] * 4,
        provenance=Provenance(device="cpu", processes=1, extraction_seconds=12.0, training_seconds=34.0),
    )


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
    assert "were missing" not in text
    assert "**2 utterances of the corpus were missing" in str(model_card(record(missing=2)))


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
