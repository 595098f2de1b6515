"""A classifier of others: which class of its own a Hub audio classification model gives to every utterance.

It runs as its users run it, through the pipeline of `transformers`, one utterance at a time. What it answered is kept
(`$HF_HOME/emobox/classified`), so that another choice of utterances does not ask again and a killed run goes on.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import datasets
import torch
from filelock import FileLock
from tqdm.auto import tqdm
from transformers import (
    AudioClassificationPipeline,
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
)

from emobox_datasets.audio_files.audio import SAMPLING_RATE, from_flac, resample
from emobox_datasets.files import cache_folder
from emobox_probe.encoders.checkpoints.fit import LOADING_ERRORS, REPORTED, check_fit
from emobox_probe.encoders.checkpoints.location import load_weights, locate
from emobox_probe.encoders.encoder import lengthened
from emobox_probe.encoders.weights import first_line, preprocessor_hash, quiet, weights_hash
from emobox_probe.errors import ProbeError

# Samples at 16 kHz, 0.1 s: many models fail on less; zeros are put behind what is shorter.
SHORTEST = SAMPLING_RATE // 10

# Ids of utterances and their FLAC bytes, in turn.
Audio = Iterator[tuple[str, bytes]]


class Answering(Protocol):
    """What answers with one of its classes.

    Attributes:
        name: what messages and records call it.
        classes: what it may answer; empty where that shows only as it answers.
        identity: what its answers depend on, for JSON; None where that is not known, and no answer is kept.
    """

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def identity(self) -> list[Any] | None: ...

    def classify(self, flac: bytes) -> str:
        """The most likely class of 16 kHz audio."""
        ...


@dataclass(frozen=True)
class Classifier:
    """A model in float32 with its feature extractor, and what it can be traced to."""

    name: str
    revision: str | None
    classes: tuple[str, ...]
    weights_sha256: str
    preprocessor_sha256: str
    pipeline: AudioClassificationPipeline

    @property
    def identity(self) -> list[Any]:
        """What its answers depend on."""
        model = self.pipeline.model
        known = [self.weights_sha256, self.preprocessor_sha256, self.classes]
        return [*known, type(model).__name__, model.config.to_json_string(), SHORTEST]

    def classify(self, flac: bytes) -> str:
        """The most likely class of 16 kHz audio.

        Raises:
            ProbeError: the model cannot take the audio, or its scores are not finite.
        """
        waveform = lengthened(from_flac(flac), SHORTEST)
        extractor = self.pipeline.feature_extractor
        assert extractor is not None, "load_classifier gives the pipeline one"
        rate = extractor.sampling_rate
        if rate != SAMPLING_RATE:
            waveform = resample(waveform, SAMPLING_RATE, rate)
        try:
            scores = self.pipeline(waveform, top_k=None)
        except (RuntimeError, ValueError, IndexError) as error:
            raise ProbeError(
                f"Expected {self.name} to classify {len(waveform) / rate:.2f} s of audio, but got: {first_line(error)}"
            ) from error
        if not all(math.isfinite(score["score"]) for score in scores):
            raise ProbeError(f"Expected finite scores of {self.name}, but got NaN or infinity.")
        best: str = max(scores, key=lambda score: score["score"])["label"]
        return best


def load_classifier(
    name: str, device: torch.device, revision: str | None = None, trust_remote_code: bool = False
) -> Classifier:
    """An audio classification model by Hub id or local folder.

    Raises:
        ProbeError: there is no such model, it classifies no audio, its weights are refused, or it was not trained to
            classify.
    """
    wanted = {"dtype": torch.float32, **REPORTED}
    try:
        location = locate(name, revision, trust_remote_code)
        extractor = AutoFeatureExtractor.from_pretrained(location.place, **location.options)
        config = AutoConfig.from_pretrained(location.place, **location.options)
        with quiet():
            model, report = load_weights(AutoModelForAudioClassification, location, config, **wanted)
    except ProbeError:
        raise
    except LOADING_ERRORS as error:
        raise ProbeError(
            f"Expected an audio classification model with weights and a feature extractor at {name!r} (a Hub id or a "
            f"folder), but got: {first_line(error)} If it is on the Hub, check the name and the network; if "
            f"its files are here, get them again."
        ) from error
    check_fit(name, model, report)
    if missing := sorted(key for key in report["missing_keys"] if "masked_spec_embed" not in key):
        raise ProbeError(
            f"Expected {name} to be trained to classify, but {len(missing)} of its weights are missing, such as "
            f"{missing[0]}; they would be random. Choose a model with a trained classification head."
        )
    sha256 = weights_hash(model)
    model.eval().requires_grad_(False)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # 10 bits of mantissa would not be float32
    return Classifier(
        name=name,
        revision=location.commit,
        classes=tuple(model.config.id2label[number] for number in sorted(model.config.id2label)),
        weights_sha256=sha256,
        preprocessor_sha256=preprocessor_hash(extractor),
        pipeline=AudioClassificationPipeline(model=model, feature_extractor=extractor, device=device),
    )


def classify_all(
    classifier: Answering, fingerprint: str, ids: Sequence[str], audio: Callable[[Sequence[str]], Audio]
) -> dict[str, str]:
    """Id to class of every utterance in `ids`; those that were asked before are not asked again.

    Nothing is kept of a classifier of which it is not known what its answers depend on.

    Args:
        classifier: what is asked.
        fingerprint: of the corpus, by which answers are kept.
        ids: of utterances.
        audio: from ids to each id and its FLAC bytes.

    Raises:
        ProbeError: an utterance cannot be classified; names it.
    """
    identity = classifier.identity
    if identity is None:
        return dict(_asked(classifier, audio(ids)))
    file = _kept_in(identity, fingerprint)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):  # another run with the same classifier waits, and finds the work done
        known = _read(file, classifier.classes)
        for id, answer in _asked(classifier, audio([id for id in ids if id not in known])):
            known[id] = answer
            with file.open("a", encoding="utf-8") as stream:
                stream.write(f"{json.dumps([id, answer], ensure_ascii=False)}\n")
    return {id: known[id] for id in ids}


def _asked(classifier: Answering, audio: Audio) -> Iterator[tuple[str, str]]:
    """Ids and answers, one after the other."""
    for id, flac in audio:
        try:
            answer = classifier.classify(flac)
        except ProbeError as error:
            raise ProbeError(f"Utterance {id}: {error}") from error
        yield id, answer


def audio_of(whole: datasets.Dataset, ids: Sequence[str]) -> Audio:
    """Each id and its FLAC bytes, with a progress bar."""
    row_of = {id: row for row, id in enumerate(whole["id"])}
    # Said outright, it would not be left to TQDM_DISABLE.
    shown: dict[str, Any] = {} if ids else {"disable": True}
    asked = tqdm(ids, desc="classify", unit="utterance", **shown)
    for id in asked:
        yield id, whole[row_of[id]]["audio"]["bytes"]


def _kept_in(identity: Sequence[Any], fingerprint: str) -> Path:
    key = hashlib.sha256(json.dumps([fingerprint, *identity]).encode()).hexdigest()[:32]
    return cache_folder("classified") / f"{key}.jsonl"


def _read(file: Path, classes: Sequence[str]) -> dict[str, str]:
    """The answers in a file; a line that a killed run did not finish is cut off, a damaged one is asked again."""
    if not file.is_file():
        return {}
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    os.truncate(file, len(whole))
    answers = {}
    for line in whole.splitlines():
        with suppress(ValueError, TypeError):
            id, answer = json.loads(line)
            if answer in classes or not classes:
                answers[id] = answer
    return answers
