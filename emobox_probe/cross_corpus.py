"""Train on one corpus, test on another: `emobox cross` (Sections 2.3 and 3.3 of the paper).

    emobox cross --model openai/whisper-base --train iemocap,meld,ravdess,savee --test iemocap,meld,ravdess,savee

Features are those of the intra-corpus runs. Every source is one group of heads; all are trained together, choose on
their own corpus, and only then look at the test labels of the others.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import gather_object

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError
from emobox_probe import cross_report, probe, results
from emobox_probe.checkpoint import forget
from emobox_probe.cross_results import CROSS_FILE, read_cross_record
from emobox_probe.cross_scoring import score_pairs
from emobox_probe.cross_tasks import Plan, Pool, cross_tasks, label_space, plan_of, test_configuration
from emobox_probe.cross_training import train_sources
from emobox_probe.encoders import Encoder
from emobox_probe.errors import ProbeError
from emobox_probe.facts import EncoderFacts
from emobox_probe.features import FeatureStore, seconds_spent, times_real_time
from emobox_probe.overlap import overlaps
from emobox_probe.prepared import (
    checkpoint_of,
    describe_corpus,
    describe_encoder,
    encoder_of,
    filled_store,
    load_corpus,
    progress_bar,
)
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.sweep import views_of

# Longer names of folders than this are shortened: file systems take 255 bytes.
LONGEST_NAME = 150


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox cross`."""
    parser.add_argument("--train", required=True, metavar="CORPORA", help="sources, parted by commas")
    parser.add_argument("--test", metavar="CORPORA", help="targets, parted by commas; default: the sources")
    parser.add_argument(
        "--leave-one-out", action="store_true", help="train on all sources but the target, together"
    )
    parser.add_argument(
        "--training",
        choices=("all", "released"),
        default="all",
        help="train on the whole source, or on the training part of its released fold1; default: %(default)s",
    )
    parser.add_argument(
        "--test-set",
        choices=("balanced", "all"),
        help="of a target; default: the paper's balanced sets where all targets have one of the labels, else all of it",
    )
    parser.add_argument(
        "--labels",
        help="parted by commas, or `common` for all that the corpora share; default: of the paper's four, those shared",
    )
    parser.add_argument("--name", help="of the folder below <output-dir>/<model>/cross; default: the corpora")
    probe.add_shared_arguments(parser)
    parser.add_argument(
        "--data-dir",
        action="append",
        default=[],
        metavar="CORPUS=FOLDER",
        help="where a corpus is, as often as needed; default: $EMOBOX_DATA/<corpus>",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a result of other weights, data or settings"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the experiment; the exit status."""
    try:
        experiment(arguments)
    except (CorpusError, ProbeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def experiment(arguments: argparse.Namespace) -> None:
    """From corpora and a model to a matrix of scores, top to bottom."""
    accelerator = Accelerator()
    probe.prepare_device(accelerator)
    protocol = PROTOCOLS[arguments.protocol]
    sources = _names(arguments.train)
    targets = _names(arguments.test or arguments.train)
    plans = plan_of(sources, targets, arguments.leave_one_out)
    known = [corpora.load(name) for name in dict.fromkeys([*sources, *targets])]
    labels = label_space(known, arguments.labels)
    test = test_configuration([corpora.load(name) for name in targets], labels, arguments.test_set)
    roots = _roots(arguments.data_dir, [corpus.name for corpus in known])

    encoder = encoder_of(arguments, accelerator.device, protocol)
    # What is wrong with any corpus shows here, before features are made of the first.
    pool = Pool(labels)
    for corpus in known:
        one = argparse.Namespace(**{**vars(arguments), "data_dir": roots.get(corpus.name)})
        with accelerator.main_process_first():
            pool.add(corpus, load_corpus(one, corpus))
    tasks = cross_tasks(pool, plans, arguments.training, test, protocol)
    corpus_records = [describe_corpus(pool.audio[corpus.name], corpus, labels) for corpus in known]
    folder = run_folder(arguments, encoder, sources, targets)
    check_replaceable(folder, arguments, encoder, corpus_records, plans, test)

    stores = [
        filled_store(arguments, encoder, pool.audio[record.name], record, accelerator)
        for record in corpus_records
    ]

    started = time.perf_counter()
    views = views_of(stores, protocol, accelerator.device, encoder.facts.layers == "all")
    with (
        accelerator.split_between_processes(tasks) as mine,
        progress_bar(
            accelerator, "heads", views.candidates.views * len(mine) * protocol.epochs, "epoch"
        ) as bar,
    ):
        kept = checkpoint_of(folder, stores, protocol, [task.group for task in mine], accelerator.device)
        outcomes = train_sources(mine, pool, views, protocol, bar.update, kept)
    outcomes = gather_object(outcomes)
    training_seconds = time.perf_counter() - started + kept.seconds_before

    if accelerator.is_main_process:
        record, predictions = score_pairs(
            outcomes,
            protocol,
            overlaps(pool),
            labels,
            encoder=EncoderFacts(**encoder.facts.model_dump()),
            store_dtype=arguments.store_dtype,
            training=arguments.training,
            test=test,
            corpora=corpus_records,
            remarks=[*pool.remarks(targets, test), *_lengthened(arguments, encoder, corpus_records, stores)],
            provenance=_provenance(accelerator, stores, training_seconds),
        )
        cross_report.write(folder, record, predictions)
        forget(folder)
        cross_report.print_matrix(record, folder)
    accelerator.end_training()


def run_folder(
    arguments: argparse.Namespace, encoder: Encoder, sources: list[str], targets: list[str]
) -> Path:
    """`<output-dir>/<model>/cross/<corpora>/<protocol>`."""
    name = "+".join(sources) + ("" if sources == targets else "_on_" + "+".join(targets))
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{len(sources)}_corpora_on_{len(targets)}_{digest}"
    if arguments.leave_one_out:
        name += "_leave_one_out"
    model = probe.model_folder(arguments.output_dir, encoder.facts.name)
    return model / "cross" / str(arguments.name or name) / str(arguments.protocol)


def check_replaceable(
    folder: Path,
    arguments: argparse.Namespace,
    encoder: Encoder,
    corpus_records: Sequence[results.CorpusRecord],
    plans: Sequence[Plan],
    test: str,
) -> None:
    """A run may replace its own earlier result, not one of other weights, corpora or settings.

    Raises:
        ProbeError: it would, and `--overwrite` was not given.
    """
    if arguments.overwrite or not (folder / CROSS_FILE).is_file():
        return
    earlier = read_cross_record(folder)
    planned = {(plan.source, target) for plan in plans for target in plan.targets}
    same = {
        "weights": earlier.encoder.weights_sha256 == encoder.facts.weights_sha256,
        "pairs": {(pair.source, pair.target) for pair in earlier.pairs} == planned,
        "labels": earlier.labels == corpus_records[0].labels,
        "copies of corpora": [corpus.fingerprint for corpus in earlier.corpora]
        == [corpus.fingerprint for corpus in corpus_records],
        "training utterances": earlier.training == arguments.training,
        "test utterances": earlier.test == test,
    }
    if other := [what for what, equal in same.items() if not equal]:
        raise ProbeError(
            f"Expected {folder} to be free or to hold a result of the same model, corpora and settings, but it holds "
            f"one of other {other[0]}; give another --name or --output-dir, or --overwrite to replace it."
        )


def _names(listed: str) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    if not names:
        raise ProbeError("Expected names of corpora, parted by commas, but got none; such as emodb,urdu.")
    return list(dict.fromkeys(names))


def _roots(given: list[str], names: list[str]) -> dict[str, str]:
    """The folder of each corpus that `--data-dir` names."""
    roots = {}
    for entry in given:
        name, equals, folder = entry.partition("=")
        if not equals or name not in names:
            raise ProbeError(
                f"Expected --data-dir CORPUS=FOLDER with one of {', '.join(names)}, but got {entry!r}; give it once "
                f"for each corpus, or set EMOBOX_DATA."
            )
        roots[name] = folder
    return roots


def _lengthened(
    arguments: argparse.Namespace,
    encoder: Encoder,
    corpus_records: Sequence[results.CorpusRecord],
    stores: Sequence[FeatureStore],
) -> list[str]:
    """How many utterances were too short for the encoder, a sentence for each corpus that has some."""
    counts = [describe_encoder(encoder, store, arguments.store_dtype).lengthened for store in stores]
    return [
        f"{corpus.name}: {count} utterances are shorter than the encoder takes and were lengthened with zeros."
        for corpus, count in zip(corpus_records, counts, strict=True)
        if count
    ]


def _provenance(
    accelerator: Accelerator, stores: Sequence[FeatureStore], training_seconds: float
) -> results.Provenance:
    return results.Provenance(
        device=str(accelerator.device),
        hardware=probe.hardware(accelerator.device),
        processes=accelerator.num_processes,
        extraction_seconds=seconds_spent(stores),
        extraction_times_real_time=times_real_time(stores),
        extraction_busy_share=None,
        training_seconds=training_seconds,
    )
