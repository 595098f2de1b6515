"""What can be known of a model before it is loaded: whether it is there, which version, how large."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml
from huggingface_hub import hf_hub_download, parse_local_safetensors_file_metadata
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
)
from transformers.utils import CONFIG_NAME

from emobox_probe.encoders.builtin import BUILTIN
from emobox_probe.encoders.checkpoints.preview import Preview, preview
from emobox_probe.encoders.convert_checkpoint import SETTINGS
from emobox_probe.encoders.load import load_encoder
from emobox_probe.encoders.names import TRIMMED, without_folder
from emobox_probe.encoders.own.doors import is_own
from emobox_probe.encoders.own.located import code_of, files_of
from emobox_probe.errors import ProbeError
from hub_cards.bench.plan import Model

# Encoders of the paper, by their Hub ids: parameters in millions and dimension, as their cards and configurations say.
TABULATED = {
    "facebook/wav2vec2-base": (94.4, 768),
    "facebook/hubert-base-ls960": (94.4, 768),
    "facebook/hubert-large-ll60k": (315.4, 1024),
    "microsoft/wavlm-base": (94.4, 768),
    "microsoft/wavlm-large": (315.5, 1024),
    "facebook/data2vec-audio-base": (93.2, 768),
    "facebook/data2vec-audio-large": (313.3, 1024),
    "openai/whisper-large-v3": (637.0, 1280),
}
# Taken where nothing tells the size.
UNKNOWN = (316.0, 1024)
# Names of the width and depth of a model in configurations of transformers.
WIDTHS, DEPTHS = ("hidden_size", "d_model"), ("num_hidden_layers", "encoder_layers")


@dataclass(frozen=True)
class Size:
    """Parameters in millions, dimension of frames, frames per second, layers; `source` says how it is known."""

    parameters: float
    dimension: int
    frame_rate: float
    layers: int
    source: str


@dataclass(frozen=True)
class ModelHere:
    """A model of a plan and what was found of it; `problem` says why it cannot be had.

    `preview` is what loading would read, where that was looked at; `code` the file that is run for an encoder of the
    user's own.
    """

    model: Model
    stamp: str
    config: dict[str, Any]
    folder: Path | None
    problem: str | None = None
    preview: Preview | None = None
    code: Path | None = None

    @property
    def windowed(self) -> bool:
        """Whether every utterance costs whole windows of 30 s."""
        return self.config.get("model_type") == "whisper" and not self.model.name.endswith(TRIMMED)

    @cached_property
    def size(self) -> Size:
        """How large the model is, as far as can be told without loading it."""
        if self.model.name.startswith(BUILTIN):
            facts = load_encoder(self.model.name, torch.device("cpu")).facts
            return Size(0.0, facts.dimension, facts.frame_rate, 0, "built in")
        if self.code:
            return Size(*UNKNOWN, 50.0, 24, "not known of an encoder of one's own; a large model is assumed")
        name = self.model.name.removesuffix(TRIMMED)
        width = next((self.config[key] for key in WIDTHS if key in self.config), None)
        depth = next((self.config[key] for key in DEPTHS if key in self.config), 24)
        weights = None if self.folder is None else self.folder / "model.safetensors"
        if name in TABULATED:
            return Size(*TABULATED[name], 50.0, depth, "tabulated")
        if weights is not None and weights.is_file():
            count = sum(parse_local_safetensors_file_metadata(weights).parameter_count.values())
            return Size(count / 1e6, int(width or UNKNOWN[1]), 50.0, depth, "its files")
        if width:
            # A Transformer layer has about 12 width² parameters.
            return Size(12e-6 * depth * width**2 + 5, int(width), 50.0, depth, "its configuration")
        return Size(*UNKNOWN, 50.0, depth, "assumed: a large model")


def find_model(model: Model) -> ModelHere:
    """Look a model up: a built-in, code of the user's, a folder, or a repository on the Hub (its configuration only).

    No code of a model is run.
    """
    if model.name.startswith(BUILTIN):
        return _find_builtin(model)
    if is_own(model.name):
        return _find_own(model)
    name = model.name.removesuffix(TRIMMED)
    folder = Path(name)
    if folder.is_dir():
        return ModelHere(model, _folder_stamp(folder), _read_config(folder), folder)
    if problem := without_folder(name):
        return ModelHere(model, "", {}, None, problem)
    try:
        path = _download_config(name, model.revision)
    except (OSError, ValueError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        problem = (
            f"Expected a folder, or a model that can be had from the Hub, but {model.name!r} cannot: {reason}. Correct "
            f"the name or the network, or log in with `hf auth login`; with HF_HUB_OFFLINE=1 the cache serves."
        )
        return ModelHere(model, "", {}, None, problem)
    # …/snapshots/<commit>/config.json
    return ModelHere(model, f"{name} {path.parent.name}", _read_config(path.parent), path.parent)


def previewed(here: ModelHere) -> ModelHere:
    """The same with what loading it would read."""
    if here.problem or here.code or here.model.name.startswith(BUILTIN):
        return here
    named = here.config.get("transformers_weights")
    return replace(here, preview=preview(here.model.name.removesuffix(TRIMMED), here.model.revision, named))


def _download_config(name: str, revision: str | None) -> Path:
    """The configuration, or the settings that FunASR has in its place."""
    try:
        return Path(hf_hub_download(name, CONFIG_NAME, revision=revision))
    except EntryNotFoundError:
        try:
            return Path(hf_hub_download(name, SETTINGS, revision=revision))
        except EntryNotFoundError:
            pass
        raise


def _find_builtin(model: Model) -> ModelHere:
    try:
        revision = load_encoder(model.name, torch.device("cpu")).facts.revision
    except ProbeError as error:  # it needs a library that is not installed
        return ModelHere(model, "", {}, None, str(error))
    return ModelHere(model, f"{model.name} {revision} {version('emobox')}", {}, None)


def _find_own(model: Model) -> ModelHere:
    try:
        code, files = code_of(model.name), files_of(model.name)
    except ProbeError as error:
        return ModelHere(model, "", {}, None, str(error))
    return ModelHere(model, f"{model.name} {_stamp(files)}", {}, None, code=code)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        if not (folder / CONFIG_NAME).is_file() and (folder / SETTINGS).is_file():
            return _read_settings(folder / SETTINGS)
        config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}  # loading the model says what is wrong with it
    return config if isinstance(config, dict) else {}


def _read_settings(path: Path) -> dict[str, Any]:
    """Width and depth of a model of FunASR, by the names of transformers."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings = content.get("model_conf") if isinstance(content, dict) else None
    names = {"hidden_size": "embed_dim", "num_hidden_layers": "depth"}
    if not isinstance(settings, dict):
        return {}
    return {ours: settings[theirs] for ours, theirs in names.items() if isinstance(settings.get(theirs), int)}


def _folder_stamp(folder: Path) -> str:
    """Changes when a file of the folder does; the hash of the weights themselves is in what was extracted."""
    return _stamp(path for path in sorted(folder.iterdir()) if path.is_file())


def _stamp(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        stat = path.stat()
        digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
