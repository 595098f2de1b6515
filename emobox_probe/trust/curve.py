"""`emobox curve`: the score of a model by how many utterances of each label, and how many speakers, it is trained on.

Heads are those of `linear`, on the strict folds, so that nobody who is tested was trained on. Layer and strength are
those that the run chose for the fold, on validation speakers.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

import emobox_datasets.corpora as corpora
from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.config import CurveConfig, ExtractConfig, ProbeConfig
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import accelerator_on, prepare_device, read_run, run
from emobox_probe.features.corpus import describe_corpus, encoder_of, filled_store, load_corpus
from emobox_probe.features.shards import write_whole
from emobox_probe.features.store import FeatureStore
from emobox_probe.protocol import LINEAR
from emobox_probe.records.curve import CURVE_FILE, CURVE_PICTURE, CurvePoint, CurveRecord, Mteb
from emobox_probe.records.predictions import confusion_of, interval_of
from emobox_probe.records.result import LIBRARIES, ResultRecord
from emobox_probe.report.trust_pictures import curve_picture
from emobox_probe.scoring.linear import statistics_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.trust.few import (
    MTEB_PER_LABEL,
    FoldData,
    Ids,
    draw_per_label,
    draw_speakers,
    most_per_label,
    mteb_accuracies,
    mteb_accuracy,
    predicted,
    sizes_up_to,
)
from emobox_probe.use.usable import check_encoder


def curve(config: CurveConfig) -> tuple[Path, CurveRecord]:
    """From a run of `linear` to both curves, which are written beside it.

    Raises:
        ProbeError: settings or run are not what is needed, or the corpus is too small; says what to do.
        CorpusError: the corpus is not there, not whole, or cannot be decoded.
    """
    folder, record = _run_of(config)
    pool, store = _features(config, record)
    folds = _folds(record, pool, store)
    labels = pool.label_ids.numpy()
    classes = len(pool.labels)
    most = min(most_per_label(fold, labels, classes) for fold in folds)
    by_speakers = min(len({pool.speakers[row] for row in fold.training}) for fold in folds)
    names = list(record.corpus.labels)
    with threadpool_limits(1):
        per_label = [
            _point(folds, pool, labels, names, size, config.draws, draw_per_label, labels)
            for size in sizes_up_to(most)
        ]
        speakers = [
            _point(folds, pool, labels, names, size, config.draws, draw_speakers, pool.speakers)
            for size in sizes_up_to(by_speakers)
        ]
        mteb = _mteb(record, store, labels, folds, config.draws)
    made = CurveRecord(
        encoder=record.encoder,
        corpus=record.corpus,
        protocol=record.protocol_id,
        draws=config.draws,
        choices={fold.name: (fold.layer, float(fold.strength or 0)) for fold in record.folds},
        per_label=per_label,
        speakers=speakers,
        area_per_label=_area(per_label),
        area_speakers=_area(speakers),
        mteb=mteb,
        libraries={name: version(name) for name in (*LIBRARIES, "scikit-learn")},
    )
    write_whole(folder / CURVE_FILE, (made.model_dump_json(indent=2) + "\n").encode())
    curve_picture(_drawn(per_label), _drawn(speakers), 100 * record.chance, record.title).write(
        folder / CURVE_PICTURE
    )
    return folder, made


def _run_of(config: CurveConfig) -> tuple[Path, ResultRecord]:
    """The run that is named, or that of the model and corpus that are, made where it is missing."""
    if config.run is None:
        if config.model is None or config.corpus is None:
            raise ProbeError(
                "Expected the folder of a run, or --model and --corpus, but got neither; give one of them."
            )
        settings = config.model_dump(exclude={"run", "draws"}, exclude_none=True)
        made = run(ProbeConfig.of({**settings, "protocol": "linear"}))
        folder, record = made.folder, made.record
    else:
        folder, record = config.run, read_run(config.run)
    if not isinstance(record, ResultRecord) or record.protocol["name"] != LINEAR.name:
        raise ProbeError(
            f"Expected a run of protocol linear on one corpus, but {folder} is one of {record.protocol_id}; make one "
            f"with emobox probe --protocol linear, which takes seconds, and give that. Where speakers cannot be kept "
            f"apart, there is no such run."
        )
    if config.corpus not in (None, record.corpus.name):
        raise ProbeError(
            f"Expected the corpus of the run, {record.corpus.name}, but got {config.corpus}; leave --corpus out."
        )
    if len({fold.name for fold in record.folds}) < len(record.folds):
        raise ProbeError(
            f"Expected a run of protocol linear with one seed, but {folder} has several; give one without --seeds."
        )
    if record.corpus.subset:
        raise ProbeError(
            f"Expected a run on all of {record.corpus.name}, but {folder} is on a part of it "
            f"({record.corpus.subset}); run it without --limit and --folds."
        )
    return folder, record


def _features(config: CurveConfig, record: ResultRecord) -> tuple[Pool, FeatureStore]:
    """The utterances, and their stored statistics."""
    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    corpus = corpora.load(record.corpus.name)
    whole = load_corpus(corpus, config.data_dir, bool(record.corpus.missing), config.num_proc)
    described = describe_corpus(whole, corpus, record.corpus.labels)
    if described.fingerprint != record.corpus.fingerprint:
        raise ProbeError(
            f"Expected the copy of {corpus.name} that the run was made on, but this one has other audio; name that "
            f"one with --data-dir, or run the probe on this one first."
        )
    extraction = ExtractConfig.of(
        {
            "model": config.model or record.encoder.name,
            "corpus": corpus.name,
            "dtype": record.encoder.dtype,
            "store_dtype": record.encoder.store_dtype,
            "revision": record.encoder.revision if "/" in record.encoder.name else None,
            "features_dir": config.features_dir,
            "trust_remote_code": config.trust_remote_code,
        }
    )
    encoder = encoder_of(extraction, accelerator.device, LINEAR)
    check_encoder(record.encoder, encoder.facts, extraction.model)
    pool = Pool(tuple(record.corpus.labels))
    pool.add(corpus, whole)
    return pool, filled_store(extraction, encoder, whole, described.fingerprint, accelerator)


def _folds(record: ResultRecord, pool: Pool, store: FeatureStore) -> list[FoldData]:
    layers = {fold.layer: statistics_of([store], fold.layer) for fold in record.folds}
    folds = []
    for fold in record.folds:
        assert fold.strength is not None
        parts = {part: rows.numpy() for part, rows in pool.parts(record.corpus.name, fold.name).items()}
        training = np.concatenate([parts["train"], parts.get("validation", parts["train"][:0])])
        folds.append(FoldData(layers[fold.layer], training, parts["test"], fold.strength))
    return folds


def _point(
    folds: Sequence[FoldData],
    pool: Pool,
    labels: Ids,
    names: Sequence[str],
    size: int,
    draws: int,
    draw: Callable[[Ids, Any, int, np.random.Generator], Ids],
    of: Any,
) -> CurvePoint:
    """All draws of one size: each fold draws anew, and its test part is answered."""
    tables, trained = [], []
    for number, (place, fold) in product(range(draws), enumerate(folds)):
        rows = draw(fold.training, of, size, np.random.default_rng([number, place]))
        trained.append(len(rows))
        utterances = [pool.all_items[row] for row in fold.tested]
        tables.append(
            pd.DataFrame(
                {
                    "draw": number,
                    "id": [utterance.id for utterance in utterances],
                    "speaker": [utterance.speaker for utterance in utterances],
                    "label": [utterance.label for utterance in utterances],
                    "prediction": np.array(names)[predicted(fold, rows, labels)],
                }
            )
        )
    predictions = pd.concat(tables, ignore_index=True)
    scores = [
        scores_from_confusion(confusion_of(part, names), "skip") for _, part in predictions.groupby("draw")
    ]
    uas = [score["ua"] for score in scores]
    return CurvePoint(
        size=size,
        training=float(np.mean(trained)),
        ua=float(np.mean(uas)),
        wa=float(np.mean([score["wa"] for score in scores])),
        spread=float(np.std(uas, ddof=1)) if draws > 1 else 0.0,
        interval=interval_of(predictions, names, "skip"),
    )


def _area(points: Sequence[CurvePoint]) -> float | None:
    """The mean height of UA over the logarithm of sizes; None of a single point."""
    if len(points) < 2:
        return None
    heights, places = [point.ua for point in points], np.log2([point.size for point in points])
    return float(np.trapezoid(heights, places) / (places[-1] - places[0]))


def _mteb(
    record: ResultRecord, store: FeatureStore, labels: Ids, folds: Sequence[FoldData], draws: int
) -> Mteb | None:
    """MTEB's figure on the layer that most folds chose, and that of the same heads for new speakers."""
    if min(most_per_label(fold, labels, len(record.corpus.labels)) for fold in folds) < MTEB_PER_LABEL:
        return None
    layer = Counter(fold.layer for fold in record.folds).most_common(1)[0][0]
    known = labels >= 0
    statistics = statistics_of([store], layer)
    right = tested = 0.0
    for number, (place, fold) in product(range(draws), enumerate(folds)):
        rows = draw_per_label(fold.training, labels, MTEB_PER_LABEL, np.random.default_rng([number, place]))
        right += len(fold.tested) * mteb_accuracy(statistics, labels, rows, fold.tested)
        tested += len(fold.tested)
    return Mteb(
        per_label=MTEB_PER_LABEL,
        layer=layer,
        accuracies=mteb_accuracies(statistics[known], labels[known]),
        new_speakers=right / tested,
    )


