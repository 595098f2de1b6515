"""The experiment: frozen features of corpora, small heads on every task, scores with an interval.

Features are extracted once and kept; test labels are read only after configuration and epoch have been chosen. Within a
corpus and between corpora is one thing, of which a `Design` says what differs.
"""

import os
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import gather_object

import emobox_datasets.corpora as corpora
import emobox_probe.records.result as results
import emobox_probe.report.report as report
from emobox_datasets.files import check_writable
from emobox_probe.config import CrossConfig, Device, ExtractConfig, ProbeConfig
from emobox_probe.encoders.load import Encoder
from emobox_probe.encoders.matrix_products import matrix_products, products_of_heads
from emobox_probe.encoders.own.doors import name_of_object
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import (
    describe_corpus,
    encoder_of,
    filled_store,
    load_corpus,
    progress_bar,
)
from emobox_probe.features.store import FeatureStore, seconds_spent, times_real_time
from emobox_probe.heads.checkpoint import Checkpoint, forget
from emobox_probe.heads.cpu import keep_freed_memory, threads_told
from emobox_probe.heads.groups import identity
from emobox_probe.protocol import PROTOCOLS, Protocol
from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord, read_cross_record
from emobox_probe.records.heads_file import heads_content, sha256_of
from emobox_probe.records.predictions import PREDICTIONS_FILE
from emobox_probe.records.rated import RATED_FILE, RatedRecord, read_rated
from emobox_probe.records.result import CorpusRecord, ResultRecord, RunRecord, read_record
from emobox_probe.scoring.check import as_shown
from emobox_probe.scoring.linear import fit_tasks, layers_in, statistics_of
from emobox_probe.scoring.scores import Outcome, kept_heads
from emobox_probe.scoring.sweep import AnyOutcome, train_tasks, views_of
from emobox_probe.tasks.design import Design, Made, design_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.subset import limited
from emobox_probe.tasks.tasks import Task


@dataclass(frozen=True)
class Run:
    """A folder with a record, what that says, and whether it was there before."""

    folder: Path
    record: RunRecord
    kept: bool = False


def probe(model: Any, corpus: str, protocol: str = "paper", **settings: Any) -> ResultRecord | RatedRecord:
    """Score a model on the folds of a corpus.

    Args:
        model: Hub id, local folder, `builtin:<name>`, or an encoder of one's own: a `torch.nn.Module` or function of
            16 kHz waveforms `(B, samples)` that returns frames `(B, T, D)`, or an object with `encode` (a list of
            waveforms to a list of frames); it is put into `eval()` and moved to the device.
        corpus: name of the corpus, such as `emodb`.
        protocol: `paper` or `strict`, which is `speaker-dependent` where speakers cannot be kept apart.
        settings: the other settings of `config.ProbeConfig`, such as `data_dir`, `output_dir`, `seeds`, `dtype`, or
            `target="distribution"`, with which heads learn what raters said.

    Returns:
        The record, which is kept below `output_dir`: `.table()`, `.plot()`, and all that a score can be traced to; a
        `RatedRecord` where heads learned what raters said.

    Raises:
        ProbeError: settings, model or folder are not what is needed; says what to do.
        CorpusError: the corpus is not there, not whole, or cannot be decoded.
    """
    name, own = _named(model)
    record = run(
        ProbeConfig.of({"model": name, "corpus": corpus, "protocol": protocol, **settings}), own
    ).record
    assert isinstance(record, (ResultRecord, RatedRecord))
    return record


def cross(
    model: Any, train: Sequence[str], test: Sequence[str] = (), protocol: str = "paper", **settings: Any
) -> CrossRecord:
    """Train on corpora, test on others.

    Args:
        model: as for `probe`.
        train: names of the sources, as a list or in one text, parted by commas.
        test: names of the targets, in the same way; the sources if empty.
        protocol: `paper` or `strict`.
        settings: the other settings of `config.CrossConfig`, such as `data_dir`, a folder for each corpus.

    Raises:
        ProbeError, CorpusError: as for `probe`.
    """
    name, own = _named(model)
    given = {"model": name, "train": train, "test": test, "protocol": protocol, **settings}
    record = run(CrossConfig.of(given), own).record
    assert isinstance(record, CrossRecord)
    return record


def extract(model: Any, corpus: str, **settings: Any) -> FeatureStore:
    """The features of a corpus, made as far as they are missing: the store that `probe` takes them from.

    Args:
        model: as for `probe`.
        corpus: name of the corpus.
        settings: the other settings of `config.ExtractConfig`, such as `layers="all"`.

    Raises:
        ProbeError, CorpusError: as for `probe`.
    """
    name, own = _named(model)
    return extract_features(ExtractConfig.of({"model": name, "corpus": corpus, **settings}), own)


