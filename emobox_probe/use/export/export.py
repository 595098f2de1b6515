"""`emobox export`: a classifier in a form that others run: a folder for `transformers`, an ONNX graph, or a page."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import emobox_datasets.corpora as corpora
import emobox_probe.encoders.weights as loading
from emobox_datasets.files import sha256, whole_folder
from emobox_probe.config import ExportConfig
from emobox_probe.encoders.builtin import BUILTIN
from emobox_probe.encoders.exactness import settle_weights
from emobox_probe.encoders.families import Family
from emobox_probe.encoders.inputs import Loaded
from emobox_probe.encoders.own.doors import is_own
from emobox_probe.errors import ProbeError
from emobox_probe.records.export_record import EXPORT_FILE, CorpusTerms, ExportRecord, read_export
from emobox_probe.records.result import CorpusRecord
from emobox_probe.use.export.card import card
from emobox_probe.use.usable import Usable, place_of, read_usable

CARD = "README.md"
GRAPH = "model.onnx"


def export(classifier: str | Path, to: str, **settings: Any) -> Path:
    """Write a classifier in a form of others; the folder.

    Args:
        classifier: folder of a run or of a fit.
        to: `transformers`, `onnx` or `web`.
        settings: the other settings of `config.ExportConfig`, such as `out`, `model` and `int8`.

    Raises:
        ProbeError: settings or classifier are not what is needed, or the encoder cannot take that form.
    """
    return run(ExportConfig.of({"classifier": classifier, "to": to, **settings}))


def run(config: ExportConfig) -> Path:
    """From a run's or fit's folder to the folder of an export, top to bottom.

    Raises:
        ProbeError: as `export`.
    """
    usable = read_usable(config.classifier).only(config.fold, config.seed)
    _check_possible(usable, config)
    folder = config.out or config.classifier / config.to
    _check_free(folder, config)
    writers: dict[str, Callable[[Path, ExportConfig, Usable], None]] = {
        "transformers": _write_transformers,
        "onnx": _write_onnx,
        "web": _write_web,
    }
    with whole_folder(folder) as unfinished:
        writers[config.to](unfinished, config, usable)
        record = _record(unfinished, config, usable)
        (unfinished / CARD).write_text(card(record, folder.name) + "\n", encoding="utf-8")
        (unfinished / EXPORT_FILE).write_bytes(record.content())
        if folder.is_dir():
            shutil.rmtree(folder)
    return folder


def _check_possible(usable: Usable, config: ExportConfig) -> None:
    name = usable.encoder.name
    if is_own(name):
        raise ProbeError(
            f"Expected an encoder of transformers or a built-in, but {name} is code of your own, which an export "
            f"cannot carry; use it with emobox predict."
        )
    if config.int8 and config.to == "transformers":
        raise ProbeError("Expected --int8 with --to onnx or web, but got transformers; leave it out.")
    if config.int8 and name.startswith(BUILTIN):
        raise ProbeError(
            f"Expected --int8 with an encoder that has matrix products, but {name} has none; leave it out."
        )
    if config.to != "transformers" and usable.encoder.dtype != "float32":
        raise ProbeError(
            f"Expected an encoder that ran in float32 for --to {config.to}, but this one ran in "
            f"{usable.encoder.dtype}; run the probe in float32, or export it --to transformers."
        )


def _check_free(folder: Path, config: ExportConfig) -> None:
    """Let only a new or empty folder, or with `overwrite` an earlier export, be written to."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / EXPORT_FILE).is_file():
        raise ProbeError(
            f"Expected {folder} to be new, empty or an earlier export, but it is not; give another --out."
        )
    read_export(folder)
    if not config.overwrite:
        raise ProbeError(
            f"Expected {folder} to be free, but it holds an export; give another --out, or --overwrite to replace it."
        )


def _record(folder: Path, config: ExportConfig, usable: Usable) -> ExportRecord:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return ExportRecord(
        to=config.to,
        title=usable.title,
        way=usable.way,
        encoder=usable.encoder_facts,
        labels=usable.labels,
        corpora=[_terms(corpus) for corpus in usable.corpora],
        expected=usable.expected,
        quantised="int8" if config.int8 else None,
        files={path.relative_to(folder).as_posix(): sha256(path) for path in files},
    )


