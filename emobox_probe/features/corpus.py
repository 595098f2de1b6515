"""What heads are trained on: the corpus as it is stored, and its features on disk."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.compute as pc
import torch
from accelerate import Accelerator
from tqdm.auto import tqdm

import emobox_datasets  # noqa: F401  (lets load_dataset find emobox/<corpus>)
import emobox_datasets.repository.prepared as prepared
import emobox_probe.records.result as results
from emobox_datasets.audio_files.audio import FLAC_HEAD, is_silent_flac
from emobox_datasets.audio_files.fingerprint import fingerprint
from emobox_datasets.audio_files.processes import forked_ones_ignore_interruptions
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.files import cache_folder
from emobox_probe.config import FeatureConfig
from emobox_probe.encoders.encoder import DTYPES
from emobox_probe.encoders.load import Encoder, check_compilable, load_encoder, with_batches
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.errors import ProbeError
from emobox_probe.features.extraction import extract
from emobox_probe.features.store import FeatureStore
from emobox_probe.protocol import Protocol

# Which layers heads of a protocol need, by what it says they see.
NEEDED = {"last": "last", "every": "available", "statistics": "statistics"}
# What features hold that serve who asks for fewer, the richest first.
RICHER = {"last": ("statistics", "all"), "all": ("statistics",), "statistics": ()}


def encoder_of(config: FeatureConfig, device: torch.device, protocol: Protocol, own: Any = None) -> Encoder:
    """The model of the settings, with the layers that were asked for, else those that the protocol needs.

    `own` is the model where it is an object in memory, which settings can only name.
    """
    if protocol.layers == "statistics" and config.layers not in (None, "statistics"):
        raise ProbeError(
            f"Expected no --layers {config.layers} with protocol {protocol.name}, which takes the statistics of every "
            f"layer; leave it out."
        )
    encoder = load_encoder(
        config.model if own is None else own,
        device,
        config.revision,
        config.trust_remote_code,
        config.dtype,
        config.layers or NEEDED[protocol.layers],
    )
    if config.compile:
        check_compilable(config.model, encoder)
    return with_batches(encoder, config.batch_seconds)


def load_corpus(
    corpus: Corpus, data_dir: Path | None, allow_missing: bool = False, num_proc: int | None = None
) -> datasets.Dataset:
    """Every utterance of the corpus in the order of the ids, with undecoded audio.

    Heads see utterances in an order that is drawn from that of the rows, so scores depend on it.

    Raises:
        CorpusError: the corpus is not there, cannot be converted, or is not whole (unless `allow_missing`).
    """
    name = f"emobox/{corpus.name}"
    # A folder of that name that another program made takes no options of ours.
    foreign = Path(name).is_dir() and not prepared.is_readable(name)
    with forked_ones_ignore_interruptions():
        whole = datasets.load_dataset(
            name,
            "all",
            data_dir=None if data_dir is None else str(data_dir),
            split="train",
            num_proc=num_proc,
            **({} if foreign else {"allow_missing": allow_missing}),
        )
    # A prepared repository loads as it was made; a copy that lacks utterances has not come this far.
    if len(whole) < corpus.utterances and not allow_missing:
        raise CorpusError(
            f"Expected {corpus.utterances} utterances of {corpus.display_name}, but got {len(whole)} from the "
            f"folder {name}, which was made of an incomplete copy; make it of a whole one, or pass "
            f"allow_missing=True (--allow-missing) to go on with what is there."
        )
    # Rows of a folder ./emobox/<corpus> that another program made may come in any order.
    ids = list(whole["id"])
    ordered = whole.select(sorted(range(len(ids)), key=ids.__getitem__))
    return ordered.cast_column("audio", datasets.Audio(decode=False))


def describe_corpus(
    whole: datasets.Dataset,
    corpus: Corpus,
    labels: Sequence[str],
    missing: int | None = None,
    limit: int | None = None,
    folds: list[str] | None = None,
) -> results.CorpusRecord:
    """What is scored on, and how many utterances are at the edges of what encoders take.

    Args:
        whole: the corpus as it is stored, or the part of it that is looked at.
        corpus: what it is.
        labels: that are told apart.
        missing: utterances that the copy lacks, where `whole` is a part of it; default: all that are not in `whole`.
        limit, folds: which part, as `CorpusRecord` has them.
    """
    durations = np.array(whole["duration"])
    return results.CorpusRecord(
        name=corpus.name,
        fingerprint=fingerprint(whole),
        utterances=len(whole),
        missing=corpus.utterances - len(whole) if missing is None else missing,
        hours=float(durations.sum() / 3600),
        labels=list(labels),
        over_30_seconds=int((durations > 30).sum()),
        under_25_milliseconds=int((durations < 0.025).sum()),
        silent=count_silent(whole),
        limit=limit,
        folds=folds,
    )


def count_silent(whole: datasets.Dataset) -> int:
    """How many utterances are stored as nothing but zeros."""
    return sum(silent_rows(whole))


def silent_rows(whole: datasets.Dataset) -> list[bool]:
    """Which utterances are stored as nothing but zeros; only the heads of the FLAC files are looked at."""
    batches = whole.select_columns(["audio"]).with_format("arrow").iter(1_000)
    heads = (pc.binary_slice(pc.struct_field(batch["audio"], "bytes"), 0, FLAC_HEAD) for batch in batches)
    return [is_silent_flac(head) for some in heads for head in some.to_pylist()]


def feature_store(
    config: FeatureConfig, encoder: Encoder, whole: datasets.Dataset, fingerprint: str
) -> FeatureStore:
    """Where the features of this encoder on this corpus are, whether made already or not.

    Features with more also serve who asks for less: for the means of all layers, or for the last layer only.
    """
    root = config.features_dir or cache_folder("features")

    def store(layers: str) -> FeatureStore:
        identity = {
            "encoder": {**encoder.facts.identity, "layers": layers},
            "corpus": fingerprint,
            "store_dtype": config.store_dtype,
        }
        return FeatureStore(root, identity, list(whole["id"]), list(whole["duration"]))

    asked = encoder.facts.layers
    richer = (store(layers) for layers in RICHER[asked])
    return next((there for there in richer if there.complete), store(asked))


def filled_store(
    config: FeatureConfig,
    encoder: Encoder,
    whole: datasets.Dataset,
    fingerprint: str,
    accelerator: Accelerator,
    audio_in_all: tuple[float, int] | None = None,
) -> FeatureStore:
    """The features of this encoder on this corpus, made as far as they are missing.

    Any number of processes share the work by shards, and all wait for the last. An encoder that is to be compiled is
    so if that pays over `audio_in_all`, the seconds and utterances that it runs over, of other corpora too; default:
    of this one.
    """
    store = feature_store(config, encoder, whole, fingerprint)
    if config.compile and isinstance(encoder, ModelEncoder) and not store.complete:
        encoder.compile_for(*(audio_in_all or (sum(store.durations), len(store.durations))))
    audio = whole.select_columns(["audio"])
    started = time.perf_counter()

    def flac(rows: Sequence[int]) -> list[bytes]:
        return [entry["bytes"] for entry in audio[rows]["audio"]]

    total = sum(store.durations) / 3600
    with progress_bar(accelerator, "features", total, "h of audio") as bar:

        def progress(seconds: float) -> None:
            bar.update(min(seconds / 3600, total - bar.n))  # parts may add up to a little more than their sum
            speed = bar.n * 3600 / (time.perf_counter() - started)
            bar.set_postfix_str(f"{speed:.0f} x real time", refresh=False)

        dtype = DTYPES[config.store_dtype]
        extract(store, encoder, flac, dtype, progress, accelerator.num_processes)
    accelerator.wait_for_everyone()
    return store


def progress_bar(accelerator: Accelerator, name: str, total: float, unit: str) -> "tqdm[Any]":
    """A progress bar that the main process shows."""
    # Said outright, it would not be left to TQDM_DISABLE.
    shown: dict[str, Any] = {} if accelerator.is_main_process else {"disable": True}
    bar: tqdm[Any] = tqdm(total=total, desc=name, unit=unit, unit_scale=True, **shown)
    return bar