def _named(model: Any) -> tuple[str, Any]:
    """What settings call a model, and the model itself where it is an object in memory."""
    return (str(model), None) if isinstance(model, (str, PathLike)) else (name_of_object(model), model)


def run(config: ProbeConfig | CrossConfig, own: Any = None, load: Callable[..., Encoder] = encoder_of) -> Run:
    """From corpora and model to a record, top to bottom; a finished run of equal settings is not made again.

    `own` is the model where it is an object in memory, which settings can only name; `load` loads it as `encoder_of`
    does, or has it.

    Raises:
        ProbeError: settings, model or folder are not what is needed; says what to do.
        CorpusError: a corpus is not there, not whole, or cannot be decoded.
    """
    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    design = design_of(config)
    protocol = design.protocol
    folder = design.folder(config.model)
    if config.overwrite or not (folder / design.record_file).is_file():
        check_writable(folder)
    encoder = load(config, accelerator.device, protocol, own)

    # What is wrong with any corpus shows here, before features are made of the first.
    pool = Pool(design.labels, limit=config.limit)
    missing = {}
    for corpus in design.corpora:
        with accelerator.main_process_first():  # the first process converts, the others find it done
            root = design.data_dir(corpus.name)
            whole = load_corpus(corpus, root, config.allow_missing, config.num_proc)
        missing[corpus.name] = corpus.utterances - len(whole)
        if config.limit is not None:
            whole = limited(whole, corpus, design.used(corpus.name), config.limit)
        pool.add(corpus, whole)
    tasks = design.tasks(pool)
    described = [
        describe_corpus(pool.audio[c.name], c, design.labels, missing[c.name], config.limit, design.folds)
        for c in design.corpora
    ]
    if (kept := _kept(folder, config, design, encoder, described, pool)) is not None:
        if accelerator.is_main_process:
            forget(folder)  # a run may have been killed between the two
            with suppress(OSError):  # they only inform, and others may only read here
                report.draw(folder, kept, missing=True)
        accelerator.end_training()
        return Run(folder, kept, kept=True)

    in_all = sum(c.hours for c in described) * 3600, sum(c.utterances for c in described)
    stores = [
        filled_store(config, encoder, pool.audio[corpus.name], corpus.fingerprint, accelerator, in_all)
        for corpus in described
    ]
    outcomes, training_seconds = _train(tasks, pool, stores, protocol, encoder, folder, accelerator)
    if accelerator.is_main_process:
        provenance = provenance_of(config, design, stores, accelerator, training_seconds)
        made = Made(outcomes, encoder, described, stores, pool, provenance)
        record, predictions = design.record(made)
        heads = None
        if protocol.target == "label" and protocol.layers != "statistics":
            kept_ones = kept_heads([outcome for outcome in outcomes if isinstance(outcome, Outcome)])
            heads = heads_content(kept_ones, design.labels, made.encoder.facts, config.store_dtype)
            record = record.model_copy(update={"heads_sha256": sha256_of(heads)})
        report.write(
            folder, record, predictions.merge(pool.about(), on="id", how="left", validate="m:1"), heads
        )
        forget(folder)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return Run(folder, design.read(folder))


def _train(
    tasks: Sequence[Task],
    pool: Pool,
    stores: Sequence[FeatureStore],
    protocol: Protocol,
    encoder: Encoder,
    folder: Path,
    accelerator: Accelerator,
) -> tuple[list[AnyOutcome], float]:
    """The outcomes of all tasks, which the processes share, and the seconds of training."""
    started = time.perf_counter()
    every_layer = encoder.facts.layers != "last"
    if protocol.layers == "statistics":
        names = layers_in(stores, every_layer)
        layers = ((name, statistics_of(stores, name)) for name in names)
        with (
            accelerator.split_between_processes(tasks) as mine,
            progress_bar(accelerator, "heads", len(names) * len(mine), "layer") as bar,
        ):
            fitted = fit_tasks(mine, pool, layers, protocol, bar.update)
        return gather_object(fitted), time.perf_counter() - started
    views = views_of(stores, protocol, accelerator.device, every_layer)
    with (
        accelerator.split_between_processes(tasks) as mine,
        progress_bar(accelerator, "heads", views.count * len(mine) * protocol.epochs, "epoch") as bar,
    ):
        # What an earlier process has kept of training these groups on these features.
        features, groups = [store.key for store in stores], identity([task.group for task in mine])
        depends_on = [version("emobox"), features, asdict(protocol), groups, accelerator.device.type]
        checkpoint = Checkpoint(folder, depends_on)
        with matrix_products(products_of_heads(accelerator.device)):
            outcomes = train_tasks(mine, pool, views, protocol, bar.update, checkpoint)
    gathered: list[AnyOutcome] = gather_object(outcomes)
    return gathered, time.perf_counter() - started + checkpoint.seconds_before


