"""From a result record to a model card that the Hub reads: metadata, score table, picture, one command."""

import argparse
import sys
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from emobox_datasets import corpora
from emobox_probe.encoders import TRIMMED
from emobox_probe.errors import ProbeError
from emobox_probe.report import remarks, score_rows
from emobox_probe.results import ResultRecord, read_record

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
# Score: the Hub's metric type, and what it is called.
METRICS = {
    "ua": ("recall", "UA (mean recall over classes)"),
    "wa": ("accuracy", "WA (accuracy)"),
    "f1": ("f1", "macro-F1"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox card`."""
    parser.add_argument("run", type=Path, help="folder of a run, such as runs/<model>/<corpus>/<protocol>")


def run(arguments: argparse.Namespace) -> int:
    """Write README.md beside the result; the exit status."""
    try:
        record = read_record(arguments.run)
    except ProbeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    path = arguments.run / "README.md"
    model_card(record).save(path)
    print(f"written to {path}")
    return 0


def model_card(record: ResultRecord) -> ModelCard:
    """The card of one run, with `model-index` metadata."""
    corpus = corpora.load(record.corpus.name)
    data = ModelCardData(
        model_name=short_name(record),
        base_model=record.encoder.name.removesuffix(TRIMMED) if is_hub_id(record.encoder.name) else None,
        language=list(corpus.languages),
        pipeline_tag="audio-classification",
        tags=["speech-emotion-recognition", "emobox"],
        datasets=[f"emobox/{corpus.name}"],
        metrics=[metric for metric, _ in METRICS.values()],
        eval_results=eval_results(record),
    )
    card: ModelCard = ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        record=record,
        model=short_name(record),
        corpus=corpus,
        rows=score_rows(record),
        remarks=remarks(record),
        command=command(record),
    )
    return card


def eval_results(record: ResultRecord) -> list[EvalResult]:
    """UA, WA and F1, mean over folds in 0..1, as the Hub's `model-index` wants them."""
    folds = (
        f"{record.folds[0].name}..{record.folds[-1].name}" if len(record.folds) > 1 else record.folds[0].name
    )
    return [
        EvalResult(
            task_type="audio-classification",
            task_name="Speech emotion recognition",
            dataset_type=f"emobox/{record.corpus.name}",
            dataset_name=f"EmoBox {corpora.load(record.corpus.name).display_name}",
            dataset_config=f"{folds}, protocol {record.protocol['name']}",
            dataset_split="test",
            dataset_args={"fingerprint": record.corpus.fingerprint},
            metric_type=metric,
            metric_name=name,
            metric_value=round(getattr(record.mean, score), 4),
        )
        for score, (metric, name) in METRICS.items()
    ]


def command(record: ResultRecord) -> str:
    """The one command that makes the result again."""
    words = [f"emobox probe --model {record.encoder.name} --corpus {record.corpus.name}"]
    if corpora.load(record.corpus.name).synthesise is None:
        words.append(f"--data-dir /path/to/{record.corpus.name}")
    if record.encoder.revision:
        words.append(f"--revision {record.encoder.revision}")
    if record.corpus.missing:
        words.append("--allow-missing")
    return " ".join([*words, f"--protocol {record.protocol['name']}"])


def short_name(record: ResultRecord) -> str:
    """A Hub id or built-in name as it is; of a local folder its last part."""
    name = record.encoder.name
    return name if is_hub_id(name) or name.startswith("builtin:") else Path(name).name


def is_hub_id(name: str) -> bool:
    """Whether a model name reads `organisation/model`."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~"))
