"""Where the parts of a model are loaded from: what the user named, or a conversion of what is published there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers.dynamic_module_utils import get_class_from_dynamic_module
from transformers.utils import CONFIG_NAME, SAFE_WEIGHTS_NAME, WEIGHTS_NAME
from transformers.utils.hub import extract_commit_hash

from emobox_probe.encoders.checkpoints.bin_weights import converted_bin
from emobox_probe.encoders.checkpoints.files import has_safetensors, own_file
from emobox_probe.encoders.checkpoints.funasr import converted_funasr
from emobox_probe.encoders.convert_checkpoint import SETTINGS
from emobox_probe.encoders.names import without_folder
from emobox_probe.errors import ProbeError


@dataclass(frozen=True)
class Location:
    """What `from_pretrained` takes.

    `name` is what the user gave and what messages say; `place` the Hub id or folder with its config.json; `commit` what
    the files are of, None for folders.
    """

    name: str
    place: str
    revision: str | None
    commit: str | None
    trust_remote_code: bool

    @property
    def options(self) -> dict[str, Any]:
        return {"revision": self.revision, "trust_remote_code": self.trust_remote_code}


def locate(name: str, revision: str | None, trust_remote_code: bool) -> Location:
    """Look a model up, once: all of it is then loaded from one commit.

    A model as FunASR publishes it is converted first.

    Raises:
        ProbeError: a checkpoint of FunASR is refused, a revision of a folder is asked for, or a path leads nowhere.
        OSError: there is no such model, or the Hub cannot be reached.
    """
    if problem := without_folder(name):
        raise ProbeError(problem)
    if revision is not None and Path(name).is_dir():
        raise ProbeError(f"Expected no --revision with the folder {name}, which has but one; leave it out.")
    config = own_file(name, CONFIG_NAME, revision)
    if config is not None:
        commit = extract_commit_hash(str(config), None)
        return Location(name, name, commit or revision, commit, trust_remote_code)
    settings = own_file(name, SETTINGS, revision)
    if settings is not None:
        commit = extract_commit_hash(str(settings), None)
        folder = converted_funasr(name, commit or revision)
        return Location(name, str(folder), None, commit, trust_remote_code)
    return Location(name, name, revision, None, trust_remote_code)  # loading it says what is missing


def weights_place(location: Location, config: Any) -> str:
    """The Hub id or folder with the weights as safetensors: the model's own, else those of its `pytorch_model.bin`.

    Args:
        location: of the model.
        config: of the part that is loaded.

    Raises:
        ProbeError: there are none, or they are refused.
        ValueError: an index leads to other files; says which, as a part of a sentence.
        OSError: the Hub cannot be reached.
    """
    if has_safetensors(location.place, location.revision, config):
        return location.place
    folder = converted_bin(location.place, location.revision)
    if folder is None:
        raise ProbeError(
            f"Expected {location.name} to have weights as {SAFE_WEIGHTS_NAME} or {WEIGHTS_NAME}, but it has neither; "
            f"save it with save_pretrained(), or choose another model or revision."
        )
    return str(folder)


def load_weights(auto_class: Any, location: Location, config: Any, **wanted: Any) -> Any:
    """What `auto_class.from_pretrained` gives, with the weights of `weights_place`."""
    place = weights_place(location, config)
    if place == location.place:
        return auto_class.from_pretrained(place, **wanted, **location.options)
    own_class = (getattr(config, "auto_map", None) or {}).get(auto_class.__name__)
    if own_class and location.trust_remote_code:
        # The code is beside the configuration, not beside the converted weights.
        auto_class = get_class_from_dynamic_module(own_class, location.place, revision=location.revision)
    return auto_class.from_pretrained(place, config=config, **wanted)