def _kept(
    folder: Path,
    config: ProbeConfig | CrossConfig,
    design: Design,
    encoder: Encoder,
    described: Sequence[CorpusRecord],
    pool: Pool,
) -> RunRecord | None:
    """The record of an earlier run of equal settings; None if there is none, or it is to be replaced.

    Raises:
        ProbeError: there is one of other settings, and `overwrite` was not given.
    """
    if config.overwrite or not (folder / design.record_file).is_file():
        return None
    earlier = read_run(folder)
    wanted = design.identity(encoder.facts, config.store_dtype, described)
    found = design.identity_of(earlier)  # type: ignore[arg-type]  # what a design reads, it knows
    if pool.ratings is not None and isinstance(earlier, RatedRecord):
        wanted["what raters said"], found["what raters said"] = pool.ratings.sha256, earlier.ratings_sha256
    if other := [what for what, value in wanted.items() if found[what] != value]:
        raise ProbeError(
            f"Expected {folder} to be free or to hold a result of the same model, corpora and settings, but it holds "
            f"one of {' and '.join(other)} that are others; give another --output-dir, or --overwrite to replace it."
        )
    return earlier if (folder / PREDICTIONS_FILE).is_file() else None


def extract_features(config: ExtractConfig, own: Any = None) -> FeatureStore:
    """The features of one corpus, made as far as they are missing; `own` as for `run`.

    Raises:
        ProbeError, CorpusError: as for `run`.
    """
    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    corpus = corpora.load(config.corpus)
    encoder = encoder_of(config, accelerator.device, PROTOCOLS["paper"], own)
    with accelerator.main_process_first():
        whole = load_corpus(corpus, config.data_dir, config.allow_missing, config.num_proc)
    described = describe_corpus(whole, corpus, corpus.label_list)
    store = filled_store(config, encoder, whole, described.fingerprint, accelerator)
    accelerator.end_training()
    return store


def provenance_of(
    config: ProbeConfig | CrossConfig,
    design: Design,
    stores: Sequence[FeatureStore],
    accelerator: Accelerator,
    training_seconds: float,
) -> results.Provenance:
    """When, where, with what and how long."""
    return results.Provenance(
        command=design.command,
        settings=config.recorded(),
        device=str(accelerator.device),
        hardware=hardware(accelerator.device),
        processes=accelerator.num_processes,
        extraction_seconds=seconds_spent(stores),
        extraction_times_real_time=times_real_time(stores),
        extraction_busy_share=stores[0].busy_share() if len(stores) == 1 else None,
        training_seconds=training_seconds,
        head_products=products_of_heads(accelerator.device),
    )


def read_run(folder: str | Path) -> RunRecord:
    """The record of any kind in a run's folder, held against its predictions, with intervals of today's method.

    Raises:
        ProbeError: there is none, it cannot be read, or a number in it does not follow from the predictions.
    """
    if (Path(folder) / CROSS_FILE).is_file():
        return as_shown(folder, read_cross_record(folder))
    if (Path(folder) / RATED_FILE).is_file():
        return as_shown(folder, read_rated(folder))
    return as_shown(folder, read_record(folder))


def is_main_process() -> bool:
    """Whether this process is the one that tells."""
    return bool(PartialState().is_main_process)


def accelerator_on(device: Device | None) -> Accelerator:
    """The processes at work, on the device that was asked for.

    Raises:
        ProbeError: there is no such device.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device is not None and not there[device]:
        raise ProbeError(
            f"Expected a {device} device, but torch finds none here; choose of "
            f"{', '.join(name for name, known in there.items() if known)}, or leave out --device."
        )
    # accelerate keeps the device of the first run of a process; in a notebook another may follow on another device.
    state = AcceleratorState._shared_state
    if device is not None and state and state["device"].type != device and state["num_processes"] == 1:
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=device == "cpu")


def prepare_device(accelerator: Accelerator) -> None:
    """Use what the device has: all cores of a CPU unless OMP_NUM_THREADS says otherwise."""
    if accelerator.device.type == "cpu":
        keep_freed_memory()
        if accelerator.num_processes == 1 and not threads_told():
            torch.set_num_threads(len(os.sched_getaffinity(0)))


def hardware(device: torch.device) -> str:
    """The GPU's name, or the processor's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores"
