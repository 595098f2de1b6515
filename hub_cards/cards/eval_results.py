"""`.eval_results/*.yaml`: scores that the Hub shows on a model's page and on a benchmark's, one file a corpus."""

from collections.abc import Iterator

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from emobox_datasets.released.utterances import released_corpora
from emobox_probe.records.result import ResultRecord, Scores
from emobox_probe.seen.seen import seen

FOLDER = ".eval_results"
# The dataset repository whose `eval.yaml` has the tasks.
BENCHMARK = "emobox/benchmark"
SCORES = ("ua", "wa", "f1")


def task_id(corpus: str, score: str, protocol: str) -> str:
    """The task of a benchmark that a value is of: the Hub takes one value a task.

    >>> task_id("emodb", "ua", "strict")
    'emodb_ua_strict'
    """
    return f"{corpus}_{score}_{protocol}"


def has_tasks(record: ResultRecord) -> bool:
    """Whether the benchmark has tasks for it: the Hub takes no values of others."""
    return record.corpus.name in released_corpora()


def path(record: ResultRecord) -> str:
    """Where the scores of a record are in a model's repository."""
    return f"{FOLDER}/emobox_{record.corpus.name}_{record.protocol['name']}.yaml"


def entries(record: ResultRecord, source_url: str | None = None) -> list[EvalResultEntry]:
    """UA, WA and F1 of all tested utterances together in 0..1; `source_url` is where the record is published."""
    return [
        EvalResultEntry(
            dataset_id=BENCHMARK,
            task_id=task_id(record.corpus.name, score, str(record.protocol["name"])),
            value=round(getattr(record.headline, score), 4),
            date=record.provenance.created,
            source_url=source_url,
            source_name="EmoBox result record" if source_url else None,
            notes="; ".join(_notes(record, score)),
        )
        for score in SCORES
    ]


def to_yaml(record: ResultRecord, source_url: str | None = None) -> str:
    """The whole file of one record."""
    told = eval_result_entries_to_yaml(entries(record, source_url))
    written: str = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=10**6)
    return written


def _notes(record: ResultRecord, score: str) -> Iterator[str]:
    folds, seeds = ({getattr(fold, name) for fold in record.folds} for name in ("name", "seed"))
    yield (
        f"all utterances of {len(folds)} fold(s) and {len(seeds)} seed(s) together, protocol {record.protocol['name']}"
    )
    interval = record.interval
    if bounds := interval.bounds(score):
        low, high = bounds
        note = f" {interval.note_of(score)}" if interval.note_of(score) else ""
        yield f"{100 * interval.confidence:.0f} % interval {low:.4f} to {high:.4f} ({interval.basis} resampled){note}"
    else:
        yield f"no interval: {interval.reason or f'the same in all resamples of {interval.basis}'}"
    yield f"mean over folds {getattr(record.mean, score):.4f}"
    spreads: dict[str, Scores | None] = {"folds": record.spread, "seeds": record.seed_spread}
    yield from (f"± {getattr(found, score):.4f} over {over}" for over, found in spreads.items() if found)
    if record.corpus.incomplete:
        yield f"{record.corpus.incomplete}: not comparable with published scores"
    if state := seen(record.encoder.name, record.corpus.name):
        yield f"seen in training: {state.text}"
    yield f"corpus fingerprint {record.corpus.fingerprint}"
