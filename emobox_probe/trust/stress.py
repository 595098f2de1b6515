"""`emobox stress`: what a run's own heads say of perturbed audio of the utterances that they were tested on.

Folds and heads are those of the run. Perturbed audio goes through the same extraction as any other, and nothing of it
is kept but the answers: those of a perturbation that is done are there for a killed run to go on from.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from accelerate import Accelerator
from filelock import FileLock, Timeout

import emobox_datasets.corpora as corpora
import emobox_probe.report.report as report
from emobox_datasets.files import check_writable
from emobox_probe.config import ExtractConfig
from emobox_probe.encoders.load import Encoder
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import accelerator_on, hardware, prepare_device, read_run
from emobox_probe.features.corpus import describe_corpus, filled_store, load_corpus
from emobox_probe.features.store import FeatureStore, seconds_spent
from emobox_probe.records.cross_result import CROSS_FILE
from emobox_probe.records.predictions import PREDICTIONS_FILE, RESAMPLED, clusters_of, read_predictions
from emobox_probe.records.result import Provenance, ResultRecord
from emobox_probe.records.stress_record import (
    STRESS_FOLDER,
    NotRun,
    PerturbedScores,
    StressRecord,
    read_stress,
)
from emobox_probe.scoring.check import as_shown
from emobox_probe.scoring.stress import perturbed_summary_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.subset import limited
from emobox_probe.trust.config import StressConfig
from emobox_probe.trust.parts import LOCK, PARTS, Parts, forget
from emobox_probe.trust.perturbations.perturbation import Perturbation
from emobox_probe.trust.perturbations.suite import VERSION, perturbations_of
from emobox_probe.trust.perturbed import Heads, PerturbedAudio
from emobox_probe.use.usable import Usable, encoder_for, read_usable


def stress(run_folder: str | Path, **settings: Any) -> StressRecord:
    """Score a run's own heads on perturbed audio of the utterances that they were tested on.

    Args:
        run_folder: of a run of `probe`.
        settings: the other settings of `StressConfig`, such as `data_dir` and `only`.

    Raises:
        ProbeError: settings or run are not what is needed; says what to do.
        CorpusError: the corpus is not there, not whole, or cannot be decoded.
    """
    return run(StressConfig.of({"run": run_folder, **settings}))[1]


def run(config: StressConfig) -> tuple[Path, StressRecord]:
    """From a run to the folder and record of its stress test, top to bottom.

    Raises:
        ProbeError, CorpusError: as `stress`.
    """
    chosen = perturbations_of(config.suite, config.only)
    source, usable = _read(config.run)
    folder = config.out or config.run / STRESS_FOLDER
    if (kept := _kept(folder, config, usable, chosen)) is not None:
        return folder, kept
    check_writable(folder)
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / PARTS / LOCK, timeout=0):
            # Another process may have ended the same test since.
            if (kept := _kept(folder, config, usable, chosen)) is not None:
                forget(folder)
                return folder, kept
            return folder, _made(folder, config, source, usable, chosen)
    except Timeout as error:
        raise ProbeError(
            f"Expected nobody else at work on {folder}, but another process is; wait for it, or give another --out."
        ) from error


def _made(
    folder: Path,
    config: StressConfig,
    source: ResultRecord,
    usable: Usable,
    chosen: Sequence[Perturbation],
) -> StressRecord:
    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    encoder = encoder_for(
        usable, accelerator.device, config.model, config.trust_remote_code, config.batch_seconds
    )
    pool, clean = _clean_features(config, source, usable, encoder, accelerator)
    predictions = read_predictions(config.run, source)
    heads = Heads(usable.heads, source, predictions)
    reproduced = (heads.answers(clean)["prediction"] == predictions["prediction"].to_numpy()).mean()
    depends_on = [usable.heads_sha256, encoder.facts.identity, source.corpus.fingerprint]
    parts = Parts(folder, [*depends_on, VERSION, accelerator.device.type])
    audio = PerturbedAudio(pool, predictions, source.corpus.fingerprint, usable.store_dtype, parts.features)
    answers, not_run = audio.answers(chosen, encoder, heads, parts, accelerator)
    clusters = clusters_of(predictions)
    record = StressRecord(
        suite=config.suite,
        suite_version=VERSION,
        encoder=usable.encoder_facts,
        store_dtype=usable.store_dtype,
        corpus=source.corpus,
        protocol=source.protocol,
        heads_sha256=usable.heads_sha256,
        clean=source.pooled,
        reproduced=float(reproduced),
        resampled=RESAMPLED[clusters],
        clusters=predictions[clusters].nunique(),
        perturbations=[
            _scores(one, answers[one.name], audio, encoder, source) for one in chosen if one.name in answers
        ],
        not_run=[
            NotRun(name=one.name, description=one.description, reason=not_run[one.name])
            for one in chosen
            if one.name in not_run
        ],
        provenance=Provenance(
            settings=config.recorded(),
            device=str(accelerator.device),
            hardware=hardware(accelerator.device),
            processes=1,
            extraction_seconds=seconds_spent(audio.stores(chosen, encoder, answers)),
            training_seconds=0.0,
        ),
    )
    (folder / PREDICTIONS_FILE).unlink(missing_ok=True)  # of an earlier test, where nothing could be run now
    report.write(folder, record, parts.table(answers))
    forget(folder)
    return record


def _scores(
    one: Perturbation, answers: pd.DataFrame, audio: PerturbedAudio, encoder: Encoder, source: ResultRecord
) -> PerturbedScores:
    return PerturbedScores(
        name=one.name,
        kind=one.kind,
        description=one.description,
        as_they_were=audio.as_they_were(one),
        lengthened=audio.lengthened(one, encoder),
        **perturbed_summary_of(answers, source.corpus.labels, source.protocol["absent"]),
    )


def _read(folder: Path) -> tuple[ResultRecord, Usable]:
    """The run and its heads.

    Raises:
        ProbeError: it is no run within a corpus, or has no heads.
    """
    if (folder / CROSS_FILE).is_file():
        raise ProbeError(
            f"Expected a run within a corpus, but {folder} is one between corpora; name one of `emobox probe`."
        )
    usable = read_usable(folder, "a run")
    source = read_run(folder)
    assert isinstance(source, ResultRecord)
    return source, usable


def _kept(
    folder: Path, config: StressConfig, usable: Usable, chosen: Sequence[Perturbation]
) -> StressRecord | None:
    """The record of an earlier test of the same; None if there is none, or it is to be replaced.

    Raises:
        ProbeError: the folder holds something else, or a test of other heads or perturbations, and `overwrite` was not
            given.
    """
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names and not names & {PARTS, StressRecord.FILE}:
        raise ProbeError(
            f"Expected {folder} to be new, empty or an earlier stress test, but it is not; give another --out."
        )
    if config.overwrite or not (folder / StressRecord.FILE).is_file():
        return None
    earlier = as_shown(folder, read_stress(folder))
    tested = {one.name for one in earlier.perturbations} | {one.name for one in earlier.not_run}
    same = {
        "heads": earlier.heads_sha256 == usable.heads_sha256,
        "perturbations": tested == {one.name for one in chosen} and earlier.suite_version == VERSION,
    }
    if others := [what for what, equal in same.items() if not equal]:
        raise ProbeError(
            f"Expected {folder} to be free or to hold a test of the same heads and perturbations, but it holds one of "
            f"other {' and '.join(others)}; give another --out, or --overwrite to replace it."
        )
    whole = (folder / PREDICTIONS_FILE).is_file() or not earlier.perturbations
    return earlier if whole else None


def _clean_features(
    config: StressConfig, source: ResultRecord, usable: Usable, encoder: Encoder, accelerator: Accelerator
) -> tuple[Pool, FeatureStore]:
    """The utterances as the run heard them, and their features, made as far as they are missing.

    Raises:
        ProbeError: this copy of the corpus has other audio.
    """
    corpus = corpora.load(source.corpus.name)
    whole = load_corpus(corpus, config.data_dir, config.allow_missing, config.num_proc)
    if source.corpus.limit is not None:
        whole = limited(whole, corpus, [fold.name for fold in source.folds], source.corpus.limit)
    described = describe_corpus(whole, corpus, usable.labels)
    if described.fingerprint != source.corpus.fingerprint:
        raise ProbeError(
            f"Expected the copy of {corpus.name} that the run was made on, but this one has other audio; name that one "
            f"with --data-dir, or run the probe on this one first."
        )
    pool = Pool(tuple(usable.labels))
    pool.add(corpus, whole)
    extraction = ExtractConfig.of(
        {
            "model": usable.encoder.name,
            "corpus": corpus.name,
            "dtype": usable.encoder.dtype,
            "store_dtype": usable.store_dtype,
            "features_dir": config.features_dir,
        }
    )
    return pool, filled_store(extraction, encoder, whole, described.fingerprint, accelerator)
