"""A made-up cross-corpus record for tests of what is made from such records."""

from itertools import product

from records import record

from emobox_datasets.corpora import load
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.records.cross_result import CrossRecord, Pair, Source
from emobox_probe.records.result import Interval, Scores

LABELS = ["Angry", "Happy", "Neutral", "Sad"]


def cross_record(corpora: tuple[str, ...] = ("emodb", "urdu", "savee"), **changes: object) -> CrossRecord:
    """Scores that tell source and target: 50 % on the diagonal, else 30 + 4 x source + target percent."""
    made = record(**changes)
    facts = made.encoder.model_dump(include=set(EncoderFacts.model_fields))
    pairs = []
    for (row, source), (column, target) in product(enumerate(corpora), repeat=2):
        share = 0.5 if source == target else 0.3 + 0.04 * row + 0.01 * column
        bounds = (share - 0.05, share + 0.05)
        pairs.append(
            Pair(
                source=source,
                target=target,
                test=100,
                scores=Scores(ua=share, wa=share, f1=share),
                seed_spread=None,
                interval=Interval(
                    confidence=0.95,
                    resampled="speakers",
                    ua=bounds,
                    wa=bounds,
                    f1=bounds,
                    method="logit-t",
                    clusters=8,
                    standard_errors=Scores(ua=0.02, wa=0.02, f1=0.02),
                ),
                confusion=[[10, 5, 5, 5]] * 4,
                overlap=["the same speakers"] if source == target else [],
                test_selected=None,
            )
        )
    apart = [pair.scores.ua for pair in pairs if pair.source != pair.target]
    average = sum(apart) / len(apart) if apart else None
    return CrossRecord(
        encoder=EncoderFacts(**facts),
        store_dtype="float16",
        protocol=made.protocol,
        labels=LABELS,
        training="released",
        test="balanced",
        corpora=[
            made.corpus.model_copy(update={"name": name, "utterances": load(name).utterances})
            for name in corpora
        ],
        sources=[
            Source(
                name=name,
                corpora=[name],
                seed=0,
                training=200,
                validation=50,
                held_out="speakers",
                layer="last",
                learning_rate=1e-3,
                hidden=128,
                epoch=10,
                validation_ua=0.7,
            )
            for name in corpora
        ],
        pairs=pairs,
        average=None if average is None else Scores(ua=average, wa=average, f1=average),
        remarks=["The release has SAVEE's neutral twice."],
        provenance=made.provenance,
    )
