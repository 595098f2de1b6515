"""The classifier in a folder, whatever kind of folder it is: of a run, a fit, or an export."""

from dataclasses import dataclass
from pathlib import Path

import torch

from emobox_datasets.files import inside, sha256
from emobox_probe.config import PredictConfig
from emobox_probe.encoders.batching import Budget
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import accelerator_on, prepare_device
from emobox_probe.records.export_record import EXPORT_FILE, ExportRecord, read_export
from emobox_probe.use.export.onnx_graph import session_of
from emobox_probe.use.predictor import EncoderAndHeads, OnnxGraph, Predictor
from emobox_probe.use.usable import encoder_for, read_usable

GRAPH = "model.onnx"


@dataclass(frozen=True)
class LoadedPredictor:
    """A classifier that is ready, what it is called, and what score is to be expected of it."""

    predictor: Predictor
    title: str
    expected: str


def load_predictor(config: PredictConfig) -> LoadedPredictor:
    """The classifier of the settings, on the device of the settings.

    Raises:
        ProbeError: the folder has none, its encoder is not to be had or is another, or its files are not whole.
    """
    if (config.classifier / EXPORT_FILE).is_file():
        return _of_export(config)
    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    usable = read_usable(config.classifier, "a run, a fit or an export").only(config.fold, config.seed)
    encoder = encoder_for(
        usable, accelerator.device, config.model, config.trust_remote_code, config.batch_seconds
    )
    predictor = EncoderAndHeads(encoder, usable.heads, usable.labels, usable.store_dtype)
    return LoadedPredictor(predictor, usable.title, usable.expected.text)


def _of_export(config: PredictConfig) -> LoadedPredictor:
    record = read_export(config.classifier)
    check_files(config.classifier, record)
    given = [name for name in ("fold", "seed", "model") if getattr(config, name) is not None]
    if given:
        raise ProbeError(
            f"Expected no --{given[0]} with an export, which has its encoder and heads; leave it out."
        )
    predictor = _transformers(config) if record.to == "transformers" else _graph(config, record)
    return LoadedPredictor(predictor, record.title, record.expected.text)


def check_files(folder: Path, record: ExportRecord) -> None:
    """Hold the files of an export against their hashes.

    Raises:
        ProbeError: one is missing or another.
    """
    for name, wanted in record.files.items():
        path = inside(folder, name)
        if not path.is_file() or sha256(path) != wanted:
            raise ProbeError(
                f"Expected {name} in {folder} as it was exported, but it is missing or another; export it again."
            )


def _graph(config: PredictConfig, record: ExportRecord) -> OnnxGraph:
    if config.device not in (None, "cpu"):
        raise ProbeError(f"Expected --device cpu for an ONNX graph, but got {config.device}; leave it out.")
    budget = Budget.of(torch.device("cpu"))
    budget.seconds = config.batch_seconds or budget.seconds
    session, shortest = session_of(config.classifier / GRAPH), record.encoder.shortest_samples
    return OnnxGraph(session, record.labels, record.files[GRAPH], budget, shortest)


def _transformers(config: PredictConfig) -> EncoderAndHeads:
    from emobox_probe.use.export.emobox_model import EmoBoxForAudioClassification
    from emobox_probe.use.export.parts import predictor_of

    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    model = EmoBoxForAudioClassification.from_pretrained(config.classifier)
    return predictor_of(model.to(accelerator.device), accelerator.device)