def _drawn(points: Sequence[CurvePoint]) -> list[tuple[int, float, float, float]]:
    """Size, UA, and bounds in percent, NaN where there is no interval."""
    nan = float("nan")
    drawn = []
    for point in points:
        low, high = point.interval.percent("ua")
        drawn.append((point.size, 100 * point.ua, nan if low is None else low, nan if high is None else high))
    return drawn


def show(record: CurveRecord, folder: Path, console: Console) -> None:
    """Print both curves, what is under them, and MTEB's figure beside the one for new speakers."""
    table = Table(
        "trained on",
        "utterances",
        "UA",
        "95 % interval of UA",
        "± over draws",
        "WA",
        title=f"{record.encoder.name} on {record.corpus.name}, little data, {record.draws} draws (percent)",
    )
    for points, unit in ((record.per_label, "of each label"), (record.speakers, "speakers")):
        for point in points:
            name = "speaker" if (unit, point.size) == ("speakers", 1) else unit
            cells = (f"{100 * point.ua:.1f}", point.interval.text("ua"), f"{100 * point.spread:.1f}")
            table.add_row(f"{point.size} {name}", f"{point.training:.0f}", *cells, f"{100 * point.wa:.1f}")
        table.add_section()
    console.print(table)
    for area, name in (
        (record.area_per_label, "utterances of each label"),
        (record.area_speakers, "speakers"),
    ):
        if area is not None:
            console.print(f"Mean UA over the logarithm of {name}: {100 * area:.1f}.", soft_wrap=True)
    if record.mteb is not None:
        console.print(
            f"Accuracy of MTEB's head with {record.mteb.per_label} of each label, split as MTEB does, so that train "
            f"and test share speakers: {100 * record.mteb.accuracy:.1f}; on speakers that were not trained on: "
            f"{100 * record.mteb.new_speakers:.1f}.",
            soft_wrap=True,
        )
    console.print(f"written to {folder / CURVE_FILE} and {CURVE_PICTURE}", soft_wrap=True)
