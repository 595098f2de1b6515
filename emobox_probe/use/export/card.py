"""The card of an exported classifier: what it was trained on, what to expect of it, and what it is not for."""

from collections.abc import Iterable

import yaml

import emobox_datasets.corpora as corpora
from emobox_datasets.repository.licences import redistribution
from emobox_probe.records.export_record import ExportRecord
from emobox_probe.report.percent import score_text

HOW = {
    "transformers": """```python
import emobox_probe
from transformers import pipeline

classify = pipeline("audio-classification", model="{folder}")
print(classify("recording.wav"))
```""",
    "onnx": """`model.onnx` takes `waveform` (batch, samples), 16 kHz mono float32 in -1 to 1 with zeros behind shorter
ones, and `length` (batch), the valid samples of each; it gives `logits` and `probabilities` (batch, labels), in the
order of `labels` in `emobox.json`. With EmoBox: `emobox predict {folder} recording.wav`.""",
    "web": """Serve this folder (`python -m http.server`), or make it a static Space, and open `index.html`: recordings
are classified in the browser and sent to no one.""",
}
# By whether speakers were new: on whom the expected score was made.
WHOM = {
    True: "which tests on speakers that heads had not heard",
    False: "which tests on speakers that were heard in training: expect less of new ones",
    None: "which may test on speakers that were heard in training: expect less of new ones",
}
NOT_FOR = """It names what a recording sounds like to this model, which is not what a person feels. It is not for
decisions about people, such as hiring, insurance, policing, medicine or education, nor for the inference of emotions at
work or at school, which the law of the European Union forbids. It was trained on few speakers and languages, often on
acted speech, and is worse on others."""


def card(record: ExportRecord, folder: str) -> str:
    """The text of README.md, metadata included."""
    metadata = yaml.safe_dump(_metadata(record), sort_keys=False, allow_unicode=True)
    labels = ", ".join(record.labels)
    return "\n\n".join(
        filter(
            None,
            [
                f"---\n{metadata}---",
                f"# {_plain(record.title)}",
                f"Speech emotion recognition with EmoBox: the frozen encoder {_plain(record.encoder.name)} and "
                f"{record.way}. It tells apart: {labels}.",
                f"## How to use it\n\n{HOW[record.to].format(folder=folder)}",
                f"## What it was trained on\n\n{_trained_on(record)}",
                f"## What to expect\n\n{_expectation(record)}",
                f"## Where it fails\n\n{_failures(record)}",
                f"## What it is not for\n\n{NOT_FOR}",
            ],
        )
    )


def _metadata(record: ExportRecord) -> dict[str, object]:
    licences = {redistribution(corpora.load(corpus.name)).hub_licence for corpus in record.corpora}
    languages = sorted({code for c in record.corpora for code in corpora.load(c.name).languages})
    space = {"title": record.title[:60], "sdk": "static"} if record.to == "web" else {}
    return {
        **space,
        "license": licences.pop() if len(licences) == 1 else "other",
        "language": languages,
        "library_name": "transformers" if record.to == "transformers" else "onnx",
        "pipeline_tag": "audio-classification",
        "tags": ["speech-emotion-recognition", "emobox"],
    }


def _trained_on(record: ExportRecord) -> str:
    rows = [f"| {c.name} | {_plain(c.licence)} | {c.homepage} |" for c in record.corpora]
    table = "\n".join(["| corpus | licence | home page |", "| :-- | :-- | :-- |", *rows])
    encoder = record.encoder
    weights = f" with weights of SHA-256 `{encoder.weights_sha256}`" if encoder.weights_sha256 else ""
    return (
        f"{table}\n\nThe terms of these corpora also bind who uses what was trained on them. The encoder is "
        f"{_plain(encoder.name)}{f', revision {encoder.revision}' if encoder.revision else ''}{weights}; its own "
        f"licence stays."
    )


def _expectation(record: ExportRecord) -> str:
    expected = record.expected
    ua = score_text(100 * expected.scores.ua)
    interval = f" (95 % interval {expected.interval.text('ua')})" if expected.interval else ""
    quantised = (
        "\n\nIts matrix products are in 8 bits, which changes probabilities a little; the score is of 32 bits."
        if record.quantised
        else ""
    )
    remarks = "".join(f"\n\n{sentence}" for sentence in expected.remarks)
    return (
        f"UA {ua}{interval}, WA {score_text(100 * expected.scores.wa)}, F1 {score_text(100 * expected.scores.f1)} "
        f"percent under protocol {expected.protocol}, {WHOM[expected.new_speakers]}.\n\n"
        f"That is the score of the protocol ({_plain(expected.of)}): of heads on utterances that "
        f"they were not trained on. This classifier was never scored on its own training data.{remarks}{quantised}"
    )


def _failures(record: ExportRecord) -> str:
    recalls = [
        (label, "not tested" if share is None else score_text(100 * share), _taken_for(record, label))
        for label, share in record.expected.recall.items()
    ]
    parts = [_table(("label", "recall (percent)", "most often taken for"), recalls)]
    if record.expected.groups:
        rows = [
            (
                g.by,
                g.group,
                score_text(100 * g.scores.ua),
                g.interval.text("ua") if g.interval else "not recorded",
                str(g.utterances),
            )
            for g in record.expected.groups
        ]
        parts.append(_table(("by", "group", "UA (percent)", "95 % interval of UA", "utterances"), rows))
    return "\n\n".join(parts)


def _taken_for(record: ExportRecord, label: str) -> str:
    """Which other label its utterances got most often."""
    place = record.labels.index(label)
    others = {
        name: count
        for name, count in zip(record.labels, record.expected.confusion[place], strict=True)
        if name != label and count
    }
    return max(others, key=others.__getitem__) if others else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple(":--" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(map(_plain, line))} |" for line in lines)


def _plain(text: str) -> str:
    """Text of others that forms no Markdown or HTML."""
    flat = " ".join(text.split())
    for sign in ("\\", "|", "<", "[", "`", "*", "_"):
        flat = flat.replace(sign, f"\\{sign}" if sign != "<" else "&lt;")
    return flat
