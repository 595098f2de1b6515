"""The experiment: frozen features of one corpus, small heads on every fold, scores with an interval.

    accelerate launch emobox_probe/probe.py --model openai/whisper-base --corpus emodb --data-dir /data/emodb

Features are extracted once and kept; test labels are read only after configuration and epoch have been chosen.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from emobox_datasets import corpora
from emobox_datasets.builder import stored_items
from emobox_datasets.errors import CorpusError
from emobox_probe import report, results
from emobox_probe.checkpoint import forget
from emobox_probe.encoders import BUILTIN, DTYPES, TRIMMED, Encoder
from emobox_probe.errors import ProbeError
from emobox_probe.features import times_real_time
from emobox_probe.folds import label_list, tasks
from emobox_probe.machine import keep_freed_memory, threads_told
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
from emobox_probe.scoring import score
from emobox_probe.sweep import train_tasks, views_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `probe.py`, `python -m emobox_probe` and `emobox probe`."""
    parser.add_argument("--corpus", required=True, help="name of the corpus, such as emodb")
    parser.add_argument("--data-dir", help="folder that holds the corpus; default: $EMOBOX_DATA/<corpus>")
    parser.add_argument("--overwrite", action="store_true", help="replace a result of other weights or data")
    add_shared_arguments(parser)


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of everything that trains heads on features of a model."""
    parser.add_argument(
        "--model",
        required=True,
        help=f"Hub id, local folder, or {BUILTIN}<name>; behind a Whisper model, {TRIMMED} takes the true length",
    )
    parser.add_argument("--protocol", default="paper", choices=PROTOCOLS, help="default: %(default)s")
    parser.add_argument("--revision", help="branch, tag or commit of the model on the Hub")
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run the model repository's own code"
    )
    parser.add_argument("--allow-missing", action="store_true", help="go on with an incomplete corpus")
    parser.add_argument(
        "--dtype", default="float32", choices=DTYPES, help="what the model computes in; default: %(default)s"
    )
    parser.add_argument(
        "--layers",
        choices=("last", "all"),
        help="all: also store the means of every layer, for a curve and a learned sum; default: by protocol",
    )
    parser.add_argument("--store-dtype", default="float16", choices=DTYPES, help="default: %(default)s")
    parser.add_argument("--features-dir", type=Path, help="default: $HF_HOME/emobox/features")
    parser.add_argument("--output-dir", type=Path, default=Path("runs"), help="default: %(default)s")
    parser.add_argument("--num-proc", type=int, help="processes that convert the corpus")


def main() -> None:
    """Parse the command line, run, and turn the user's mistakes into one paragraph and exit status 1."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))


def run(arguments: argparse.Namespace) -> int:
    """Run the experiment; the exit status."""
    try:
        experiment(arguments)
    except (CorpusError, ProbeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def experiment(arguments: argparse.Namespace) -> None:
    """From corpus and model to a result record, top to bottom."""
    accelerator = Accelerator()
    prepare_device(accelerator)
    protocol = PROTOCOLS[arguments.protocol]
    corpus = corpora.load(arguments.corpus)

    with accelerator.main_process_first():  # the first process converts, the others find it done
        whole = load_corpus(arguments, corpus)
    encoder = encoder_of(arguments, accelerator.device, protocol)
    labels = label_list(corpus, protocol)
    corpus_record = describe_corpus(whole, corpus, labels)
    folder = run_folder(arguments, encoder)
    check_replaceable(folder, encoder, corpus_record, arguments.overwrite)

    store = filled_store(arguments, encoder, whole, corpus_record, accelerator)

    started = time.perf_counter()
    views = views_of([store], protocol, accelerator.device, encoder.facts.layers == "all")
    items = stored_items(whole, corpus)
    with (
        accelerator.split_between_processes(tasks(corpus, items, protocol)) as mine,
        progress_bar(accelerator, "heads", views.count * len(mine) * protocol.epochs, "epoch") as bar,
    ):
        kept = checkpoint_of(folder, [store], protocol, [task.group for task in mine], accelerator.device)
        outcomes = train_tasks(mine, items, views, labels, protocol, bar.update, kept)
    outcomes = gather_object(outcomes)
    training_seconds = time.perf_counter() - started + kept.seconds_before

    if accelerator.is_main_process:
        encoder_record = describe_encoder(encoder, store, arguments.store_dtype)
        provenance = results.Provenance(
            device=str(accelerator.device),
            hardware=hardware(accelerator.device),
            processes=accelerator.num_processes,
            extraction_seconds=store.seconds_spent(),
            extraction_times_real_time=times_real_time([store]),
            extraction_busy_share=store.busy_share(),
            training_seconds=training_seconds,
        )
        record = score(outcomes, encoder_record, corpus_record, protocol, provenance)
        about = whole.select_columns(["id", "gender", "language"]).to_pandas()
        report.write(folder, record, outcomes, about)
        forget(folder)
        report.print_table(record, folder)
    accelerator.end_training()


def prepare_device(accelerator: Accelerator) -> None:
    """Use what the device has: all cores of a CPU unless OMP_NUM_THREADS says otherwise, TF32 on a GPU."""
    if accelerator.device.type == "cpu":
        keep_freed_memory()
        if accelerator.num_processes == 1 and not threads_told():
            torch.set_num_threads(len(os.sched_getaffinity(0)))
    if accelerator.device.type == "cuda":
        torch.set_float32_matmul_precision("high")


def hardware(device: torch.device) -> str:
    """The GPU's name, or the processor's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def run_folder(arguments: argparse.Namespace, encoder: Encoder) -> Path:
    """`<output-dir>/<model>/<corpus>/<protocol>`."""
    folder: Path = (
        model_folder(arguments.output_dir, encoder.facts.name) / arguments.corpus / arguments.protocol
    )
    return folder


def model_folder(output: Path, name: str) -> Path:
    """`<output>/<model>`; a Hub id `a/b` and `builtin:b` become `a--b`, a path its last part."""
    folder = name.removesuffix(TRIMMED)
    if Path(folder).is_dir():
        name = Path(folder).resolve().name + name[len(folder) :]
    return output / name.replace(":", "--").replace("/", "--")


def check_replaceable(
    folder: Path, encoder: Encoder, corpus_record: results.CorpusRecord, overwrite: bool
) -> None:
    """A run may replace its own earlier result, not one of other weights or another copy of the corpus.

    Raises:
        ProbeError: it would, and `--overwrite` was not given.
    """
    if overwrite or not (folder / results.RESULT_FILE).is_file():
        return
    earlier = results.read_record(folder)
    same_weights = earlier.encoder.weights_sha256 == encoder.facts.weights_sha256
    if not same_weights or earlier.corpus.fingerprint != corpus_record.fingerprint:
        what = "another copy of the corpus" if same_weights else "other weights"
        raise ProbeError(
            f"Expected {folder} to be free or to hold a result of the same model and corpus, but it holds one of "
            f"{what}; give another --output-dir, or --overwrite to replace it."
        )


if __name__ == "__main__":
    main()
