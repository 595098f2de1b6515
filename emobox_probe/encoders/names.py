"""What models and folders are called where others read it: never by a path of the machine that made the record."""

from difflib import get_close_matches
from pathlib import Path

TRIMMED = ":trimmed"
# What the names of encoders of one's own begin with.
OWN = ("python", "hear")


def is_path(model: str) -> bool:
    """Whether a model's name can only be a path: it is absolute, begins with a dot or `~`, or is no `a/b`.

    >>> [is_path(name) for name in ("openai/whisper-base", "builtin:logmel", "/models/mine", "./mine")]
    [False, False, True, True]
    """
    return model.startswith(("/", ".", "~")) or model.count("/") > 1 or "\\" in model


def without_folder(model: str) -> str:
    """What is wrong with the path of a model where nothing is, as a sentence; empty for what may be on the Hub.

    >>> without_folder("openai/whisper-base"), without_folder("/nowhere")
    ('', 'Expected the folder of a model, but there is no such folder as /nowhere; correct its path.')
    """
    path = Path(model)
    if not is_path(model) or path.exists():
        return ""
    remedy = "write out what ~ stands for" if model.startswith("~") else "correct its path"
    return f"Expected the folder of a model, but there is no such folder as {model}; {remedy}.{near_folders(path)}"


def near_folders(path: Path) -> str:
    """A question that names folders beside it of like names; empty where there are none."""
    siblings = [item.name for item in path.parent.iterdir() if item.is_dir()] if path.parent.is_dir() else []
    near = [str(path.parent / sibling) for sibling in get_close_matches(path.name, siblings, cutoff=0.5)]
    return f" Did you mean {' or '.join(near)}?" if near else ""


def model_name(model: str) -> str:
    """A Hub id or a built-in as it is, of a folder's or a file's path the last part.

    >>> model_name("/home/ada/models/mine:trimmed"), model_name("openai/whisper-base")
    ('mine:trimmed', 'openai/whisper-base')
    >>> model_name("python:/home/ada/mine.py:load"), model_name("hear:mine@/home/ada/weights.pt")
    ('python:mine.py:load', 'hear:mine@weights.pt')
    """
    kind, _, own = model.partition(":")
    if kind in OWN:
        code, at, weights = own.partition("@")
        return f"{kind}:{_last(code)}{at}{_last(weights)}"
    return _last(model) if is_path(model) else model


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def recorded_name(model: str) -> str:
    """The same of a model on this machine, whose folder may be named by a link, or as `.`."""
    folder = model.removesuffix(TRIMMED)
    if model.partition(":")[0] in OWN:
        return model_name(model)
    if is_path(folder) or Path(folder).is_dir():  # a folder goes before the Hub's model of that name
        return Path(folder).resolve().name + model[len(folder) :]
    return model


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
