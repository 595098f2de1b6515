"""A made-up result record for tests of what is made from records."""

from dataclasses import asdict

import emobox_datasets.corpora as corpora
from emobox_probe.protocol import PAPER
from emobox_probe.records.result import (
    CorpusRecord,
    EncoderRecord,
    Fold,
    Interval,
    Provenance,
    ResultRecord,
    Scores,
)


def record(**changes: object) -> ResultRecord:
    name, missing = str(changes.get("corpus", "urdu")), int(str(changes.get("missing", 0)))
    scores = Scores(ua=0.5, wa=0.625, f1=0.55)
    fold = Fold(
        name="fold1",
        kind="released",
        seed=0,
        training=240,
        validation=60,
        test=100,
        layer="last",
        learning_rate=1e-3,
        hidden=128,
        epoch=17,
        validation_ua=0.7,
        scores=scores,
        test_selected=None,
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
            lengthened=0,
        ),
        corpus=CorpusRecord(
            name=name,
            fingerprint="3" * 64,
            utterances=(corpora.load(name).utterances if name in corpora.names() else 400) - missing,
            missing=missing,
            hours=0.277,
            labels=["Angry", "Happy", "Neutral", "Sad"],
            over_30_seconds=0,
            under_25_milliseconds=0,
        ),
        protocol=asdict(PAPER) | {"description": "As in the paper.", "seeds": [0]},
        folds=[fold],
        mean=scores,
        spread=None,
        seed_spread=None,
        test_selected=None,
        layers=[],
        weighted_sum=None,
        pooled=scores,
        interval=Interval(
            confidence=0.95,
            resampled="speakers",
            ua=(0.4, 0.6),
            wa=(0.5, 0.75),
            f1=(0.45, 0.65),
            method="logit-t",
            clusters=29,
            standard_errors=Scores(ua=0.05, wa=0.06, f1=0.05),
        ),
        confusion=[[10, 5, 5, 5]] * 4,
        provenance=Provenance(
            device="cpu", hardware="a processor", processes=1, extraction_seconds=12.0, training_seconds=34.0
        ),
    )
