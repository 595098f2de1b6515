"""The experiment: frozen features of one corpus, small heads on every fold, scores with an interval.

    accelerate launch emobox_probe/probe.py --model openai/whisper-base --corpus emodb --data-dir /data/emodb

Features are extracted once and kept; test labels are read only after configuration and epoch have been chosen.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import gather_object
from tqdm.auto import tqdm

import emobox_datasets  # noqa: F401  (lets load_dataset find emobox/<corpus>)
from emobox_datasets import corpora
from emobox_datasets.audio import from_flac
from emobox_datasets.builder import stored_items
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.fingerprint import fingerprint
from emobox_datasets.partition import Configuration, Item, configurations, partition
from emobox_probe import report, results
from emobox_probe.encoders import BUILTIN, Encoder, load_encoder
from emobox_probe.errors import ProbeError
from emobox_probe.features import FeatureStore
from emobox_probe.heads import Frames, predict, select, train
from emobox_probe.protocol import PROTOCOLS, Protocol
from emobox_probe.scoring import HIDDEN, Outcome, held_out, outcome, score

STORE_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `probe.py`, `python -m emobox_probe` and `emobox probe`."""
    parser.add_argument("--model", required=True, help=f"Hub id, local folder, or {BUILTIN}logmel")
    parser.add_argument("--corpus", required=True, help="name of the corpus, such as emodb")
    parser.add_argument("--data-dir", help="folder that holds the corpus; default: $EMOBOX_DATA/<corpus>")
    parser.add_argument("--protocol", default="paper", choices=PROTOCOLS, help="default: %(default)s")
    parser.add_argument("--revision", help="branch, tag or commit of the model on the Hub")
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run the model repository's own code"
    )
    parser.add_argument("--allow-missing", action="store_true", help="go on with an incomplete corpus")
    parser.add_argument("--store-dtype", default="float16", choices=STORE_DTYPES, help="default: %(default)s")
    parser.add_argument("--features-dir", type=Path, help="default: $HF_HOME/emobox/features")
    parser.add_argument("--output-dir", type=Path, default=Path("runs"), help="default: %(default)s")
    parser.add_argument("--num-proc", type=int, help="processes that convert the corpus")
    parser.add_argument("--overwrite", action="store_true", help="replace a result of other weights or data")


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
    use_all_cores(accelerator)
    protocol = PROTOCOLS[arguments.protocol]
    corpus = corpora.load(arguments.corpus)

    with accelerator.main_process_first():  # the first process converts, the others find it done
        whole = load_corpus(arguments, corpus)
    encoder = load_encoder(
        arguments.model, accelerator.device, arguments.revision, arguments.trust_remote_code
    )
    corpus_record = describe_corpus(whole, corpus)
    folder = run_folder(arguments, encoder)
    check_replaceable(folder, encoder, corpus_record, arguments.overwrite)

    store = feature_store(arguments, encoder, whole, corpus_record)
    extract(store, encoder, whole, STORE_DTYPES[arguments.store_dtype], accelerator)
    accelerator.wait_for_everyone()

    started = time.perf_counter()
    frames = load_frames(store, accelerator.device)
    items = stored_items(whole, corpus)
    folds = [fold for fold in configurations(corpus).values() if fold.kind == protocol.folds]
    with (
        accelerator.split_between_processes(folds) as mine,
        progress_bar(accelerator, "heads", len(mine) * protocol.epochs, "epoch") as bar,
    ):
        outcomes = [train_fold(fold, corpus, items, frames, protocol, bar.update) for fold in mine]
    outcomes = gather_object(outcomes)
    training_seconds = time.perf_counter() - started

    if accelerator.is_main_process:
        encoder_record = results.EncoderRecord(
            **asdict(encoder.facts), store_dtype=arguments.store_dtype, features=store.key
        )
        provenance = results.Provenance(
            device=str(accelerator.device),
            processes=accelerator.num_processes,
            extraction_seconds=store.seconds_spent(),
            training_seconds=training_seconds,
        )
        record = score(outcomes, encoder_record, corpus_record, protocol, provenance)
        report.write(folder, record, outcomes)
        report.print_table(record, folder)
    accelerator.end_training()


def use_all_cores(accelerator: Accelerator) -> None:
    """`accelerate launch` gives every process one thread; a single process on a CPU may have them all."""
    if accelerator.num_processes == 1 and accelerator.device.type == "cpu":
        torch.set_num_threads(len(os.sched_getaffinity(0)))


def load_corpus(arguments: argparse.Namespace, corpus: Corpus) -> datasets.Dataset:
    """Every utterance of the corpus, as `load_dataset` gives it, with undecoded audio."""
    whole = datasets.load_dataset(
        f"emobox/{corpus.name}",
        "all",
        data_dir=arguments.data_dir,
        split="train",
        num_proc=arguments.num_proc,
        allow_missing=arguments.allow_missing,
    )
    return whole.cast_column("audio", datasets.Audio(decode=False))


