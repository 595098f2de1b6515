"""Train on one corpus, test on another: `emobox cross` (Sections 2.3 and 3.3 of the paper).

    emobox cross --model openai/whisper-base --train iemocap,meld,ravdess,savee --test iemocap,meld,ravdess,savee

Features are those of the intra-corpus runs. Every source is one group of heads; all are trained together, choose on
their own corpus, and only then look at the test labels of the others.
"""

import argparse
import sys
import time
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import gather_object

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError
from emobox_probe import cross_report, probe, results
from emobox_probe.cross_scoring import score_pairs
from emobox_probe.cross_tasks import Pool, cross_tasks, label_space, test_configuration
from emobox_probe.cross_training import train_sources
from emobox_probe.encoders import DTYPES, Encoder, load_encoder
from emobox_probe.errors import ProbeError
from emobox_probe.facts import EncoderFacts
from emobox_probe.features import FeatureStore
from emobox_probe.overlap import overlaps
from emobox_probe.prepared import describe_corpus, feature_store, fill, load_corpus, progress_bar
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.sweep import views_of


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
        help="of a target; default: the paper's balanced sets where all targets have one, else all of it",
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
    known = [corpora.load(name) for name in dict.fromkeys([*sources, *targets])]
    test = test_configuration([corpora.load(name) for name in targets], arguments.test_set)
    labels = label_space(known, arguments.labels)
    roots = _roots(arguments.data_dir, [corpus.name for corpus in known])

    encoder = load_encoder(
        arguments.model,
        accelerator.device,
        arguments.revision,
        arguments.trust_remote_code,
        arguments.dtype,
        probe.layers_of(arguments, protocol),
    )
    folder = run_folder(arguments, encoder, sources, targets)
    pool, stores, corpus_records = Pool(labels), [], []
    for corpus in known:
        one = argparse.Namespace(**{**vars(arguments), "data_dir": roots.get(corpus.name)})
        with accelerator.main_process_first():
            whole = load_corpus(one, corpus)
        described = describe_corpus(whole, corpus, labels)
        store = feature_store(one, encoder, whole, described)
        fill(store, encoder, whole, DTYPES[arguments.store_dtype], accelerator)
        accelerator.wait_for_everyone()
        pool.add(corpus, whole)
        stores.append(store)
        corpus_records.append(described)

    tasks = cross_tasks(pool, sources, targets, arguments.leave_one_out, arguments.training, test, protocol)
    started = time.perf_counter()
    views = views_of(stores, protocol, accelerator.device, encoder.facts.layers == "all")
    with (
        accelerator.split_between_processes(tasks) as mine,
        progress_bar(
            accelerator, "heads", len(views.candidates) * len(mine) * protocol.epochs, "epoch"
        ) as bar,
    ):
        outcomes = train_sources(mine, pool, views, protocol, bar.update)
    outcomes = gather_object(outcomes)
    training_seconds = time.perf_counter() - started

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
            remarks=pool.remarks(targets, test),
            provenance=_provenance(accelerator, stores, training_seconds),
        )
        cross_report.write(folder, record, predictions)
        cross_report.print_matrix(record, folder)
    accelerator.end_training()


def run_folder(
    arguments: argparse.Namespace, encoder: Encoder, sources: list[str], targets: list[str]
) -> Path:
    """`<output-dir>/<model>/cross/<corpora>/<protocol>`."""
    name = arguments.name or "+".join(sources) + ("" if sources == targets else "_on_" + "+".join(targets))
    if arguments.leave_one_out and not arguments.name:
        name += "_leave_one_out"
    folder: Path = probe.model_folder(arguments.output_dir, encoder.facts.name) / "cross" / name
    return folder / str(arguments.protocol)


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


def _provenance(
    accelerator: Accelerator, stores: list[FeatureStore], training_seconds: float
) -> results.Provenance:
    seconds = sum(store.seconds_spent() for store in stores)
    return results.Provenance(
        device=str(accelerator.device),
        hardware=probe.hardware(accelerator.device),
        processes=accelerator.num_processes,
        extraction_seconds=seconds,
        extraction_times_real_time=sum(sum(store.durations) for store in stores) / seconds,
        extraction_busy_share=None,
        training_seconds=training_seconds,
    )
