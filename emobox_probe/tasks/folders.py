"""Where the records of a model are."""

from pathlib import Path

from emobox_probe.config import TrainingConfig
from emobox_probe.encoders.names import TRIMMED


def limit_ending(config: TrainingConfig) -> str:
    """What a smoke test's folder ends in."""
    return "" if config.limit is None else f"-limit-{config.limit}"


def model_folder(output: Path, name: str) -> Path:
    """`<output>/<model>`; a Hub id `a/b` and `builtin:b` become `a--b`, a path its last part."""
    folder = name.removesuffix(TRIMMED)
    if Path(folder).is_dir():
        name = Path(folder).resolve().name + name[len(folder) :]
    return output / name.replace(":", "--").replace("/", "--")
