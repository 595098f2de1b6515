"""`emobox fit`: a classifier to be used, trained on all of a run's corpora with the settings that the run chose.

Its expected score is that of the run: of heads on utterances that they were not trained on. It is never scored on its
own training data.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median_high
from typing import Any

import torch
from accelerate import Accelerator

import emobox_datasets.corpora as corpora
import emobox_probe.report.report as report
from emobox_datasets.files import UNFINISHED
from emobox_probe.config import ExtractConfig, FitConfig
from emobox_probe.encoders.load import Encoder
from emobox_probe.encoders.matrix_products import matrix_products, products_of_heads
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import accelerator_on, hardware, prepare_device, read_run
from emobox_probe.features.corpus import describe_corpus, filled_store, load_corpus
from emobox_probe.features.store import FeatureStore, seconds_spent
from emobox_probe.heads.batches import Frames
from emobox_probe.heads.groups import Group
from emobox_probe.heads.training import train_for
from emobox_probe.protocol import Protocol
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.fit_record import FIT_FILE, FitRecord, FitSettings, read_fit
from emobox_probe.records.heads_file import HEADS_FILE, LAST, KeptHead, heads_content, read_heads, sha256_of
from emobox_probe.records.result import CorpusRecord, Provenance, ResultRecord, RunRecord, Selection
from emobox_probe.scoring.sweep import views_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.use.usable import Usable, encoder_for, read_usable


def fit(run_folder: str | Path, **settings: Any) -> FitRecord:
    """Make a classifier to be used of a run.

    Args:
        run_folder: of a run of `probe` or `cross`.
        settings: the other settings of `config.FitConfig`, such as `ensemble`, `data_dir` and `out`.

    Raises:
        ProbeError: settings or run are not what is needed; says what to do.
        CorpusError: a corpus is not there, not whole, or cannot be decoded.
    """
    return run(FitConfig.of({"run": run_folder, **settings}))[1]


def run(config: FitConfig) -> tuple[Path, FitRecord]:
    """From a run to a classifier's folder and record, top to bottom.

    Raises:
        ProbeError, CorpusError: as `fit`.
    """
    usable = read_usable(config.run, "a run")
    source = read_run(config.run)
    _check_whole(usable)
    folder = config.out or config.run / ("ensemble" if config.ensemble else "fit")
    _check_free(folder, config)
    if config.ensemble:
        kept = read_heads(config.run, source.heads_sha256).heads
        return _written(folder, config, usable, source, kept, None, usable.corpora, None, 0.0, None)
    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    encoder = encoder_for(
        usable, accelerator.device, config.model, config.trust_remote_code, config.batch_seconds
    )
    pool, described, stores = _features(config, usable, encoder, accelerator)
    started = time.perf_counter()
    chosen = chosen_settings(source, config.seeds, len(_taught(pool)))
    with matrix_products(products_of_heads(accelerator.device)):
        heads = _trained(pool, stores, source, chosen, accelerator.device)
    seconds = time.perf_counter() - started
    return _written(
        folder, config, usable, source, heads, chosen, described, stores, seconds, accelerator.device
    )


def _check_whole(usable: Usable) -> None:
    """Make no classifier to be used of a smoke test: nobody could see later that it was one."""
    for recorded in usable.corpora:
        if recorded.subset:
            raise ProbeError(
                f"Expected a run on all of {recorded.name}, but it is on a part of it ({recorded.subset}); run the "
                f"probe without --limit and --folds."
            )


def chosen_settings(source: RunRecord, seeds: int, training: int) -> FitSettings:
    """What validation chose most often over folds and seeds, and after how many epochs (the median of those)."""
    assert isinstance(source, (ResultRecord, CrossRecord))
    selections: Sequence[Selection] = source.folds if isinstance(source, ResultRecord) else source.sources
    counted = Counter((one.layer, one.learning_rate, one.hidden) for one in selections)
    (layer, rate, hidden), _ = counted.most_common(1)[0]
    assert rate is not None  # linear heads, which have neither, are not kept or used
    assert hidden is not None
    epochs = [
        one.epoch
        for one in selections
        if (one.layer, one.learning_rate, one.hidden) == (layer, rate, hidden) and one.epoch is not None
    ]
    return FitSettings(
        layer=layer,
        learning_rate=rate,
        hidden=hidden,
        epochs=median_high(epochs),
        seeds=list(range(seeds)),
        training=training,
    )


def _features(
    config: FitConfig, usable: Usable, encoder: Encoder, accelerator: Accelerator
) -> tuple[Pool, list[CorpusRecord], list[FeatureStore]]:
    """The utterances and features of all corpora, made as far as they are missing."""
    pool = Pool(tuple(usable.labels))
    described, stores = [], []
    names = [corpus.name for corpus in usable.corpora]
    if strangers := [name for name in config.data_dir if name not in names]:
        raise ProbeError(
            f"Expected --data-dir CORPUS=FOLDER with one of {', '.join(names)}, but got {strangers[0]!r}; correct it."
        )
    for recorded in usable.corpora:
        corpus = corpora.load(recorded.name)
        whole = load_corpus(corpus, config.data_dir.get(corpus.name), config.allow_missing, config.num_proc)
        pool.add(corpus, whole)
        described.append(describe_corpus(whole, corpus, usable.labels))
        if described[-1].fingerprint != recorded.fingerprint:
            raise ProbeError(
                f"Expected the copy of {corpus.name} that the run was made on, but this one has other audio; name "
                f"that one with --data-dir, or run the probe on this one first."
            )
        extraction = ExtractConfig.of(
            {
                "model": usable.encoder.name,
                "corpus": corpus.name,
                "dtype": usable.encoder.dtype,
                "store_dtype": usable.store_dtype,
                "features_dir": config.features_dir,
            }
        )
        stores.append(filled_store(extraction, encoder, whole, described[-1].fingerprint, accelerator))
    return pool, described, stores


def _taught(pool: Pool) -> torch.Tensor:
    """Rows that have one of the labels."""
    return (pool.label_ids >= 0).nonzero().flatten()


def _trained(
    pool: Pool, stores: Sequence[FeatureStore], source: RunRecord, chosen: FitSettings, device: torch.device
) -> list[KeptHead]:
    """A head of every seed, on all utterances that have one of the labels."""
    protocol = replace(
        protocol_of(source), learning_rates=(chosen.learning_rate,), hidden_sizes=(chosen.hidden,)
    )
    every = replace(protocol, layers="last" if chosen.layer == LAST else "every")
    views = views_of(stores, every, device, chosen.layer != LAST)
    frames: Frames = views.candidates
    rows, labels = _taught(pool), pool.label_ids
    if chosen.layer != LAST:
        # Row n of view v is n x views + v; of the views, one was chosen.
        rows = rows * frames.views + int(chosen.layer)
        labels = labels.repeat_interleave(frames.views)
    name = "+".join(pool.corpora)
    return [
        KeptHead(
            name,
            "all",
            seed,
            chosen.layer,
            train_for(
                frames, Group(labels, rows, rows[:0], seed), len(pool.labels), protocol, chosen.epochs
            ).cpu(),
        )
        for seed in chosen.seeds
    ]


def protocol_of(source: RunRecord) -> Protocol:
    """The protocol as the run recorded it."""
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in source.protocol.items()
        if name in Protocol.__dataclass_fields__
    }
    return Protocol(**known)


def _written(
    folder: Path,
    config: FitConfig,
    usable: Usable,
    source: RunRecord,
    heads: Sequence[KeptHead],
    chosen: FitSettings | None,
    described: Sequence[CorpusRecord],
    stores: Sequence[FeatureStore] | None,
    seconds: float,
    device: torch.device | None,
) -> tuple[Path, FitRecord]:
    content = heads_content(heads, usable.labels, usable.encoder, usable.store_dtype)
    used = device or torch.device("cpu")
    record = FitRecord(
        way="whole" if chosen else "ensemble",
        encoder=usable.encoder,
        store_dtype=usable.store_dtype,
        labels=usable.labels,
        corpora=list(described),
        protocol=source.protocol,
        settings=chosen,
        expected=usable.expected,
        heads_sha256=sha256_of(content),
        provenance=Provenance(
            settings=config.recorded(),
            device=str(used),
            hardware=hardware(used),
            processes=1,
            extraction_seconds=seconds_spent(stores) if stores else None,
            training_seconds=seconds,
        ),
    )
    report.write(folder, record, None, content)
    return folder, record


def _check_free(folder: Path, config: FitConfig) -> None:
    """Let nobody replace what was made otherwise, or write into what is no fit.

    A fit that was killed leaves its heads without a record.
    """
    others = (
        sorted(path.name for path in folder.iterdir() if path.name != HEADS_FILE) if folder.is_dir() else []
    )
    others = [name for name in others if not name.endswith(UNFINISHED)]
    if (folder.exists() and not folder.is_dir()) or (others and FIT_FILE not in others):
        raise ProbeError(
            f"Expected {folder} to be new, empty or an earlier fit, but it is not; give another --out."
        )
    if config.overwrite or not (folder / FIT_FILE).is_file():
        return
    earlier, wanted = read_fit(folder).provenance.settings or {}, config.recorded()
    if any(earlier.get(name) != wanted[name] for name in ("ensemble", "seeds", "model")):
        raise ProbeError(
            f"Expected {folder} to be free or to hold a fit of the same settings, but it holds another; give another "
            f"--out, or --overwrite to replace it."
        )