def describe_corpus(whole: datasets.Dataset, corpus: Corpus) -> results.CorpusRecord:
    """What is scored on, and how many utterances are at the edges of what encoders take."""
    durations = np.array(whole["duration"])
    return results.CorpusRecord(
        name=corpus.name,
        fingerprint=fingerprint(whole),
        utterances=len(whole),
        missing=corpus.utterances - len(whole),
        hours=float(durations.sum() / 3600),
        labels=list(corpus.label_list),
        over_30_seconds=int((durations > 30).sum()),
        under_25_milliseconds=int((durations < 0.025).sum()),
    )


def run_folder(arguments: argparse.Namespace, encoder: Encoder) -> Path:
    """`<output-dir>/<model>/<corpus>/<protocol>`; a Hub id `a/b` and `builtin:b` become `a--b`, a path its name."""
    name = encoder.facts.name
    if Path(name).is_dir():
        name = Path(name).resolve().name
    safe = name.replace(":", "--").replace("/", "--")
    folder: Path = arguments.output_dir / safe / arguments.corpus / arguments.protocol
    return folder


def check_replaceable(
    folder: Path, encoder: Encoder, corpus_record: results.CorpusRecord, overwrite: bool
) -> None:
    """A run may replace its own earlier result, not one of other weights or another copy of the corpus.

    Raises:
        ProbeError: it would, and `--overwrite` was not given.
    """
    if overwrite or not (folder / "result.json").is_file():
        return
    earlier = results.read_record(folder)
    same_weights = earlier.encoder.weights_sha256 == encoder.facts.weights_sha256
    if not same_weights or earlier.corpus.fingerprint != corpus_record.fingerprint:
        what = "another copy of the corpus" if same_weights else "other weights"
        raise ProbeError(
            f"Expected {folder} to be free or to hold a result of the same model and corpus, but it holds one of "
            f"{what}; give another --output-dir, or --overwrite to replace it."
        )


def feature_store(
    arguments: argparse.Namespace,
    encoder: Encoder,
    whole: datasets.Dataset,
    corpus_record: results.CorpusRecord,
) -> FeatureStore:
    """Where the features of this encoder on this corpus are, whether made already or not."""
    home = Path(datasets.config.HF_CACHE_HOME).expanduser()
    identity = {
        "encoder": encoder.facts.identity,
        "corpus": corpus_record.fingerprint,
        "store_dtype": arguments.store_dtype,
    }
    root = arguments.features_dir or home / "emobox" / "features"
    return FeatureStore(root, identity, list(whole["id"]), list(whole["duration"]))


def extract(
    store: FeatureStore,
    encoder: Encoder,
    whole: datasets.Dataset,
    dtype: torch.dtype,
    accelerator: Accelerator,
) -> None:
    """Fill the store; any number of processes share the work by shards."""
    if store.complete:
        return
    audio = whole.select_columns(["audio"])
    with progress_bar(accelerator, "features", round(sum(store.durations)), "s of audio") as bar:

        def encode(rows: Sequence[int]) -> Iterator[torch.Tensor]:
            for row in rows:
                yield from encoder.encode([from_flac(audio[row]["audio"]["bytes"])])
                bar.update(store.durations[row])

        store.fill(encode, dtype, bar.update)


def progress_bar(accelerator: Accelerator, name: str, total: int, unit: str) -> tqdm:
    """A progress bar that the main process shows."""
    return tqdm(total=total, desc=name, unit=unit, unit_scale=True, disable=not accelerator.is_main_process)


def load_frames(store: FeatureStore, device: torch.device) -> Frames:
    """The whole corpus, each utterance normalised over its (frames x dimensions) matrix, as the paper does."""
    parts = [F.layer_norm(frames.float(), frames.shape) for _, frames in store.read()]
    lengths = torch.tensor([len(part) for part in parts])
    return Frames(torch.cat(parts).to(device), lengths.to(device))


def train_fold(
    fold: Configuration,
    corpus: Corpus,
    items: Sequence[Item],
    frames: Frames,
    protocol: Protocol,
    progress: Callable[[int], Any],
) -> Outcome:
    """Train the sweep, choose on validation, and only then look at the test part."""
    rows = partition(corpus, fold.name, items)
    labels = torch.tensor(
        [corpus.label_list.index(item.label) for item in items], device=frames.packed.device
    )
    training, validation = held_out(rows, labels, protocol)
    tested = torch.tensor(rows["test"], device=labels.device)
    visible = labels.index_fill(0, tested, HIDDEN)

    runs = train(frames, visible, training, validation, len(corpus.label_list), protocol, progress)
    chosen = select(runs)
    logits = predict([chosen.head], frames, tested)[0]
    return outcome(fold, corpus, [items[row] for row in rows["test"]], chosen, logits, training, validation)


if __name__ == "__main__":
    main()