def _terms(recorded: CorpusRecord) -> CorpusTerms:
    corpus = corpora.load(recorded.name)
    return CorpusTerms(
        name=corpus.name, licence=corpus.licence, homepage=corpus.homepage, subset=recorded.subset
    )


def _loaded(config: ExportConfig, usable: Usable) -> tuple[Loaded | None, Family | None, str]:
    """The encoder as it was published, checked by its hashes, and its architecture.

    Raises:
        ProbeError: it is not the one that the heads were trained on.
    """
    name, revision = place_of(usable, config.model)
    if name.startswith(BUILTIN):
        return None, None, usable.encoder.architecture
    loaded, family, architecture = loading.load(name, revision, config.trust_remote_code)
    known = usable.encoder
    hashes = loading.weights_hash(loaded.model), loading.preprocessor_hash(loaded.extractor)
    if hashes != (known.weights_sha256, known.preprocessor_sha256):
        raise ProbeError(
            f"Expected the encoder that the heads were trained on ({known.name}, revision {known.revision}), but "
            f"{name} has other weights or preprocessing; give that one with --model."
        )
    settle_weights(loaded.model)
    return loaded, family, architecture


def _write_transformers(folder: Path, config: ExportConfig, usable: Usable) -> None:
    from transformers import Wav2Vec2FeatureExtractor

    from emobox_probe.use.export.emobox_config import EmoBoxConfig
    from emobox_probe.use.export.emobox_model import EmoBoxForAudioClassification
    from emobox_probe.use.export.side_by_side import Heads

    loaded, _, architecture = _loaded(config, usable)
    heads = [kept.head for kept in usable.heads]
    made = EmoBoxConfig(
        architecture=architecture,
        encoder=None if loaded is None else loaded.config.to_dict(),
        encoder_preprocessor=None if loaded is None else _preprocessor(loaded.extractor),
        facts=usable.encoder_facts.model_dump(mode="json"),
        heads=[{"layer": kept.layer, "hidden": len(kept.head.first)} for kept in usable.heads],
        store_dtype=usable.store_dtype,
        id2label=dict(enumerate(usable.labels)),
        label2id={label: number for number, label in enumerate(usable.labels)},
    )
    model = EmoBoxForAudioClassification(made)
    if loaded is not None:
        model.encoder = loaded.model
    model.heads = Heads(heads, [kept.layer for kept in usable.heads], usable.store_dtype)
    with _no_bars():
        model.save_pretrained(folder)
    # Waveforms go in as they are: what else the encoder wants is done in the model, which knows their true lengths.
    Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=True).save_pretrained(folder)


@contextmanager
def _no_bars() -> Iterator[None]:
    """Without the bar of transformers, which counts files: of one, it says nothing."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    if shown:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _preprocessor(extractor: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(extractor.to_json_string())
    return content | {"feature_extractor_type": type(extractor).__name__}


def _write_onnx(folder: Path, config: ExportConfig, usable: Usable) -> None:
    from emobox_probe.use.export.graph import ClassifierGraph, front_of
    from emobox_probe.use.export.onnx_graph import check_installed, write_graph
    from emobox_probe.use.export.side_by_side import Heads

    check_installed()
    loaded, family, _ = _loaded(config, usable)
    front = front_of(loaded, family, usable.needs_layers, usable.encoder.name)
    heads = Heads(
        [kept.head for kept in usable.heads], [kept.layer for kept in usable.heads], usable.store_dtype
    )
    write_graph(ClassifierGraph(front, heads), folder / GRAPH, config.int8)


def _write_web(folder: Path, config: ExportConfig, usable: Usable) -> None:
    from emobox_probe.use.export.page import copy_runtime, find_runtime, write_page

    runtime = find_runtime(config.onnxruntime_web)
    _write_onnx(folder, config, usable)
    copy_runtime(runtime, folder)
    write_page(folder)
