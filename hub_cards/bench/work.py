"""One item of work, where it is done: in a process that stays for the items after it.

The process keeps what these would load again: the libraries, the device, and the last model.
"""

import contextlib
import gc
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from datasets import Dataset
from filelock import FileLock

import emobox_datasets.corpora as corpora
import emobox_probe.encoders.batching as batching
import emobox_probe.experiment as experiment
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError, is_disk_full
from emobox_probe.config import CrossConfig, ExtractConfig, ProbeConfig
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.load import Encoder
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.encoders.own.doors import is_own
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import (
    NEEDED,
    describe_corpus,
    encoder_of,
    feature_store,
    filled_store,
    load_corpus,
)
from emobox_probe.features.store import times_real_time
from emobox_probe.protocol import PROTOCOLS, Protocol
from emobox_probe.tasks.ratings import names_of, ratings_of
from hub_cards.bench.items import Item, config_of
from hub_cards.bench.models import find_model
from hub_cards.bench.notes import Note, corpus_stamp, note_key, write_note
from hub_cards.bench.plan import Learned, Model, Place, Plan

Reason = Literal["error", "memory", "disk", "crash"]
# After memory ran out, what stands in memory beside the model is so much smaller.
SMALLER = 4


@dataclass(frozen=True)
class Failure:
    """Why an item failed."""

    kind: Reason
    message: str
    log: str


@dataclass(frozen=True)
class Work:
    """One attempt at an item, as it is sent to where it is done.

    `smaller`: with smaller batches; `only_look`: note what model and corpus are, without making features; `lock` is
    held for as long as it lasts; `made_for` is the output folder that features are made for; `audio` is seconds and
    utterances of all corpora of the plan.
    """

    model: Model
    place: Place
    config: ExtractConfig | ProbeConfig | CrossConfig
    log: Path
    lock: Path
    made_for: str
    learned: Learned
    smaller: bool
    only_look: bool
    audio: tuple[float, int]

    @classmethod
    def of(cls, plan: Plan, item: Item, smaller: bool = False, only_look: bool = False) -> "Work":
        """An attempt at an item of a plan."""
        assert item.model is not None
        return cls(
            item.model,
            item.places[0],
            config_of(plan, item),
            plan.file("logs", item.name, ".log").absolute(),
            plan.file("locks", item.name, ".work").absolute(),
            str(plan.output.absolute()),
            plan.learned,
            smaller,
            only_look,
            _audio(plan),
        )


def _audio(plan: Plan) -> tuple[float, int]:
    """Seconds and utterances of all corpora."""
    every = [corpora.load(name) for name in plan.places]
    return sum(corpus.hours for corpus in every) * 3600, sum(corpus.utterances for corpus in every)


def own_code(work: Work) -> str | None:
    """Code of the user's own as it is now, where the model is such code.

    A process that has imported some is not to import other: it would take modules of one name, or of before they were
    edited, for those that are asked for.
    """
    return find_model(work.model).stamp if is_own(work.model.name) else None


class Kept:
    """What a process keeps from one item to the next: the last model, for as long as its files stay as they are."""

    def __init__(self) -> None:
        self._key: list[Any] = []
        self._encoder: Encoder | None = None

    def encoder(self, work: Work, device: torch.device, protocol: Protocol) -> Encoder:
        """The model of an item, loaded if it is another than that of the item before.

        Raises:
            ProbeError: as `load_encoder` does.
        """
        config, own = work.config, is_own(work.model.name)
        key = [work.model, config.dtype, config.batch_seconds, device, work.smaller, find_model(work.model)]
        if self._encoder is None or self._key != key:
            self.forget()  # two do not fit where one just does
            # Items of a model differ in their layers. Not every model has any; one's own is tried with them.
            tried = config.model_copy(update={"layers": "available" if own else "last"})
            self._encoder, self._key = encoder_of(tried, device, PROTOCOLS["paper"]), key
        encoder = self._encoder
        if not isinstance(encoder, ModelEncoder) or (own and encoder.facts.layers == "last"):
            # There are none, which loading says where they are asked for.
            return encoder_of(config, device, protocol) if config.layers == "all" else encoder
        asked = config.layers or NEEDED[protocol.layers]
        return encoder.giving("all" if asked == "available" else asked)

    def forget(self) -> None:
        """Let go of the model and its memory."""
        self._encoder, self._key = None, []
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def do(work: Work, kept: Kept) -> Failure | None:
    """Do it to its end, with its output in its log; why it failed, or None.

    Raises:
        Exception: what nobody foresaw; the process should not go on.
    """
    with _output_to(work.log), FileLock(work.lock), _smaller_batches(work.smaller):
        _warn_anew()
        try:
            _do(work, kept)
            return None
        except (CorpusError, ProbeError) as error:
            failure = _failure(work, "disk" if "disk is full" in str(error) else "error", str(error))
        except (MemoryError, torch.OutOfMemoryError) as error:
            failure = _failure(work, "memory", f"{type(error).__name__}: {error}")
        except OSError as error:
            kind: Reason = "disk" if is_disk_full(error) else "error"
            failure = _failure(work, kind, f"{type(error).__name__}: {error}")
        except Exception:
            traceback.print_exc()  # while what is printed goes to the log, which a failure names
            raise
    kept.forget()
    return failure


