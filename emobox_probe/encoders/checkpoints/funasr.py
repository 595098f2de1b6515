"""emotion2vec as FunASR lays it out, in a folder or on the Hub: `model.pt`, `config.yaml`, `tokens.txt`.

`configuration.json` may name the checkpoint otherwise, as that of emotion2vec base does (`emotion2vec_base.pt`).
"""

import json
from pathlib import Path

from emobox_datasets.files import inside
from emobox_probe.encoders.checkpoints.conversions import conversion_of
from emobox_probe.encoders.checkpoints.files import check_is_there, own_file
from emobox_probe.encoders.convert_checkpoint import LABELS, SETTINGS, write_model
from emobox_probe.errors import ProbeError

# Raise the number when the same file would be converted to something else.
KIND = "funasr 1"
DESCRIPTION, CHECKPOINT = "configuration.json", "model.pt"


def converted_funasr(name: str, revision: str | None) -> Path:
    """The folder that `emobox convert-checkpoint` would make of the checkpoint.

    Args:
        name: Hub id or folder.
        revision: branch, tag or commit on the Hub.

    Raises:
        ProbeError: there is no checkpoint, or it is refused; says why.
        OSError: the Hub cannot be reached.
    """
    checkpoint = checkpoint_name(name, revision)
    wanted = {file: own_file(name, file, revision) for file in (checkpoint, SETTINGS, LABELS)}
    files = {file: path for file, path in wanted.items() if path is not None}
    if checkpoint not in files:
        raise ProbeError(
            f"Expected {checkpoint} beside {SETTINGS} of {name}, as FunASR has them, but there is none; get it too, or "
            f"give a model of transformers (with config.json)."
        )
    called = f"{checkpoint} of {name}"

    def convert(folder: Path) -> None:
        check_is_there(files[checkpoint], called)
        write_model(files[checkpoint], folder, called)

    return conversion_of(name, KIND, files, convert)


def checkpoint_name(name: str, revision: str | None) -> str:
    """What the checkpoint is called.

    Raises:
        ProbeError: `configuration.json` names a file outside of the model.
    """
    description = own_file(name, DESCRIPTION, revision)
    if description is None:
        return CHECKPOINT
    try:
        named = json.loads(description.read_bytes())["file_path_metas"]["init_param"]
    except (ValueError, KeyError, TypeError):
        return CHECKPOINT
    try:
        return inside("", named).as_posix()
    except ValueError as error:
        raise ProbeError(
            f"Expected {DESCRIPTION} of {name} to name a checkpoint beside it, but got {named!r}; correct it."
        ) from error
