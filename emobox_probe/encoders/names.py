"""What models and folders are called where others read it: never by a path of the machine that made the record."""

from pathlib import Path

TRIMMED = ":trimmed"


def is_path(model: str) -> bool:
    """Whether a model's name can only be a path: it is absolute, begins with a dot or `~`, or is no `a/b`.

    >>> [is_path(name) for name in ("openai/whisper-base", "builtin:logmel", "/models/mine", "./mine")]
    [False, False, True, True]
    """
    return model.startswith(("/", ".", "~")) or model.count("/") > 1 or "\\" in model


def model_name(model: str) -> str:
    """A Hub id or a built-in as it is, of a folder's path the last part.

    >>> model_name("/home/ada/models/mine:trimmed"), model_name("openai/whisper-base")
    ('mine:trimmed', 'openai/whisper-base')
    """
    return model.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] if is_path(model) else model


def recorded_name(model: str) -> str:
    """The same of a model on this machine, whose folder may be named by a link, or as `.`."""
    folder = model.removesuffix(TRIMMED)
    return model_name(str(Path(folder).resolve()) + model[len(folder) :]) if is_path(folder) else model


def path_for_others(path: str | Path) -> str:
    """An absolute path as one from the working directory if it is below it, else `/path/to/<its last part>`.

    >>> path_for_others("/home/ada/emodb"), path_for_others(Path.cwd() / "runs" / "new"), path_for_others("runs")
    ('/path/to/emodb', 'runs/new', 'runs')
    """
    path = Path(path)
    if not path.is_absolute():
        return str(path)
    return str(
        path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else "/path/to" / Path(path.name)
    )
