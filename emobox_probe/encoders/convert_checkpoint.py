"""`emobox convert-checkpoint`: a published checkpoint of data2vec 2.0 or emotion2vec becomes a folder for `--model`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError

from emobox_datasets.files import sha256, whole_folder
from emobox_probe.encoders.data2vec2 import Data2Vec2FeatureExtractor
from emobox_probe.encoders.data2vec2.data2vec2_checkpoint import Converted, convert
from emobox_probe.encoders.data2vec2.pickles import plain, read_checkpoint
from emobox_probe.errors import ProbeError

# sha256 of published files: this one as public projects pin it for ModelScope's v2.0.5 and for the Hub's revision
# 6c303ba. For data2vec 2.0 (dl.fbaipublicfiles.com), emotion2vec base and emotion2vec+ seed and base none was found.
KNOWN = {
    "be501a01f26fcdc7663a062dff86af839afbaef7c4de32f5e42d7e1ad2784da4": (
        "emotion2vec+ large (model.pt of iic/emotion2vec_plus_large v2.0.5)"
    ),
}
SETTINGS, LABELS = "config.yaml", "tokens.txt"


def convert_checkpoint(path: Path, out: Path) -> list[str]:
    """Write model, configuration and feature extractor to `out`; what there is to say about it, in lines.

    FunASR keeps settings and labels beside its checkpoints, in config.yaml and tokens.txt: where they are there, they
    are read.

    Raises:
        ProbeError: the checkpoint is refused (see `read_checkpoint` and `convert`), what is beside it cannot be read,
            `out` is a file or holds something already, or the disk is full.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise ProbeError(
            f"Expected a new or empty folder to write to, but {out} is there already; name another."
        )
    converted = _converted(path, str(path))
    _save(converted.model, out)
    return _report(converted, path, out)


def write_model(path: Path, folder: Path, called: str) -> None:
    """The same into a folder that is there, without a word.

    Args:
        path: of the checkpoint.
        folder: what is written to.
        called: what messages call the checkpoint.

    Raises:
        ProbeError: the checkpoint is refused, or what is beside it cannot be read.
    """
    _write(_converted(path, called).model, folder)


def _converted(path: Path, called: str) -> Converted:
    content = read_checkpoint(path, called)
    weights = _weights(called, content)
    settings = _settings(content) or _settings_beside(path, called)
    converted = convert(called, weights, settings, _labels_beside(path))
    converted.model.config.converted_from = {"file": path.name, "sha256": sha256(path)}
    return converted


# ── what is in the file and beside it ──


def _weights(called: str, content: Any) -> Mapping[str, Any]:
    """The names and tensors of a checkpoint: all of it, or what is below the keys that training tools use."""
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise ProbeError(
            f"Expected a table of weights in {called}, but it holds a {type(content).__name__}; give a checkpoint of "
            f"fairseq or FunASR."
        )
    return content


def _settings(content: Any) -> dict[str, Any]:
    """As fairseq keeps them; empty where there are none, or those of what the encoder was fine-tuned in."""
    settings = plain(content.get("cfg")) if isinstance(content, Mapping) else None
    model = settings.get("model") if isinstance(settings, dict) else None
    if not isinstance(model, dict) or "modalities" not in model:
        return {}
    task = settings.get("task") if isinstance(settings, dict) else None
    return {**model, "normalize": task.get("normalize") if isinstance(task, dict) else None}


def _settings_beside(path: Path, called: str) -> dict[str, Any]:
    """As FunASR keeps them."""
    beside = path.with_name(SETTINGS)
    if not beside.is_file():
        return {}
    try:
        settings = yaml.safe_load(beside.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProbeError(
            f"Expected {SETTINGS} beside {called} to be YAML, but got: {str(error).splitlines()[0]}."
        ) from error
    model = settings.get("model_conf") if isinstance(settings, dict) else None
    if not isinstance(model, dict):
        raise ProbeError(
            f"Expected model_conf in {SETTINGS} beside {called}, as FunASR writes it; move the file away if it is "
            f"another's."
        )
    return model


def _labels_beside(path: Path) -> list[str]:
    """In English: the published ones are like 生气/angry, and <unk>."""
    beside = path.with_name(LABELS)
    if not beside.is_file():
        return []
    lines = beside.read_text(encoding="utf-8").splitlines()
    return [line.strip().split("/")[-1].strip("<>") for line in lines if line.strip()]


# ── what is written and said ──


def _save(model: Any, out: Path) -> None:
    """All of the folder or nothing."""
    try:
        with whole_folder(out.absolute()) as folder:
            _write(model, folder)
    except SafetensorError as error:  # which tells what the operating system said in words only
        raise ProbeError(
            f"Expected to write {out}, but got: {error}; make room there, or name another folder. Nothing is left of "
            f"what was begun."
        ) from error


def _write(model: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    Data2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)


def _report(converted: Converted, path: Path, out: Path) -> list[str]:
    model = converted.model
    config, count = model.config, sum(parameter.numel() for parameter in model.parameters())
    digest = config.converted_from["sha256"]
    name = KNOWN.get(digest, "not among the files whose sha256 is known, which says nothing against it")
    lines = [
        f"{path}: {name}",
        f"sha256 {digest}",
        f"{count:,} parameters, {config.num_prenet_layers} + {config.num_hidden_layers} blocks of "
        f"{config.hidden_size}, {config.num_extra_tokens} extra tokens; every weight was used, none is missing",
    ]
    lines += [f"left out: {what}, {number} tensors" for what, number in converted.left_out.items()]
    lines += [f"not in the checkpoint, assumed: {what}" for what in converted.assumed]
    if "classifier.weight" in model.state_dict():
        lines.append(f"classes: {', '.join(config.id2label[number] for number in range(config.num_labels))}")
    return [*lines, f"wrote {out}: emobox probe --model {out} --corpus …"]
