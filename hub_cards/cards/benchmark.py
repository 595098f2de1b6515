"""The benchmark as one dataset repository: `eval.yaml` with every corpus and protocol as tasks, utterances, a card.

The Hub shows on its page, and on those of models, what `.eval_results` of models say of its tasks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCardData

import emobox_datasets.corpora as corpora
from emobox_datasets.corpus import Corpus
from emobox_datasets.files import write_whole
from emobox_datasets.released.utterances import released_corpora, released_file
from emobox_probe.protocol import LINEAR, PAPER, STRICT
from emobox_probe.tasks.tasks import protocol_within
from hub_cards.cards.eval_results import SCORES, task_id
from hub_cards.cards.markdown import render

CARD, EVAL, DATA = "README.md", "eval.yaml", "data"
MEANINGS = {"ua": "mean recall over labels", "wa": "accuracy", "f1": "macro-F1"}
# The entry that huggingface.js needs in packages/tasks/src/eval.ts before the Hub takes the file: docs/benchmark.md.
FRAMEWORK = {
    "name": "emobox",
    "description": "EmoBox evaluates frozen speech models for emotion recognition on 32 corpora with fixed folds.",
    "url": "https://huggingface.co/emobox",
}


def benchmark_corpora() -> list[Corpus]:
    """All corpora of the benchmark, by name."""
    return [corpora.load(name) for name in released_corpora()]


def tasks() -> Iterator[dict[str, str]]:
    """Each score of each protocol on each corpus: the Hub takes one value a task.

    Where speakers cannot be kept apart, `strict` and `linear` are what they become there.
    """
    for corpus in benchmark_corpora():
        for name in (PAPER.name, STRICT.name, LINEAR.name):
            protocol = protocol_within(name, corpus).name
            for score in SCORES:
                yield {"id": task_id(corpus.name, score, protocol), "config": corpus.name, "split": "test"}


def eval_yaml() -> str:
    """The file that makes a dataset repository a benchmark."""
    scores = ", ".join(f"{score.upper()} ({meaning})" for score, meaning in MEANINGS.items())
    content = {
        "name": "EmoBox",
        "description": (
            f"Speech emotion recognition on {len(benchmark_corpora())} corpora with the folds of EmoBox, by protocol: "
            f"{scores}, each in 0 to 1 and of all tested utterances together."
        ),
        "evaluation_framework": FRAMEWORK["name"],
        "tasks": list(tasks()),
    }
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    return text


def write_benchmark(folder: Path) -> list[str]:
    """Write the repository into an empty folder; its paths, sorted."""
    names = released_corpora()
    (folder / DATA).mkdir()
    for name in names:
        write_whole(folder / DATA / f"{name}.parquet", released_file(name).read_bytes())
    write_whole(folder / CARD, card().encode())
    write_whole(folder / EVAL, eval_yaml().encode())
    return sorted([CARD, EVAL, *(f"{DATA}/{name}.parquet" for name in names)])


def card() -> str:
    """README.md: a configuration for every corpus, and what the tasks are."""
    listed = benchmark_corpora()
    languages = sorted({language for corpus in listed for language in corpus.languages})
    configurations: list[dict[str, Any]] = [
        {
            "config_name": corpus.name,
            "data_files": [{"split": "test", "path": f"{DATA}/{corpus.name}.parquet"}],
        }
        for corpus in listed
    ]
    metadata = DatasetCardData(
        pretty_name="EmoBox",
        language=languages,
        license="other",
        license_name="that of each corpus",
        task_categories=["audio-classification"],
        tags=["speech-emotion-recognition", "emotion", "speech", "emobox", "benchmark"],
        configs=configurations,
    )
    text = render("benchmark_card.md", corpora=listed, meanings=MEANINGS)
    return f"---\n{metadata.to_yaml()}\n---\n\n{text.strip()}\n"
