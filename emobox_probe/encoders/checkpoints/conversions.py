"""Conversions of published files, kept so that each is made once.

    $HF_HOME/emobox/converted/<key>/model.safetensors   and what else the conversion writes
    $HF_HOME/emobox/converted/<key>/checksums.json      of all of that, held against it whenever it is read

The key hashes the content of the published files: another revision with the same weights finds the conversion, other
weights never do.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock
from huggingface_hub import constants
from safetensors import SafetensorError

from emobox_datasets.errors import is_disk_full
from emobox_datasets.files import sha256, whole_folder
from emobox_probe.errors import ProbeError

CHECKSUMS = "checksums.json"


def conversion_of(name: str, kind: str, files: Mapping[str, Path], convert: Callable[[Path], None]) -> Path:
    """The folder that `convert` makes of published files, made now where it is not kept already.

    One that is damaged on the disk is made again. Processes that want the same one wait for the first; a killed one
    leaves nothing that another would take for whole.

    Args:
        name: of the model, for messages.
        kind: of the conversion, and its version: part of the key.
        files: what is converted.
        convert: writes into the new folder that it is given, `model.safetensors` among others.

    Raises:
        ProbeError: `convert` refuses the files, a download is damaged, or the folder cannot be written.
    """
    root = Path(constants.HF_HOME).expanduser() / "emobox" / "converted"
    hashes = {file: _content_hash(path) for file, path in files.items()}
    key = hashlib.sha256(json.dumps([kind, hashes], sort_keys=True).encode()).hexdigest()[:32]
    folder = root / key
    if _is_whole(folder):
        return folder
    try:
        (root / "locks").mkdir(parents=True, exist_ok=True)
        with FileLock(root / "locks" / key):
            if not _is_whole(folder):
                for path in files.values():
                    _check_download(name, path)
                shutil.rmtree(folder, ignore_errors=True)
                _check_room(name, root, files)
                with whole_folder(folder) as unfinished:
                    convert(unfinished)
                    written = {path.name: sha256(path) for path in unfinished.iterdir()}
                    (unfinished / CHECKSUMS).write_text(json.dumps(written, indent=2) + "\n")
    except (OSError, SafetensorError) as error:
        if is_disk_full(error) or "StorageFull" in str(error):
            raise ProbeError(_no_room(name, root)) from error
        raise ProbeError(
            f"Expected to keep the weights of {name} as safetensors in {root}, but got: {error}; set HF_HOME to a "
            f"folder that you may write to."
        ) from error
    return folder


def _content_hash(path: Path) -> str:
    """SHA-256 of a file; the Hub's cache calls large files by it, so that those need not be read."""
    blob = path.resolve()
    named = blob.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", blob.name)
    return blob.name if named else sha256(path)


def _check_download(name: str, path: Path) -> None:
    if _content_hash(path) != sha256(path):
        raise ProbeError(
            f"Expected {path.name} of {name} as it is on the Hub, but the checksum of {path.resolve()} is another; "
            f"delete it and run again."
        )


def _is_whole(folder: Path) -> bool:
    """Every file is as it was written: not cut short by a power cut, no bit of it flipped."""
    try:
        hashes = json.loads((folder / CHECKSUMS).read_bytes())
        return all(sha256(folder / file) == written for file, written in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _check_room(name: str, root: Path, files: Mapping[str, Path]) -> None:
    if sum(path.stat().st_size for path in files.values()) > shutil.disk_usage(root).free:
        raise ProbeError(_no_room(name, root))


def _no_room(name: str, root: Path) -> str:
    free = shutil.disk_usage(root).free
    return (
        f"Expected room in {root} to keep the weights of {name} as safetensors, but the disk is full "
        f"({free / 1e6:,.0f} MB left); make room, or set HF_HOME to a folder on another disk."
    )
