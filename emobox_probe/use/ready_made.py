"""Classifiers that others have trained: of the Hub, CLAP asked in words, or the user's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoProcessor, ClapModel, ZeroShotAudioClassificationPipeline

from emobox_datasets.audio_files.audio import SAMPLING_RATE, from_flac, resample
from emobox_probe.encoders.checkpoints.fit import LOADING_ERRORS, REPORTED, check_fit
from emobox_probe.encoders.checkpoints.location import load_weights, locate
from emobox_probe.encoders.classifier import SHORTEST, Classifier, load_classifier
from emobox_probe.encoders.encoder import lengthened
from emobox_probe.encoders.names import recorded_name
from emobox_probe.encoders.own.doors import PYTHON, name_of_object, object_named, source_of
from emobox_probe.encoders.own.own_model import OwnModel, own_model
from emobox_probe.encoders.own.settings import settings_of_object
from emobox_probe.encoders.weights import first_line, preprocessor_hash, weights_hash
from emobox_probe.errors import RAISED_BY_USERS, ProbeError
from emobox_probe.records.classified import ClassifierFacts

# What CLAP is asked: the class in lower case goes in.
QUESTION = "A person is speaking in a {} voice."


@dataclass(frozen=True)
class ZeroShot:
    """CLAP, asked which of the corpus's labels fits the recording best."""

    name: str
    classes: tuple[str, ...]
    facts: ClassifierFacts
    pipeline: ZeroShotAudioClassificationPipeline

    @property
    def identity(self) -> list[Any]:
        known = self.facts
        return [known.weights_sha256, known.preprocessor_sha256, list(self.classes), QUESTION, SHORTEST]

    def classify(self, flac: bytes) -> str:
        waveform = lengthened(from_flac(flac), SHORTEST)
        extractor: Any = self.pipeline.feature_extractor
        rate = extractor.sampling_rate
        asked = [label.lower() for label in self.classes]
        answers = self.pipeline(
            resample(waveform, SAMPLING_RATE, rate), candidate_labels=asked, hypothesis_template=QUESTION
        )
        best = max(answers, key=lambda answer: answer["score"])["label"]
        return self.classes[asked.index(best)]


@dataclass(frozen=True)
class OwnClassifier:
    """An object of the user's: called with a 16 kHz waveform `(samples,)`, it returns the name of a class."""

    name: str
    own: Any
    facts: ClassifierFacts
    keeps: bool

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(getattr(self.own, "classes", ()))

    @property
    def identity(self) -> list[Any] | None:
        """None unless it came by name and could be looked into: of an object in memory too little is known."""
        if not self.keeps:
            return None
        known = self.facts
        function = self.name.rpartition(":")[2]
        return [
            known.code_sha256,
            known.weights_sha256,
            known.settings_sha256,
            function,
            list(self.classes),
            SHORTEST,
        ]

    @torch.inference_mode()
    def classify(self, flac: bytes) -> str:
        waveform: np.ndarray = lengthened(from_flac(flac), SHORTEST)
        try:
            answer = self.own(waveform)
        except RAISED_BY_USERS as error:
            raise ProbeError(
                f"Expected a class from {self.name}, but it raised {type(error).__name__}: {first_line(error)}"
            ) from error
        if not isinstance(answer, str) or (self.classes and answer not in self.classes):
            known = ", ".join(self.classes) or "a string"
            raise ProbeError(
                f"Expected {known} from {self.name}, but got {answer!r}; correct the classifier."
            )
        return answer


ReadyMade = Classifier | ZeroShot | OwnClassifier


def load_ready_made(
    model: Any,
    labels: Sequence[str],
    device: torch.device,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> ReadyMade:
    """A classifier by Hub id or folder, `python:<module>:<function>`, or an object.

    Args:
        model: its name, or the object.
        labels: what CLAP is asked to choose among.
        device: where it runs.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: run the repository's own code.

    Raises:
        ProbeError: there is no such model, or it classifies no audio.
    """
    if not isinstance(model, str):
        return _own(name_of_object(model), model, model if callable(model) else type(model))
    if model.startswith(PYTHON):
        made, module = object_named(model)
        return _own(model, made, module)
    try:
        location = locate(model, revision, trust_remote_code)
        kind = AutoConfig.from_pretrained(location.place, **location.options).model_type
    except LOADING_ERRORS:
        kind = ""  # `load_classifier` says what is wrong
    if kind == "clap":
        return _zero_shot(model, labels, device, revision)
    return load_classifier(model, device, revision, trust_remote_code)


def facts_of(classifier: ReadyMade) -> ClassifierFacts:
    """What a record says of it."""
    if not isinstance(classifier, Classifier):
        return classifier.facts
    return ClassifierFacts(
        name=recorded_name(classifier.name),
        architecture=type(classifier.pipeline.model).__name__,
        revision=classifier.revision,
        weights_sha256=classifier.weights_sha256,
        preprocessor_sha256=classifier.preprocessor_sha256,
    )


def _own(name: str, own: Any, defined: Any) -> OwnClassifier:
    if not callable(own):
        raise ProbeError(
            f"Expected {name} to be called with a waveform and to return a class, but got {type(own).__name__}; "
            f"return a function, or an object with __call__."
        )
    model: OwnModel = own_model(own, name)
    state = model.state_dict()
    sha256 = weights_hash(model) if state else None
    code = source_of(name, defined).code_sha256
    settings = settings_of_object(own, state)
    facts = ClassifierFacts(
        name=recorded_name(name),
        architecture=type(own).__name__,
        revision=None,
        weights_sha256=sha256,
        preprocessor_sha256=None,
        code_sha256=code,
        settings_sha256=settings.sha256,
    )
    by_name = isinstance(defined, ModuleType) and code is not None
    return OwnClassifier(name, own, facts, keeps=by_name and settings.whole)


def _zero_shot(name: str, labels: Sequence[str], device: torch.device, revision: str | None) -> ZeroShot:
    location = locate(name, revision, False)
    try:
        processor = AutoProcessor.from_pretrained(location.place, **location.options)
        config = AutoConfig.from_pretrained(location.place, **location.options)
        model, report = load_weights(ClapModel, location, config, dtype=torch.float32, **REPORTED)
    except ProbeError:
        raise
    except LOADING_ERRORS as error:
        raise ProbeError(
            f"Expected CLAP with its feature extractor and tokenizer at {name!r}, but got: {first_line(error)}"
        ) from error
    check_fit(name, model, report)
    if missing := sorted(report["missing_keys"]):
        raise ProbeError(
            f"Expected all weights in {name}, but {len(missing)} are missing, such as {missing[0]}; they would be "
            f"random. Choose another checkpoint."
        )
    sha256 = weights_hash(model)
    pipeline = ZeroShotAudioClassificationPipeline(
        model=model.eval(),
        feature_extractor=processor.feature_extractor,
        tokenizer=processor.tokenizer,
        device=device,
    )
    facts = ClassifierFacts(
        name=recorded_name(name),
        architecture="ClapModel",
        revision=location.commit,
        weights_sha256=sha256,
        preprocessor_sha256=preprocessor_hash(processor.feature_extractor),
        question=QUESTION,
    )
    return ZeroShot(name, tuple(labels), facts, pipeline)
