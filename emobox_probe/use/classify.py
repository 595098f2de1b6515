"""`emobox classify`: a classifier of others on the test parts of a corpus, without training.

Every utterance of the corpus's test parts is asked once; answers are kept, so a killed run goes on.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

import emobox_datasets.corpora as corpora
import emobox_probe.report.report as report
from emobox_datasets.corpus import Corpus
from emobox_datasets.files import check_writable
from emobox_datasets.folds.partition import configurations
from emobox_probe.config import ClassifyConfig
from emobox_probe.encoders.classifier import audio_of, classify_all
from emobox_probe.encoders.own.doors import name_of_object
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import accelerator_on, hardware
from emobox_probe.features.corpus import describe_corpus, load_corpus
from emobox_probe.records.classified import (
    OUTSIDE,
    ClassifiedRecord,
    TestedPart,
    read_classified,
)
from emobox_probe.records.export_record import EXPORT_FILE, ExportRecord, read_export
from emobox_probe.records.result import CorpusRecord, Provenance
from emobox_probe.scoring.classified import part_summary_of
from emobox_probe.seen.seen import Seen, seen
from emobox_probe.tasks.folders import model_folder
from emobox_probe.tasks.pool import Pool
from emobox_probe.use.meanings import NONE_OF_THEM, labels_of_classes, parse_map
from emobox_probe.use.ready_made import (
    OwnClassifier,
    ReadyMade,
    ZeroShot,
    facts_of,
    load_ready_made,
)

MAP = "--map"


def classify(model: Any, corpus: str, **settings: Any) -> ClassifiedRecord:
    """Score a classifier as it is on the released and the strict test parts of a corpus.

    Args:
        model: Hub id or folder of an audio classification model or of CLAP, `python:<module>:<function>`, or an object
            that is called with a 16 kHz waveform `(samples,)` and returns the name of a class.
        corpus: name of the corpus.
        settings: the other settings of `config.ClassifyConfig`, such as `data_dir` and `map`.

    Raises:
        ProbeError: model or settings are not what is needed; says what to do.
        CorpusError: the corpus is not there, not whole, or cannot be decoded.
    """
    named = isinstance(model, (str, Path))
    config = ClassifyConfig.of(
        {"model": str(model) if named else name_of_object(model), "corpus": corpus, **settings}
    )
    return run(config, None if named else model)[1]


def run(config: ClassifyConfig, own: Any = None) -> tuple[Path, ClassifiedRecord]:
    """From corpus and classifier to a record, and the folder that it is in; `own` is the classifier in memory.

    Raises:
        ProbeError, CorpusError: as `classify`.
    """
    corpus = corpora.load(config.corpus)
    accelerator = accelerator_on(config.device)
    labels = corpus.label_list
    given = parse_map(config.map, MAP)
    classifier = load_ready_made(
        config.model if own is None else own,
        labels,
        accelerator.device,
        config.revision,
        config.trust_remote_code,
    )
    # What is unclear shows before the corpus is touched, where classes are known.
    meanings(classifier, (), labels, given)
    training = training_of(classifier, corpus)
    folder = model_folder(config.output_dir, config.model) / corpus.name / "as-it-is"
    check_writable(folder)
    _check_free(folder, config, classifier)

    whole = load_corpus(corpus, config.data_dir, config.allow_missing, config.num_proc)
    pool = Pool(labels)
    pool.add(corpus, whole)
    tested = _tested(pool, corpus)
    recorded = describe_corpus(whole, corpus, labels)
    _check_free(folder, config, classifier, recorded)
    ids = sorted({id for part in tested.values() for id in part["id"]})
    answers = classify_all(classifier, recorded.fingerprint, ids, lambda asked: audio_of(whole, asked))
    label_of = meanings(classifier, answers.values(), labels, given)
    parts, tables = [], []
    for kind, table in tested.items():
        table["answer"] = [answers[id] for id in table["id"]]
        table["prediction"] = [label_of[answer] or OUTSIDE for answer in table["answer"]]
        parts.append(TestedPart(kind=kind, **part_summary_of(table, labels)))
        tables.append(table.assign(kind=kind))
    record = ClassifiedRecord(
        classifier=facts_of(classifier),
        corpus=recorded,
        label_map=label_of,
        training=training,
        parts=parts,
        remarks=[*remarks_of(label_of, labels, corpus, list(tested)), *_never_answered(given, answers)],
        provenance=Provenance(
            settings=config.recorded(),
            device=str(accelerator.device),
            hardware=hardware(accelerator.device),
            processes=1,
            extraction_seconds=None,
            training_seconds=0.0,
        ),
    )
    report.write(folder, record, pd.concat(tables, ignore_index=True))
    return folder, record


def meanings(
    classifier: ReadyMade,
    answered: Collection[str],
    labels: Sequence[str],
    given: Mapping[str, str | None],
) -> dict[str, str | None]:
    """Every class to the label that it means; None for what is none of the corpus's.

    Args:
        classifier: whose classes they are.
        answered: the classes that it has answered, for who does not say its classes.
        labels: of the corpus.
        given: what the user says of some classes.

    Raises:
        ProbeError: it is not clear what a class means, or `given` names a class that is none.
    """
    classes = classifier.classes or sorted({*answered, *given})
    meant = labels_of_classes(classes, given, classifier.name, MAP)
    if unclear := [name for name, label in meant.items() if label is None and name not in given]:
        raise ProbeError(
            f"Expected classes whose meaning is clear, but {', '.join(unclear)} could mean anything; say it with {MAP} "
            f"class=label,… ({', '.join(labels)}), or class={NONE_OF_THEM} for none of these."
        )
    return {name: label if label in labels else None for name, label in meant.items()}


def training_of(classifier: ReadyMade, corpus: Corpus) -> str:
    """What is known of its training, in words; an export of `emobox export` names its corpora itself."""
    if isinstance(classifier, ZeroShot):
        return "zero-shot"
    if isinstance(classifier, OwnClassifier):
        return "own classifier"
    if (Path(classifier.name) / EXPORT_FILE).is_file():
        return _training_of_export(read_export(classifier.name), corpus)
    state = seen(classifier.name, corpus.name)
    return _training_words(state, corpus) if state else "fine-tuned; on what is not known"


def _training_of_export(export: ExportRecord, corpus: Corpus) -> str:
    """Its heads were trained on the corpora that it names; its encoder is another matter."""
    if corpus.name in [trained_on.name for trained_on in export.corpora]:
        return f"fine-tuned on {corpus.name}"
    others = f"fine-tuned on others than {corpus.name}"
    if export.encoder.weights_sha256 is None:  # the encoder was not trained
        return others
    state = seen(export.encoder.name, corpus.name)
    return _training_words(state, corpus) if state else f"{others}; what its encoder heard is not known"


def _training_words(state: Seen, corpus: Corpus) -> str:
    words = {
        "tuned": f"fine-tuned on {corpus.name}",
        "pretrained": f"heard {corpus.name} in pre-training",
        "perhaps": f"fine-tuned, perhaps on {corpus.name}",
        "not": f"fine-tuned on others than {corpus.name}",
    }
    return words[state.state]


def remarks_of(
    label_map: Mapping[str, str | None], labels: Sequence[str], corpus: Corpus, kinds: Sequence[str]
) -> list[str]:
    """What a reader of the scores must know."""
    remarks = []
    if lacking := [label for label in labels if label not in label_map.values()]:
        remarks.append(f"No class means {', '.join(lacking)}: utterances of these are always wrong.")
    if outside := [name for name, label in label_map.items() if label is None]:
        remarks.append(
            f"Answers of {', '.join(outside)} are none of the corpus's labels, and count as wrong."
        )
    if "strict" not in kinds:
        remarks.append(f"{corpus.display_name} has no strict folds apart from the released ones.")
    return remarks


def _never_answered(given: Mapping[str, str | None], answers: Mapping[str, str]) -> list[str]:
    """Of who does not say its classes, a name that is mistyped cannot be told from one that was not answered."""
    never = sorted(given.keys() - set(answers.values()))
    return [f"{MAP} says what {', '.join(never)} means, which was never answered."] if never else []


def _check_free(
    folder: Path, config: ClassifyConfig, classifier: ReadyMade, corpus: CorpusRecord | None = None
) -> None:
    """Let nobody replace what another classifier or map, or where that is known another copy, has given."""
    if config.overwrite or not (folder / ClassifiedRecord.FILE).is_file():
        return
    earlier = read_classified(folder)
    same = earlier.classifier == facts_of(classifier)
    same = same and (corpus is None or earlier.corpus.fingerprint == corpus.fingerprint)
    if not same or (earlier.provenance.settings or {}).get("map") != config.recorded()["map"]:
        raise ProbeError(
            f"Expected {folder} to be free or to hold a result of the same classifier, map and copy of the "
            f"corpus, but it holds another; give another --output-dir, or --overwrite to replace it."
        )


def _tested(pool: Pool, corpus: Corpus) -> dict[Literal["released", "strict"], pd.DataFrame]:
    """Fold, id, speaker, seed and label of every tested utterance, by kind of fold."""
    tables: dict[Literal["released", "strict"], pd.DataFrame] = {}
    kinds: tuple[Literal["released", "strict"], ...] = ("released", "strict")
    for kind in kinds:
        rows = [
            (fold.name, pool.all_items[row])
            for fold in configurations(corpus).values()
            if fold.kind == kind
            for row in pool.parts(corpus.name, fold.name)["test"].tolist()
        ]
        if rows:
            tables[kind] = pd.DataFrame(
                [
                    {"fold": fold, "id": item.id, "speaker": item.speaker, "seed": 0, "label": item.label}
                    for fold, item in rows
                ]
            )
    return tables