def _failure(work: Work, kind: Reason, message: str) -> Failure:
    print(f"error: {message}", file=sys.stderr)
    return Failure(kind, message, str(work.log))


def _do(work: Work, kept: Kept) -> None:
    if isinstance(work.config, ExtractConfig):
        _extract(work, work.config, kept)
    else:
        experiment.run(
            work.config, load=lambda config, device, protocol, own: kept.encoder(work, device, protocol)
        )


def _extract(work: Work, config: ExtractConfig, kept: Kept) -> None:
    """Fill the feature store, unless this is only a look, and note what it is of."""
    accelerator = Accelerator()
    experiment.prepare_device(accelerator)
    corpus = corpora.load(config.corpus)
    whole = load_corpus(corpus, config.data_dir, config.allow_missing, config.num_proc)
    before = corpus_stamp(work.place), find_model(work.model)
    raters = _hash_of_raters(whole, corpus, work.learned)
    encoder = kept.encoder(work, accelerator.device, PROTOCOLS["paper"])
    described = describe_corpus(whole, corpus, corpus.label_list)
    store = feature_store(config, encoder, whole, described.fingerprint)
    made_before = store.complete
    if not work.only_look:
        store = filled_store(config, encoder, whole, described.fingerprint, accelerator, work.audio)
    if (corpus_stamp(work.place), find_model(work.model)) != before:
        raise ProbeError(
            f"Expected {corpus.name} and {work.model.name} to stay as they are while features are made, but files of "
            f"one of them changed or went; run the benchmark again when they are in place."
        )
    note = Note(
        facts=EncoderFacts(**encoder.facts.model_dump()),
        corpus=described,
        store=store.key,
        size=sum(path.stat().st_size for path in store.folder.glob("shard-*.safetensors")),
        made_for=None if made_before else work.made_for,
        times_real_time=(times_real_time([store]) if store.complete else None) or 0.0,
        hardware=experiment.hardware(accelerator.device),
        ratings_sha256=raters,
    )
    key = note_key(before[1], before[0], str(config.layers), config.store_dtype, work.learned)
    write_note(store.root, key, note)
    accelerator.end_training()


def _hash_of_raters(whole: Dataset, corpus: Corpus, learned: Learned) -> str | None:
    """Of what raters said, as records name it; None where heads learn labels."""
    if learned.target == "label":
        return None
    names = names_of(corpus, learned.target, learned.dimensions)
    return ratings_of(whole, corpus, names, learned.target).sha256


@contextlib.contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """What this process and those that it starts print goes to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    before = [os.dup(1), os.dup(2)]
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, place in zip(before, (1, 2), strict=True):
            os.dup2(number, place)
            os.close(number)


def _warn_anew() -> None:
    """Python warns once a place and process: the log of every item is to have what there is to warn of."""
    with warnings.catch_warnings():
        pass  # to have come by makes it forget what it has warned of


@contextlib.contextmanager
def _smaller_batches(smaller: bool) -> Iterator[None]:
    before = batching.CPU_SECONDS, batching.CUDA_SECONDS
    if smaller:
        batching.CPU_SECONDS, batching.CUDA_SECONDS = (seconds / SMALLER for seconds in before)
    try:
        yield
    finally:
        batching.CPU_SECONDS, batching.CUDA_SECONDS = before
